"""`lens db`: the database's tables."""

import typer

from app.cli.database import database
from app.settings import read_settings
from app.store.engine import upgrade as upgrade_store

app = typer.Typer(no_args_is_help=True)


@app.callback()
def db() -> None:
    """The database of LENS_DATABASE_URL."""


@app.command()
def upgrade() -> None:
    """Bring the tables up to this version. Safe to repeat; `lens serve` does it by itself.

    Example:
    LENS_DATABASE_URL=sqlite:///var/lens.db lens db upgrade

    """
    with database(read_settings()) as store:
        upgrade_store(store)
        print(f"The {store.dialect} database is up to date.")
