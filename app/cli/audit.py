"""`lens audit`: the audit trail."""

import typer

from app.cli.listing import store_at_hand
from app.cli.progress import working
from app.store.audit import verify as verify_trail
from app.store.reading import look

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def audit() -> None:
    """The audit trail of the database of LENS_DATABASE_URL."""


@app.command()
def verify() -> None:
    """Prove that no row of the audit trail was changed, put in or taken out. Exit code 1 when one was.

    Example:
    lens audit verify

    """
    with store_at_hand() as store, working("Following the audit trail"):
        found = look(store, verify_trail)
    if found is not None:
        print(f"The audit trail is broken at row {found.row} (chain {found.chain}, place {found.seq}): {found.what}.")
        raise typer.Exit(1)
    print("The audit trail is whole: every row follows from the one before.")
