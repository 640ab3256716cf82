"""Rulebooks by the names people give them: a folder, or a version stored in the database."""

from pathlib import Path
from typing import Annotated

import typer

from app.errors import BadRulebook, NotFound
from app.rulebook.book import RuleBook, load, use
from app.rulebook.bundles.versions import VERSION
from app.rulebook.files.report import as_text
from app.rulebook.files.source import SourceFile
from app.rulebook.problems.problem import Problems
from app.rulebook.reading.content import read_content
from app.settings import Settings

Book = Annotated[
    str | None,
    typer.Option(metavar="DIR|VERSION", help="A folder, or a version in the database. Default: LENS_RULEBOOK_DIR, else here."),
]
"""The option `--rulebook`."""


def existing(folder: Path, named: str = "DIR") -> Path:
    """The folder that an argument or option names. That it is not there is wrong use; what it lacks is a fault of the rulebook."""
    if not folder.is_dir():
        raise typer.BadParameter(f"there is no folder {folder}", param_hint=named)
    return folder


def is_stored(name: str) -> bool:
    """Whether a name is that of a stored version (or `live`), and not of a folder that is there."""
    return not Path(name).exists() and (name == "live" or VERSION.fullmatch(name) is not None)


def stored_files(name: str, settings: Settings) -> tuple[SourceFile, ...]:
    """The files of a stored version, or of the one that is `live`. Raises NotFound."""
    # Only here is a database needed, and its libraries take longer to import than a rulebook takes to prove.
    from app.running.database import database_as_it_is  # noqa: PLC0415
    from app.store.database.reading import look  # noqa: PLC0415
    from app.store.rulebooks.rulebook_reads import bundle_of_version, pointer  # noqa: PLC0415

    with database_as_it_is(settings) as store:
        if store is None:
            raise NotFound(f"There is no folder called {name}, and no database to look for a version in.")
        version = look(store, pointer).version if name == "live" else name
        if version is None:
            raise NotFound("No rulebook is live: the first start of `lens serve` takes the one in LENS_RULEBOOK_DIR.")
        return look(store, lambda connection: bundle_of_version(connection, version)).files


def book_named(name: str | None, settings: Settings) -> RuleBook:
    """The rulebook in a folder, or a stored version; without a name that in LENS_RULEBOOK_DIR.

    Raises BadRulebook with every error, NotFound.
    """
    if name is None:
        folder = settings.rulebook_dir
        if not (folder / "rules").exists() and not (folder / "ref_data").exists():
            raise NotFound(
                f"There is no rulebook in {folder.resolve()}: name its folder with --rulebook, or in LENS_RULEBOOK_DIR."
            )
        return load(folder)
    return stored_book(name, settings) if is_stored(name) else load(existing(Path(name), "--rulebook"))


def stored_book(version: str, settings: Settings) -> RuleBook:
    """A version stored in the database. Raises NotFound, and BadRulebook where this LENS finds errors in it."""
    files, problems = stored_files(version, settings), Problems()
    content = read_content(files, problems)
    book = use(content, problems) if content is not None else None
    if book is None:
        errors = [problem for problem in problems.sorted() if problem.severity == "error"]
        raise BadRulebook(as_text(errors, files))
    return book
