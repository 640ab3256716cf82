"""`lens explain`: why a release is decided as it is, and why not otherwise."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import typer

from app.cli.database import database_as_it_is
from app.cli.deciding import terms_of
from app.cli.named_books import Book, book_named
from app.decide.decide import Decider
from app.decide.explain import as_text, explain
from app.errors import NotFound
from app.settings import Settings, read_settings
from app.store.bodies import body_of

app = typer.Typer(add_completion=False)


@app.command("explain")
def explain_release(
    what: Annotated[
        str, typer.Argument(metavar="FILE|RELEASE_ID", help="A file with releases (NDJSON), or a stored release's id.")
    ],
    rulebook: Book = None,
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="For people or for programs.")] = "text",
) -> None:
    """Explain decisions: the rules that fired, those beaten and by what, the nearest that missed and the line they missed by.

    It shows charges: not for the eyes of those who may not see them.

    Example: lens explain docs/examples/release.json
    """
    settings = read_settings()
    decider = Decider(book_named(rulebook, settings), terms_of(settings))
    for place, raw in enumerate(_releases(what, settings)):
        explanation = explain(decider, decider.read(raw))
        if form == "json":
            sys.stdout.buffer.write(msgspec.json.encode(explanation) + b"\n")
        else:
            print(("\n\n" if place else "") + as_text(explanation))


def _releases(what: str, settings: Settings) -> list[bytes]:
    """The releases meant, as JSON bytes: a whole JSON file, the lines of an NDJSON file, or what is stored under an id."""
    path = Path(what)
    if path.is_file():
        content = path.read_bytes()
        lines = [line for line in content.splitlines() if line.strip()]
        return lines if all(line.lstrip().startswith(b"{") and line.rstrip().endswith(b"}") for line in lines) else [content]
    with database_as_it_is(settings) as store:
        if store is None:
            raise NotFound(f"There is no file called {what}, and no database to look for a release in.")
        with store.read.connect() as connection:
            body = body_of(connection, what)
    if body is None:
        raise NotFound(f"There is no file and no stored release called {what}.")
    return [body.encode()]
