"""The audit trail: who did what to what, when, with what outcome; written in the transaction of what it tells of.

Each writing process has a chain of its own, so that processes need not wait for each other. A row's hash covers its content
and the hash of the row before; a chain begins with a row that covers the newest row of the trail at that time. So a row that
was changed, put in or taken out breaks a link. (Rows taken from the very end show only against a copy kept elsewhere.)
"""

import hashlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, select, text

from app.domain.times import rfc3339
from app.store.paging import Order, Page, read_page
from app.store.rows import first_row, insert, lock_counters
from app.store.tables import AUDIT

NOTHING_BEFORE = "0" * 64
"""What the first row of the whole trail gives as the hash before it."""

_COLUMNS = ("chain", "seq", "at", "actor", "action", "object", "outcome", "detail_json", "prev", "hash")


class AuditEntry(NamedTuple):
    """One thing done. `at` is Micros; `actor` the name of a key or a process; `target` e.g. `release EX-1`.

    `detail` holds numbers, codes and ids, and why a lane was paused or resumed, which is about no person: no name, birth date,
    address, FBI number, charge or message text.
    """

    at: int
    actor: str
    action: str
    target: str
    outcome: str
    detail: Mapping[str, object] = {}


def note(connection: Connection, entries: Sequence[AuditEntry]) -> list[None]:
    """Adds entries about what changed nothing, such as reading what is personal. Has the shape `Writer.do` takes."""
    append(connection, entries)
    return [None] * len(entries)


class _After(msgspec.Struct):
    after_chain: str
    after_seq: int


class Break(NamedTuple):
    """The first link that does not hold: the row's id, its chain and place in it, and what is wrong, in words."""

    row: int
    chain: str
    seq: int
    what: str


def append(connection: Connection, entries: Sequence[AuditEntry]) -> None:
    """Adds entries to this process's chain, in a writing transaction."""
    if not entries:
        return
    chain = str(connection.info["chain"])
    head = first_row(connection, "SELECT seq, hash FROM audit WHERE chain = ? ORDER BY seq DESC LIMIT 1", chain)
    rows = [_first_row(connection, chain, entries[0].at)] if head is None else []
    seq, prev = (1, str(rows[0][-1])) if head is None else (int(head[0]), str(head[1]))
    for entry in entries:
        seq += 1
        rows.append(_row(chain, seq, entry, prev))
        prev = str(rows[-1][-1])
    insert(connection, "audit", _COLUMNS, rows)


def _first_row(connection: Connection, chain: str, at: int) -> tuple[str | int, ...]:
    # Of several processes that start at once, only one can be the first of the trail.
    lock_counters(connection)
    newest = connection.execute(text("SELECT chain, seq, hash FROM audit ORDER BY id DESC LIMIT 1")).first()
    after: dict[str, object] = {} if newest is None else {"after_chain": newest.chain, "after_seq": newest.seq}
    started = AuditEntry(at, f"process {chain}", "chain_started", "audit", "ok", after)
    return _row(chain, 1, started, NOTHING_BEFORE if newest is None else str(newest.hash))


def _row(chain: str, seq: int, entry: AuditEntry, prev: str) -> tuple[str | int, ...]:
    detail = msgspec.json.encode(entry.detail, order="sorted").decode()
    content = (chain, seq, entry.at, entry.actor, entry.action, entry.target, entry.outcome, detail, prev)
    return (*content, _hash(content))


def _hash(content: tuple[str | int, ...]) -> str:
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()


def verify(connection: Connection) -> Break | None:
    """The first link of the trail that does not hold, or None when all do. Reads every row once, in little memory."""
    with closing(_in_chains(connection)) as trail:
        return _first_break(connection, trail)


def _first_break(connection: Connection, trail: Iterator[Row[Any]]) -> Break | None:
    chain, seq, prev = "", 0, NOTHING_BEFORE
    for row in trail:
        if row.chain != chain:
            chain, seq, prev = row.chain, 0, row.prev
            if row.seq == 1 and not _known_before(connection, row):
                return Break(row.id, chain, row.seq, "the row its chain was started on is not there")
        if row.seq != seq + 1:
            return Break(row.id, chain, row.seq, f"row {seq + 1} of this chain is missing")
        if row.prev != prev:
            return Break(row.id, chain, row.seq, "it does not follow from the row before it")
        if _hash(_content(row)) != row.hash:
            return Break(row.id, chain, row.seq, "its content was changed")
        seq, prev = row.seq, row.hash
    return None


def _content(row: Row[Any]) -> tuple[str | int, ...]:
    return tuple(row)[1:-1]


def _in_chains(connection: Connection) -> Generator[Row[Any], None, None]:
    statement = text(f"SELECT id, {', '.join(_COLUMNS)} FROM audit ORDER BY chain, seq")  # noqa: S608 - names from the code
    with connection.execute(statement, execution_options={"yield_per": 1000}) as found:
        yield from found


def _known_before(connection: Connection, first: Row[Any]) -> bool:
    if first.prev == NOTHING_BEFORE:
        return connection.execute(text("SELECT 1 FROM audit WHERE id < :id LIMIT 1"), {"id": first.id}).first() is None
    try:
        start = msgspec.json.decode(first.detail_json, type=_After)
    except msgspec.DecodeError:
        return False
    found = connection.execute(
        text("SELECT hash FROM audit WHERE chain = :chain AND seq = :seq"), {"chain": start.after_chain, "seq": start.after_seq}
    ).scalar()
    return bool(found == first.prev)


class StoredEntry(msgspec.Struct, frozen=True):
    """A row of the trail. `at` is RFC 3339 in UTC; `hash` covers the row and `prev`, the hash of the row before in its chain."""

    id: int
    chain: str
    seq: int
    at: str
    actor: str
    action: str
    object: str
    outcome: str
    detail: dict[str, Any]
    prev: str
    hash: str


class AuditFilter(NamedTuple):
    """What to list; None: any. `since` and `until` are Micros, both included."""

    actor: str | None = None
    action: str | None = None
    since: int | None = None
    until: int | None = None


def list_entries(
    connection: Connection, wanted: AuditFilter, limit: int, given: str | None = None, order: Order = "oldest"
) -> Page[StoredEntry]:
    """A page of the trail, in the order it was written, or against it. Raises Refused for a bad cursor."""
    asked = [
        AUDIT.c[name] == value for name, value in (("actor", wanted.actor), ("action", wanted.action)) if value is not None
    ]
    if wanted.since is not None:
        asked.append(AUDIT.c.at >= wanted.since)
    if wanted.until is not None:
        asked.append(AUDIT.c.at <= wanted.until)
    statement = select(AUDIT).where(*asked)
    page = read_page(connection, statement, key=AUDIT.c.id, kind="audit", limit=limit, given=given, order=order)
    return Page(tuple(map(_entry, page.items)), page.next)


def _entry(row: Any) -> StoredEntry:  # noqa: ANN401 - a row of the table
    detail = msgspec.json.decode(row.detail_json, type=dict[str, Any])
    place = (row.id, row.chain, row.seq, rfc3339(row.at))
    return StoredEntry(*place, row.actor, row.action, row.object, row.outcome, detail, row.prev, row.hash)
