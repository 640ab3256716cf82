"""`lens explain`: why a release is decided as it is, and why not otherwise."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import msgspec
import typer

from app.cli.complaining import complain
from app.cli.policy.decide import read_day
from app.cli.policy.named_books import Book, book_named, stored_book
from app.decide.decide import Decider
from app.decide.explain import as_text, explain
from app.errors import LensError, NotFound
from app.running.database import database_as_it_is
from app.running.deciding import terms_of
from app.settings import Settings, read_settings
from app.store.accepted.bodies import decided_last
from app.store.database.reading import look

app = typer.Typer(add_completion=False)


@app.command("explain")
def explain_release(
    what: Annotated[
        str, typer.Argument(metavar="FILE|RELEASE_ID", help="A file with releases (NDJSON), or a stored release's id.")
    ],
    rulebook: Book = None,
    as_of: Annotated[str | None, typer.Option(help="Explain as of this day (YYYY-MM-DD), not the day of each release.")] = None,
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="For people or for programs.")] = "text",
) -> None:
    """Explain decisions: the rules that fired, those beaten and by what, the nearest that missed, and what comes out overall.

    A stored release is explained under the version of the rulebook that decided about it, unless another is named. A line that is
    no release is told, the others go on, and the exit code is 1. It shows charges: not for the eyes of those who may not see them.

    Example: lens explain docs/examples/release.json --as-of 2026-01-01
    """
    day = read_day(as_of)
    settings = read_settings()
    meant = _meant(what, settings)
    if rulebook is None and meant.decided_by is not None:
        book = stored_book(meant.decided_by, settings)
    else:
        book = book_named(rulebook, settings)
    decider = Decider(book, terms_of(settings))
    told, now = 0, datetime.now(UTC)
    for place, raw in meant.releases:
        try:
            explanation = explain(decider, decider.read(raw), day, now)
        except LensError as error:
            complain(error, place)
            continue
        if form == "json":
            sys.stdout.buffer.write(msgspec.json.encode(explanation) + b"\n")
        else:
            print(("\n\n" if told else "") + as_text(explanation))
        told += 1
    if told < len(meant.releases):
        raise typer.Exit(1)


class _Meant(NamedTuple):
    """Releases as JSON bytes, each with its place in a file of many; `decided_by` the version that decided about a stored one."""

    releases: tuple[tuple[str, bytes], ...]
    decided_by: str | None = None


def _meant(what: str, settings: Settings) -> _Meant:
    path = Path(what)
    if path.is_file():
        return _Meant(_in_file(path))
    with database_as_it_is(settings) as store:
        if store is None:
            raise NotFound(f"There is no file called {what}, and no database to look for a release in.")
        found = look(store, lambda connection: decided_last(connection, what))
    if found is None:
        raise NotFound(f"There is no file and no stored release called {what}.")
    return _Meant((("", found.body.encode()),), found.rulebook)


def _in_file(path: Path) -> tuple[tuple[str, bytes], ...]:
    """The releases of a file: one, on as many lines as it likes, or one a line, where any line looks like a whole one."""
    content = path.read_bytes()
    lines = [(number, line.strip()) for number, line in enumerate(content.splitlines(), 1) if line.strip()]
    whole = [line.startswith(b"{") and line.endswith(b"}") for _, line in lines]
    if not any(whole) or (path.suffix == ".json" and not all(whole)):
        return (("", content),)
    return tuple((f"line {number}" if len(lines) > 1 else "", line) for number, line in lines)
