"""`lens rulebook`: the versions of the rulebook in the database, from draft to live and back; and bundles, signed or not."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from app.cli.listing import store_at_hand
from app.cli.policy.differences import Form, shown
from app.cli.policy.rulebook_bundles import keygen, pack, read_source, tell_faults, verify
from app.cli.policy.rulebook_text import as_lines, as_table, failed_lines, summary
from app.cli.printing import pretty
from app.cli.progress import working
from app.cli.record import actor, checked_reason, line_or_none
from app.errors import Conflict, Refused
from app.publishing.rulebooks import Rulebooks, Said
from app.rulebook.bundles.signing import is_name
from app.rulebook.bundles.versions import VERSION
from app.running.database import bring_up_to_date, database
from app.running.following import desk_of
from app.settings import read_settings
from app.store.database.engine import Store
from app.store.database.reading import look
from app.store.database.writer import Writer
from app.store.rulebooks.rulebook_reads import RulebookVersion, all_versions, bundle_of_version
from app.store.rulebooks.rulebooks import Kept

app = typer.Typer(no_args_is_help=True, add_completion=False)
app.command("pack")(pack)
app.command("verify")(verify)
app.command("keygen")(keygen)

_NOTHING = "nothing"
_BECAME: dict[Kept, str] = {
    "new": "stored",
    "again": "a draft again",
    "signed": "there already, and signed now",
    "known": "there already",
}
As = Annotated[
    str | None,
    typer.Option("--as", help="A remark on who you are. The record has the user id in any case; two people are two user ids."),
]
Named = Annotated[str, typer.Argument(help="The version: its SHA-256 in hexadecimal, or the first 12 digits of it.")]
CorrectsPast = Annotated[
    str | None,
    typer.Option("--corrects-past", callback=line_or_none, help="Why what is decided of days before today may change."),
]


@app.callback()
def rulebook() -> None:
    """Versions of the rulebook in the database of LENS_DATABASE_URL: drafted, approved by a second person, live, taken back."""


class _OpenDesk:
    """An open database, and what people do with rulebooks in it."""

    def __init__(self, store: Store, rulebooks: Rulebooks) -> None:
        self.store = store
        self.rulebooks = rulebooks

    def live(self) -> str:
        """The version that is live. Raises Conflict when none ever was."""
        version = self.rulebooks.live().version
        if version is None:
            raise Conflict("No rulebook is live: the first start of `lens serve` takes the one in LENS_RULEBOOK_DIR.")
        return version

    def named(self, version: str) -> str:
        """A version as people name it: itself, or `live`."""
        if version == "live":
            return self.live()
        if not VERSION.fullmatch(version):
            raise typer.BadParameter(f"{version} is not a version: 12 or 64 hexadecimal digits, or `live`")
        return version


@contextmanager
def _open_store() -> Iterator[_OpenDesk]:
    with store_at_hand() as store, _at_work(store) as opened:
        yield opened


@contextmanager
def _at_work(store: Store) -> Iterator[_OpenDesk]:
    with Writer(store) as writer:
        yield _OpenDesk(store, Rulebooks(desk_of(read_settings(), store, writer)))


def _by(name: str | None) -> str:
    if name is None:
        return actor()
    if not is_name(name):
        raise typer.BadParameter("1 to 40 letters, digits, `.`, `_`, `@` or `-`", param_hint="--as")
    return f"{actor()[:35]} as {name}"


@app.command()
def draft(
    source: Annotated[Path, typer.Argument(metavar="DIR|FILE", help="A folder with rules/ and ref_data/, or a bundle.")],
    name: As = None,
    title: Annotated[
        str | None, typer.Option("--title", callback=line_or_none, help="What the change is, in one line.")
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", callback=line_or_none, help="Why it is made, in one line.")] = None,
    corrects_past: CorrectsPast = None,
) -> None:
    """Check a rulebook and store it as a version. It decides nothing yet. Exit code 1 when it has errors.

    Example:
    lens rulebook draft . --as ann --title "Parole is left to a person" --reason "Policy memo of 15 November"

    """
    by = _by(name)
    settings = read_settings()
    try:
        bundle = read_source(source, vouched=settings.rulebook_trusted_keys is not None)
        with database(settings) as store:
            bring_up_to_date(store, settings)  # a first draft may come before the first start
            with _at_work(store) as opened, working("Checking every case, and running the scenarios"):
                version, kept = opened.rulebooks.draft(bundle, by, Said(title, reason, None, corrects_past))
    except Refused as refused:
        tell_faults(refused)
        raise typer.Exit(1) from None
    _print_warnings(version)
    print(f"{version.version} is {_BECAME[kept]}: {summary(version)}")
    for line in failed_lines(version.check):
        print(f"  {line}", file=sys.stderr)
    if version.check.scenarios.failed and settings.require_scenarios:
        print("It cannot be approved while they fail; `lens test` shows what was expected.", file=sys.stderr)
    elif not version.check.scenarios.run and settings.require_scenarios:
        print("It cannot be approved before it has scenarios.", file=sys.stderr)
    elif version.state == "draft":
        print(f"Another person approves it, after a look at what it changes: lens rulebook approve {version.version}")


@app.command("list")
def show_all() -> None:
    """List every version, oldest first: its state, who drafted and approved it, and when it last went live.

    Example:
    lens rulebook list

    """
    with _open_store() as opened:
        print(as_table(look(opened.store, all_versions)) or "There are no versions. Store one: lens rulebook draft DIR")


@app.command()
def show(
    version: Named,
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="For people or for programs.")] = "text",
    out: Annotated[Path | None, typer.Option(help="Also write its files into this folder, which must not be there.")] = None,
) -> None:
    """Show a version: its check, its approval, every time it went live. `live` is the live one.

    Example:
    lens rulebook show live --out old-rulebook

    """
    with _open_store() as opened:
        which = opened.named(version)
        found = opened.rulebooks.version(which)
        if form == "json":
            print(pretty(found))
        else:
            print("\n".join(as_lines(found)))
        if out is not None:
            bundle = look(opened.store, lambda connection: bundle_of_version(connection, which))
            if out.exists():
                raise typer.BadParameter(f"{out} is there already", param_hint="--out")
            for file in bundle.files:
                path = out / file.name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(file.content)
            print(f"Its {len(bundle.files)} files are in {out}/", file=sys.stderr)


@app.command()
def diff(
    old: Annotated[str, typer.Argument(help="A version or `live`; alone: the one to compare with what is live.")],
    new: Annotated[str | None, typer.Argument(help="The version to be.")] = None,
    form: Form = "text",
) -> None:
    """Show what changes between two stored versions: every possible case is compared, and the files line by line.

    Example:
    lens rulebook diff 3f9c2a7b41d0

    """
    with _open_store() as opened:
        before, after = ("live", old) if new is None else (old, new)
        print(_difference(opened, opened.named(before), opened.named(after), form))


def _difference(opened: _OpenDesk, old: str, new: str, form: str = "text") -> str:
    return shown(opened.rulebooks.diff(old, new), form)


@app.command()
def approve(
    version: Named,
    diff_seen: Annotated[
        str | None,
        typer.Option(help="The version that the diff you have seen began at, for scripts; `nothing` where none is live."),
    ] = None,
    name: As = None,
    comment: Annotated[str | None, typer.Option("--comment", callback=line_or_none, help="What you found.")] = None,
    corrects_past: CorrectsPast = None,
) -> None:
    """Approve what another person drafted, after a look at what it changes: the diff is shown, and you are asked.

    Example:
    lens rulebook approve 3f9c2a7b41d0 --as ben

    """
    by = _by(name)
    with _open_store() as opened:
        which = opened.named(version)
        if diff_seen is None:
            diff_seen = _show_changes(opened, which)
            if not sys.stdin.isatty():
                raise typer.BadParameter(f"nobody is there to be asked; say --diff-seen {diff_seen}", param_hint="--diff-seen")
            typer.confirm(f"Approve {which} as {by.removeprefix('cli ')}?", abort=True, err=True)
        said = Said(comment=comment, corrects_past=corrects_past)
        done = opened.rulebooks.approve(which, None if diff_seen == _NOTHING else diff_seen, by, said)
    _print_warnings(done)
    print(f"{done.version} is approved by {done.approved_by}. To put it live: lens rulebook publish {done.version}")


def _show_changes(opened: _OpenDesk, version: str) -> str:
    """Prints what approving a version would change; the version that the diff begins at, or that it begins at nothing."""
    found = opened.rulebooks.version(version)
    live = opened.rulebooks.live().version
    for words in opened.rulebooks.changed(version).warnings:
        print(words, end="\n\n")
    print("\n".join(as_lines(found)), end="\n\n")
    print(_difference(opened, live, version) if live else "Nothing is live yet: all of it is new.", end="\n\n")
    return live or _NOTHING


@app.command()
def reject(
    version: Named,
    comment: Annotated[str, typer.Option("--comment", callback=checked_reason, help="What is to be changed.")],
    name: As = None,
) -> None:
    """Send a version back to whoever drafted it. It cannot be approved until it is drafted again.

    Example:
    lens rulebook reject 3f9c2a7b41d0 --comment "The scenario for juveniles is missing" --as ben

    """
    by = _by(name)
    with _open_store() as opened:
        done = opened.rulebooks.reject(opened.named(version), comment, by)
    print(f"{done.version} is sent back by {done.rejected_by}. Draft it again once it is changed.")


@app.command()
def publish(
    version: Named,
    name: As = None,
    older: Annotated[
        str | None,
        typer.Option("--older", callback=line_or_none, help="Why a signed bundle older than one that was live goes live."),
    ] = None,
) -> None:
    """Put an approved version live, in every running process at once, a moment from now.

    Example:
    lens rulebook publish 3f9c2a7b41d0

    """
    by = _by(name)
    with _open_store() as opened, working("Publishing: every running process loads it"):
        done = opened.rulebooks.publish(opened.named(version), by, older)
    _print_warnings(done)
    print(f"{done.version} is live since {done.publications[-1].live_at}.")


@app.command()
def rollback(
    reason: Annotated[str, typer.Option("--reason", callback=checked_reason, help="Why it is taken back.")],
    version: Annotated[str, typer.Argument(help="The live version, or the one before it; `live` if left out.")] = "live",
    name: As = None,
) -> None:
    """Go one step back: the version that was live before decides again, in every running process.

    Example:
    lens rulebook rollback --reason "Notices went to the wrong ORI"

    """
    by = _by(name)
    with _open_store() as opened, working("Going back: every running process changes"):
        done = opened.rulebooks.roll_back(opened.named(version), by, reason)
    _print_warnings(done)
    print(f"{done.version} is live again since {done.publications[-1].live_at}.")


def _print_warnings(version: RulebookVersion) -> None:
    for words in version.warnings:
        print(words, file=sys.stderr)
