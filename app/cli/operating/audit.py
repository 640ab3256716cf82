"""`lens audit`: the audit trail."""

from typing import Annotated

import typer

from app.cli.listing import store_at_hand
from app.cli.progress import working
from app.store.database.reading import look_unchanging
from app.store.trail.trail_check import breaks

app = typer.Typer(no_args_is_help=True, add_completion=False)

_SHOWN = 20


@app.callback()
def audit() -> None:
    """The audit trail of the database of LENS_DATABASE_URL."""


@app.command()
def verify(
    content: Annotated[
        bool, typer.Option("--content", help="Also read the bodies, texts and histories that the trail tells of.")
    ] = False,
) -> None:
    """Prove that the audit trail is whole, and that the releases, messages, keys and rulebooks are those it tells of.

    Says what is wrong, the first wrong row first; exit code 1 when anything is.

    Example:
    lens audit verify --content

    """
    with store_at_hand() as store, working("Following the audit trail"):
        found = look_unchanging(store, lambda connection: breaks(connection, content=content))
    if found:
        first, *others = found[:_SHOWN]
        at = "" if first.row is None else f" at row {first.row}"
        print(f"The audit trail is broken{at}: {first.what}.")
        for each in others:
            print(f"Row {each.row}: {each.what}." if each.row is not None else f"And {each.what}.")
        if len(found) > _SHOWN:
            print(f"And {len(found) - _SHOWN} more.")
        raise typer.Exit(1)
    more = ", and every release, message, key and rulebook is as it tells" if content else ""
    print(f"The audit trail is whole: every row follows from the one before{more}.")
