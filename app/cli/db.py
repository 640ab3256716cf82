"""`lens db`: the database's tables, and moving to another."""

from contextlib import closing
from typing import Annotated

import typer

from app.cli.database import database
from app.cli.progress import working
from app.domain.identifiers import message_id
from app.errors import NotFound
from app.settings import read_settings
from app.store.engine import is_there, open_store
from app.store.engine import upgrade as upgrade_store
from app.store.moving import move as move_store
from app.store.recovery import SKIPPED, recover

app = typer.Typer(no_args_is_help=True, add_completion=False)


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
        with working("Bringing the tables up to date"):
            upgrade_store(store)
        print(f"The {store.dialect} database is up to date.")


@app.command()
def move(
    from_url: Annotated[str, typer.Argument(help="The SQLite store: sqlite:///var/lens.db")],
    to_url: Annotated[str, typer.Argument(help="A new, empty PostgreSQL database: postgresql+psycopg://lens@db/lens")],
) -> None:
    """Copy an SQLite store into PostgreSQL: every row, counted and compared, in one transaction; then the old store is paused.

    Stop every LENS process first; it is refused while one has the old store open. A password belongs into ~/.pgpass.

    Example:
    lens db move sqlite:///var/lens.db postgresql+psycopg://lens@db/lens

    """
    if not is_there(from_url):
        raise typer.BadParameter(f"there is no database {from_url}", param_hint="FROM_URL")
    told = working("Copying, counting and comparing every table")
    with closing(open_store(from_url)) as source, closing(open_store(to_url)) as target, told:
        upgrade_store(target)
        moved = move_store(source, target)
    for each in moved:
        print(f"{each.table:<24}{each.rows:>12,}")
    print(f"{sum(each.rows for each in moved):,} rows moved; each table was counted and compared on the other side.")
    print(f"Now set LENS_DATABASE_URL to the new database. {from_url} keeps its rows and is paused: nothing is sent from it.")


@app.command()
def recovered(
    skip: Annotated[
        int, typer.Option(min=1, max=1_000_000_000, help="How many numbers may have been given out since.")
    ] = SKIPPED,
) -> None:
    """Say that this database is older than what was sent: it was restored from a backup, or its standby had not got everything.

    Message numbers go on beyond all that may have been given out, and what waits is flagged as a possible duplicate.

    Run it once, before anything else uses the database.

    Example:
    LENS_DATABASE_URL=postgresql+psycopg://lens@db2/lens lens db recovered

    """
    settings = read_settings()
    if not is_there(settings.database_url):
        raise NotFound("LENS_DATABASE_URL: there is no database; restore the backup first.")
    with database(settings) as store, working("Flagging what waits"):
        upgrade_store(store)
        found = recover(store, skip)
    print(
        f"The next message is {message_id(found.next_number)}; {found.flagged:,} that wait are flagged as possible duplicates."
    )
    print(
        "Now let each system of record send again everything since some minutes before the loss: what is here is not sent again."
    )
