"""`lens diff`: what changes between two rulebooks, over every possible case and over recorded releases."""

import os
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Annotated

import typer

from app.cli.policy.differences import Form, shown
from app.cli.policy.named_books import is_stored, stored_files
from app.cli.progress import counting
from app.errors import BadRulebook, NotFound
from app.rulebook.book import use
from app.rulebook.files.report import as_text as problems_as_text
from app.rulebook.files.source import SourceFile, is_rulebook_file, read_folder
from app.rulebook.problems.problem import Problems, Spot
from app.rulebook.reading.content import Content, read_content
from app.rulebook.reading.must_say import NOT_SAID
from app.running.database import database_as_it_is
from app.settings import read_settings
from app.store.accepted.bodies import bodies
from app.trials.replay import Replayed, replay
from app.trials.rewording import compare_whole

app = typer.Typer(add_completion=False)

RECORDED = "recorded"


@app.command("diff")
def show_difference(
    old: Annotated[
        str,
        typer.Argument(
            help="A folder with rules/ and ref_data/, a version in the database, or a git revision (HEAD~1, main:policy)."
        ),
    ],
    new: Annotated[str, typer.Argument(help="The same, for the rulebook to be.")] = ".",
    form: Form = "text",
    replayed: Annotated[
        str | None, typer.Option("--replay", metavar="FILE|recorded", help="Also decide these releases (NDJSON) under both.")
    ] = None,
) -> None:
    """Show what changes between two rulebooks: every possible case is compared, and counted exactly; and the files line by line.

    Exit code 0, also when something changes; 1 when a rulebook has errors elsewhere than in its scenarios.

    Example: lens diff HEAD . --format markdown
    """
    (old_files, before), (new_files, after) = _rulebook(old), _rulebook(new)
    compared = compare_whole(before, after, datetime.now(UTC).date())
    if replayed is not None:
        compared = replace(compared, replay=_replay(old_files, new_files, replayed).as_json())
    print(shown(compared, form))


def _rulebook(name: str) -> tuple[tuple[SourceFile, ...], Content]:
    """The files and content of a rulebook by folder, version or git revision. Raises BadRulebook where it has errors.

    Errors in scenarios and promises, and words that a message must say and does not, are only noted: they decide nothing, and what a
    change does is best known before they are fixed.
    """
    problems = Problems()
    files = _files(name, problems)
    content = read_content(files, problems)
    if content is not None:
        use(content, problems)
    errors = [problem for problem in problems.sorted() if problem.severity == "error"]
    tried = {file for file, _ in content.scenario_nodes} if content is not None else set()
    if content is None or any(problem.spot.file not in tried and problem.code != NOT_SAID for problem in errors):
        raise BadRulebook(f"{name} has errors:\n{problems_as_text(errors, files)}")
    if any(problem.spot.file in tried for problem in errors):
        typer.echo(f"lens: {name}: errors in its scenarios and promises; `lens check` tells them", err=True)
    for problem in errors:
        if problem.code == NOT_SAID:
            typer.echo(f"lens: {name}: {problem.message}; as it is, it cannot go live", err=True)
    return files, content


def _files(name: str, problems: Problems) -> tuple[SourceFile, ...]:
    if Path(name).is_dir():
        return read_folder(Path(name), problems)
    if is_stored(name):
        try:
            return stored_files(name, read_settings())
        except NotFound:
            pass  # a short git revision looks the same
    return _git_files(name, problems)


def _git_files(name: str, problems: Problems) -> tuple[SourceFile, ...]:
    """The files of a git revision, `REVISION` or `REVISION:FOLDER`, of the repository around the current folder. Raises BadParameter."""
    command = ["git", "archive", "--format=tar", name.removesuffix(":"), "rules", "ref_data"]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - git as the user has it
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        raise typer.BadParameter(f"{name} is no folder, and git has no such revision with rules/ and ref_data/: {said}")
    files = []
    with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if member.issym():
                help = "put the file or folder itself there"
                problems.error("R001", "this is a link, and links are not followed", Spot(member.name), help=help)
            elif content is not None and is_rulebook_file(member.name):
                files.append(SourceFile(member.name, content.read()))
    return tuple(files)


def _replay(old: tuple[SourceFile, ...], new: tuple[SourceFile, ...], what: str) -> Replayed:
    total = Replayed()
    with _recorded_releases(what) as lines, counting("releases replayed") as tell:
        for found in replay(old, new, lines, os.cpu_count() or 1):
            total.add(found)
            tell(total.releases)
    return total


@contextmanager
def _recorded_releases(what: str) -> Iterator[Iterator[bytes]]:
    if what != RECORDED:
        try:
            with Path(what).open("rb") as stream:
                yield stream
        except OSError as error:
            raise typer.BadParameter(f"{what} cannot be read: {error.strerror}", param_hint="--replay") from None
        return
    with database_as_it_is(read_settings()) as store:
        if store is None:
            raise typer.BadParameter("there is no database with recorded releases", param_hint="--replay")
        with store.read.connect() as connection:
            yield bodies(connection)
