"""A copy of an SQLite store in one file, made while the service goes on, and the proof that such a file is whole.

PostgreSQL has its own tools for this; docs/how-to/run-in-production.md has the commands.
"""

import os
import secrets
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from pysqlite3 import dbapi2
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from app.domain.identifiers import message_id
from app.errors import Conflict, NotFound, Unavailable
from app.store.database.engine import Store
from app.store.database.folders import sync_folder
from app.store.database.troubles import cause, driver_cause
from app.store.trail.trail_check import breaks

COUNTED = ("release", "message", "work_item", "inbound", "audit", "rulebook", "api_key")
"""Tables whose rows are counted in the store and in its copy."""

_TOLD = 20
"""Breaks of the audit trail that are told at the most."""

Tell = Callable[[int, int], None]
"""Tells how many pages are copied, and of how many."""


class Checked(NamedTuple):
    """What a copy holds: rows by table, the highest message number (None: no message) and every fault, in words."""

    rows: Mapping[str, int]
    last_message: str | None
    faults: tuple[str, ...]


def back_up(store: Store, target: Path, tell: Tell, pages_at_once: int = 1000) -> Checked:
    """Copies an SQLite store into a new file that only this user can read, and proves the copy whole before it gets its name.

    The copy is of one moment, however much is accepted meanwhile; nobody waits for it. Whatever goes wrong, nothing is left.
    Raises Conflict when the file is there already or the copy is not whole, NotFound when its folder is not there,
    Unavailable when one of the disks fails.
    """
    _refuse_existing(target)
    with _unfinished(target) as unfinished:
        try:
            wanted = _copy(store, unfinished, tell, pages_at_once)
        except DBAPIError as error:
            raise Unavailable(f"The store cannot be read ({cause(error)}); there is no backup.") from None
        except dbapi2.Error as error:
            raise Unavailable(f"The copy could not be made ({driver_cause(error)}); there is no backup.") from None
        found = check_copy(unfinished)
        faults = list(found.faults)
        faults += [
            f"{table}: {found.rows.get(table, 0)} rows were copied of {count}"
            for table, count in wanted.items()
            if found.rows.get(table) != count
        ]
        if faults:
            raise Conflict("The copy is not whole, so there is no backup: " + "; ".join(faults))
        _name(unfinished, target)
    return found


def _refuse_existing(target: Path) -> None:
    if os.path.lexists(target):
        raise Conflict(f"{target} is there already, and a backup is never overwritten: give another name.")
    if not target.absolute().parent.is_dir():
        raise NotFound(f"There is no folder {target.absolute().parent}: make it first.")


@contextmanager
def _unfinished(target: Path) -> Iterator[Path]:
    """A new, empty file beside the target, for this user alone; gone at the end, if it still has that name."""
    file = target.absolute().with_name(f".{target.name}.{secrets.token_hex(4)}.unfinished")
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    except OSError as error:
        raise Unavailable(f"No file can be made in {file.parent}: {error.strerror}.") from None
    try:
        yield file
    finally:
        for end in ("", "-journal", "-wal", "-shm"):
            Path(f"{file}{end}").unlink(missing_ok=True)


def _copy(store: Store, file: Path, tell: Tell, pages_at_once: int) -> dict[str, int]:
    """Copies every page as of one moment; the rows of each table at that moment."""
    with store.read.connect() as connection, closing(dbapi2.connect(file)) as target:
        counts = _count(connection)  # begins the transaction that the copy is made in: what others write changes neither
        source = connection.connection.driver_connection
        assert source is not None  # noqa: S101 - a connection of the pool has one
        source.backup(target, pages=pages_at_once, progress=lambda _, left, pages: tell(pages - left, pages))
        target.execute("PRAGMA journal_mode=DELETE").close()  # one file, without another beside it
    return counts


def _count(connection: Connection) -> dict[str, int]:
    return {table: int(connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0) for table in COUNTED}  # noqa: S608


def _name(unfinished: Path, target: Path) -> None:
    """Gives the file its name, once all of it is on the disk; a file that has that name by now stays as it is."""
    try:
        fd = os.open(unfinished, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        os.link(unfinished, target)
        unfinished.unlink()
        sync_folder(target.absolute().parent)
    except FileExistsError:
        raise Conflict(f"{target} is there already, and a backup is never overwritten: give another name.") from None
    except OSError as error:
        raise Unavailable(f"The copy could not be kept as {target}: {error.strerror}; there is no backup.") from None


def check_copy(file: Path, *, content: bool = False) -> Checked:
    """What a copy holds and what is wrong with it: every page and row, the links of the audit trail, the numbers given out.

    `content`: also whether releases, messages, histories, keys and rulebooks are as the trail tells.
    Changes nothing. Raises NotFound when there is no such file, Conflict when it is none that can be proved by itself.
    """
    _refuse_other_files(file)
    engine = create_engine(
        "sqlite+pysqlite://",
        module=dbapi2,
        creator=lambda: dbapi2.connect(f"file:{quote(str(file.absolute()))}?mode=ro", uri=True),
    )
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    try:
        with engine.connect() as connection:
            return _checked(connection, content=content)
    except DBAPIError as error:
        return Checked({}, None, (f"it cannot be read as a store of LENS ({cause(error)})",))
    finally:
        engine.dispose()


def _refuse_other_files(file: Path) -> None:
    try:
        mode = file.stat().st_mode
        with file.open("rb") as opened:
            start = opened.read(16) if stat.S_ISREG(mode) else b""
    except OSError as error:
        raise NotFound(f"{file} cannot be opened: {error.strerror}.") from None
    if start.startswith(b"PGDMP"):
        raise Conflict(
            f"{file} is a dump of PostgreSQL, which only a restore proves: restore it into a new database with pg_restore,"
            " and run lens audit verify there."
        )
    if start != b"SQLite format 3\0":
        raise Conflict(f"{file} is not an SQLite file.")
    beside = Path(f"{file}-wal")
    if beside.exists() and beside.stat().st_size:
        raise Conflict(
            f"{beside} is beside it, with changes that {file.name} does not have: it is the file of a service, or a copy of it"
            " made without lens db backup. Verify a backup, or the trail of the service with lens audit verify."
        )


def _checked(connection: Connection, *, content: bool) -> Checked:
    faults = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check(10)") if row[0] != "ok"]
    if faults:  # what its rows say means nothing then
        return Checked({}, None, tuple(f"damaged: {fault}" for fault in faults))
    strays = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    faults += [f"{len(strays)} rows refer to rows that are missing, the first in table {strays[0][0]}"] if strays else []
    rows = _count(connection)
    faults += _number_faults(connection)
    for broken in breaks(connection, content=content)[:_TOLD]:
        at = "" if broken.row is None else f" at row {broken.row}"
        faults.append(f"the audit trail is broken{at}: {broken.what}")
    last = connection.scalar(text("SELECT max(number) FROM message"))
    return Checked(rows, None if last is None else message_id(last), tuple(faults))


def _number_faults(connection: Connection) -> list[str]:
    """Counters that are behind the numbers they gave out: the next one would be used twice."""
    faults = []
    for counter, column in (("message", "number"), ("release", "id"), ("work_item", "id")):
        highest = connection.scalar(text(f"SELECT max({column}) FROM {counter}")) or 0  # noqa: S608 - names above
        given = connection.scalar(text("SELECT last FROM counter WHERE name = :name"), {"name": counter}) or 0
        if given < highest:
            faults.append(f"the counter of {counter} numbers says {given}, and {highest} was given out")
    return faults
