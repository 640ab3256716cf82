"""Moving a store from SQLite into PostgreSQL: every row of every table, counted and compared on the other side, or nothing."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, Table, event, func, insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from app.errors import Conflict, Unavailable
from app.store.database.engine import Store, is_current, now_micros
from app.store.database.troubles import cause, trouble
from app.store.desk.pauses import EVERYTHING, Pause, pause
from app.store.ledger.audit import AuditEntry, append
from app.store.outbox.outbox import leased
from app.store.trail.trail_check import verify

_AT_ONCE = 1000
_BEGINNING = (
    "counter",
    "rulebook_live",
    "address_key",
    "audit_head",
)  # tables in which a new store already has rows, none of them used yet


class Moved(NamedTuple):
    """A table and its number of rows; `digest` is the sum of the rows' SHA-256, the same in whatever order they come."""

    table: str
    rows: int
    digest: int


def move(source: Store, target: Store) -> tuple[Moved, ...]:
    """Copies an SQLite store into a PostgreSQL store that is up to date and empty, in one transaction there.

    The source has nobody else while this runs, and is paused for good afterwards, so that nothing is ever sent from both.
    Raises Conflict, with nothing changed, when the source is in use or not of this version, when the target holds anything,
    or when what arrived is not what was sent; Unavailable when one of the databases fails.
    """
    if (source.dialect, target.dialect) != ("sqlite", "postgresql"):
        raise Conflict("A store moves from SQLite (sqlite:///…) to PostgreSQL (postgresql+psycopg://…).")
    if not is_current(source):
        raise Conflict("The SQLite store is of an earlier version: run `lens db upgrade` on it first.")
    source.read.dispose()
    event.listen(source.write, "connect", _alone, insert=True)
    try:
        with source.write.begin() as giver:
            _refuse_leased(giver)
            with target.write.begin() as taker:
                moved = _move(giver, taker)
            pause(giver, [Pause(EVERYTHING, "move", "this store was moved to PostgreSQL; nothing is sent from here")])
    except DBAPIError as error:
        if trouble(error) == "transient":
            raise Conflict(f"A database is in use or away ({cause(error)}): stop every LENS process of both.") from None
        raise Unavailable(f"The store was not moved ({cause(error)}); nothing was changed.") from None
    finally:
        event.remove(source.write, "connect", _alone)
        source.write.dispose()  # lets others open the file again
    return moved


def _alone(connection: Any, _: object) -> None:  # noqa: ANN401 - the driver is untyped
    """Before anything else is read: from then on no other process has the file open, or this one cannot open it."""
    connection.execute("PRAGMA locking_mode=EXCLUSIVE").close()


def _refuse_leased(giver: Connection) -> None:
    lanes = leased(giver)
    if lanes:
        raise Conflict(
            f"{lanes} lanes are leased: a dispatcher ran a moment ago. Wait until its leases end (LENS_LEASE), try again."
        )


def _move(giver: Connection, taker: Connection) -> tuple[Moved, ...]:
    tables = SQLModel.metadata.sorted_tables
    names = ", ".join(f'"{table.name}"' for table in tables)
    taker.execute(
        text("SET LOCAL idle_in_transaction_session_timeout = 0")
    )  # nobody else waits, and a large file takes its time
    taker.execute(text(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE"))
    _refuse_full(taker, tables)
    moved = tuple(_add_up(table, _copy_rows(giver, taker, table)) for table in tables)
    for each, table in zip(moved, tables, strict=True):
        if _add_up(table, _parts(taker, table)) != each:
            raise Conflict(f"Table {table.name} arrived otherwise than it was sent; nothing was changed.")
        _continue_numbers(taker, table)
    broken = verify(taker)
    if broken is not None:
        raise Conflict(f"The audit trail does not hold (row {broken.row}: {broken.what}); nothing was changed.")
    counts = {each.table: each.rows for each in moved}
    append(
        taker,
        [
            AuditEntry(
                at=now_micros(taker), actor="lens db move", action="store_moved", target="store", outcome="ok", detail=counts
            )
        ],
    )
    return moved


def _refuse_full(taker: Connection, tables: Sequence[Table]) -> None:
    full = [table.name for table in tables if table.name not in _BEGINNING and taker.execute(select(table).limit(1)).first()]
    begun = taker.scalar(text("SELECT sum(last) + (SELECT sum(seq) FROM rulebook_live) FROM counter"))
    if full or begun:
        raise Conflict(f"The PostgreSQL store is not empty ({', '.join(full) or 'counter'}); name a new database.")
    for name in _BEGINNING:
        taker.execute(text(f"DELETE FROM {name}"))  # noqa: S608 - names above


def _copy_rows(giver: Connection, taker: Connection, table: Table) -> Iterator[Sequence[Row[Any]]]:
    for part in _parts(giver, table):
        taker.execute(insert(table), [dict(row._mapping) for row in part])  # noqa: SLF001 - its public name, says SQLAlchemy
        yield part


def _add_up(table: Table, parts: Iterator[Sequence[Row[Any]]]) -> Moved:
    rows, digest = 0, 0
    for part in parts:
        rows, digest = rows + len(part), digest + sum(map(_digest, part))
    return Moved(table.name, rows, digest)


def _parts(connection: Connection, table: Table) -> Iterator[Sequence[Row[Any]]]:
    with connection.execute(select(table), execution_options={"yield_per": _AT_ONCE}) as found:
        yield from found.partitions()


def _digest(row: Row[Any]) -> int:
    return int.from_bytes(hashlib.sha256(msgspec.json.encode(tuple(row))).digest())


def _continue_numbers(taker: Connection, table: Table) -> None:
    """Rows that PostgreSQL numbers itself go on after the highest that came."""
    column = table.autoincrement_column
    if column is None:
        return
    highest = taker.scalar(select(func.max(column)))
    sequence = taker.scalar(select(func.pg_get_serial_sequence(table.name, column.name)))
    if sequence is not None and highest is not None:
        taker.execute(select(func.setval(sequence, highest)))
