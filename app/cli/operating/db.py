"""`lens db`: the database's tables, copies of it, and moving to another."""

import signal
import sys
from contextlib import closing
from pathlib import Path
from types import FrameType
from typing import Annotated, Never

import typer

from app.cli.progress import advancing, working
from app.cli.record import actor
from app.domain.identifiers import message_id
from app.errors import Conflict, LensError, NotFound
from app.running.database import bring_up_to_date, clock, database, given_out_by_all
from app.settings import dotenv_hint, read_settings
from app.store.database.engine import Store, dump_advice, is_there, open_store
from app.store.database.engine import upgrade as upgrade_store
from app.store.database.writer import Writer
from app.store.ledger.audit import AuditEntry, note
from app.store.upkeep.backup import Checked, back_up, check_copy
from app.store.upkeep.moving import move as move_store
from app.store.upkeep.recovery import SKIPPED, recover

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
    settings = read_settings()
    with database(settings) as store:
        with working("Bringing the tables up to date"):
            bring_up_to_date(store, settings)
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
def backup(file: Annotated[Path, typer.Argument(help="The new file; one that is there is never overwritten.")]) -> None:
    """Copy the store into one file that only you can read, while the service goes on, and prove the copy whole. SQLite only.

    For PostgreSQL it says which command of PostgreSQL's own to use.

    Example:
    LENS_DATABASE_URL=sqlite:////var/lib/lens/lens.db lens db backup /backup/lens-2026-11-24.db

    """
    settings = read_settings()
    advice = dump_advice(settings.database_url, file)
    if advice is not None:
        raise Conflict(advice)
    if not is_there(settings.database_url):
        raise NotFound("LENS_DATABASE_URL: there is no database to copy." + dotenv_hint())
    _end_by_exception()
    with database(settings) as store:
        _note_backup(store)
        with advancing("Copying") as tell:
            found = back_up(store, file, tell)
    print(_holding(found))
    print(f"{file} is a whole copy, checked, and can be read by you alone. It holds personal data.")


@app.command()
def verify(file: Annotated[Path, typer.Argument(help="A file that `lens db backup` made.")]) -> None:
    """Prove that a backup is whole: every page and row, the audit trail and all that it tells of, the numbers given out.

    Exit code 1 when it is not.

    Example:
    lens db verify /backup/lens-2026-11-24.db

    """
    with working("Checking the backup"):
        found = check_copy(file, content=True)
    faults = list(found.faults)
    if file.stat().st_mode & 0o077:
        faults.append(f"others on this machine can read it, and it holds personal data: chmod 600 {file}")
    if found.rows:
        print(_holding(found))
    for fault in faults:
        print(f"Fault: {fault}")
    if faults:
        raise typer.Exit(1)
    print(f"{file} is whole. Restored, it knows nothing of what was sent since: run lens db recovered before anything else.")


def _holding(found: Checked) -> str:
    lines = [f"{table:<24}{rows:>12,}" for table, rows in found.rows.items()]
    return "\n".join([*lines, f"The last message is {found.last_message}." if found.last_message else "There is no message."])


def _note_backup(store: Store) -> None:
    """Notes in the audit trail that somebody took a copy. A store that cannot be written any more must be copied all the same."""
    try:
        with Writer(store) as writer:
            writer.do_and_wait(
                note, AuditEntry(at=clock(), actor=actor(), action="back_up_store", target="store", outcome="begun")
            )
    except LensError as error:
        print(f"The audit trail does not note this copy: {error.detail}", file=sys.stderr)


def _end_by_exception() -> None:
    """Lets SIGTERM end the command as Ctrl-C does, so that no half file is left."""

    def end(number: int, _: FrameType | None) -> Never:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, end)


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
        found = recover(store, skip, given_out_by_all(settings))
    print(
        f"The next message is {message_id(found.next_number)}; {found.flagged:,} that wait are flagged as possible duplicates."
    )
    print(
        "Now let each system of record send again everything since some minutes before the loss: what is here is not sent again."
    )
