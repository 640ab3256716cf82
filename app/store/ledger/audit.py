"""The audit trail: who did what to what, when, with what outcome; written in the transaction of what it tells of.

What a transaction notes is gathered, and written as the last thing before its commit (`write_trail`): so processes wait for each
other no longer than that takes. Each row's hash covers its content and the hash of the row before, whoever wrote that; ids have no
gaps. And rows carry sums (`sums.py`) of the releases, texts, histories, keys and rulebooks that they tell of. `trail_check.py`
proves it all.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, select, text

from app.domain.times import Timestamp, rfc3339
from app.store.ledger.sums import HISTORY_COLUMNS, small_sums, small_tables, sum_of, work_item_sums
from app.store.statements.paging import Order, Page, read_page
from app.store.statements.rows import first_row, insert, row_lock, run, run_in
from app.store.tables.main import AUDIT

NOTHING_BEFORE = "0" * 64
"""What the first row of the whole trail gives as the hash before it."""

FORM = 2
"""How the hash of a row is made now. Rows of earlier versions have no form."""

STARTED = "chain_started"
"""The action of the row that begins the braid: it covers every row before it, and the keys and rulebooks there were."""

COVERS = "covers"
"""What a row's detail calls its sums: each by the name of its table and the row's key, e.g. `release 12`."""

COLUMNS = (
    "id",
    "form",
    "chain",
    "seq",
    "at",
    "actor",
    "actor_key",
    "action",
    "object",
    "outcome",
    "detail_json",
    "prev",
    "hash",
)
OPENED = "new "
"""What the sum of a work item begins with in the row that tells of its opening."""

_HISTORIES_AT_ONCE = 200
_ITEMS_AT_ONCE = 200
_ABOUT_ITEM = re.compile("work item ([0-9]{1,18})")


class AuditEntry(NamedTuple):
    """One thing done. `at` is Micros; `actor` the name of a key or a process; `target` e.g. `release EX-1`.

    `detail` holds numbers, codes and ids, and why a lane was paused or resumed, which is about no person: no name, birth date,
    address, FBI number, charge or message text. `sums` are of rows it tells of; `covers` names rows of tables with few
    (`api_key 7`), whose sums are taken as they are when the transaction ends.
    """

    at: int
    actor: str
    action: str
    target: str
    outcome: str
    detail: Mapping[str, object] = {}
    sums: Mapping[str, str] = {}
    covers: tuple[str, ...] = ()


class _ItemChange(NamedTuple):
    """A work item that was opened or changed, and when (Micros)."""

    at: int
    opened: bool


@dataclass(slots=True)
class _Gathered:
    """What one transaction has noted so far: entries; messages that came to rest, by number, with when (Micros); and work items
    that were opened or changed, by id.
    """

    entries: list[AuditEntry] = field(default_factory=list)
    at_rest: dict[int, int] = field(default_factory=dict)
    items: dict[int, _ItemChange] = field(default_factory=dict)


def begin_gathering(connection: Connection) -> None:
    """Forgets what a transaction before noted and took back. To be called as each transaction begins."""
    connection.info["trail"] = _Gathered()


def note(connection: Connection, entries: Sequence[AuditEntry]) -> list[None]:
    """Adds entries about what changed nothing, such as reading what is personal. Has the shape `Writer.do` takes."""
    append(connection, entries)
    return [None] * len(entries)


def append(connection: Connection, entries: Sequence[AuditEntry]) -> None:
    """Adds entries to the trail, in a writing transaction; they are written as it ends."""
    _gathered(connection).entries.extend(entries)


def came_to_rest(connection: Connection, messages: Mapping[int, int]) -> None:
    """Notes messages, by number, that came to rest, and when (Micros): the trail then covers their history."""
    _gathered(connection).at_rest.update(messages)


def items_opened(connection: Connection, items: Mapping[int, int]) -> None:
    """Notes work items, by id, that were opened, and when (Micros): the trail then covers them as they are at the commit."""
    changes = {key: _ItemChange(at, opened=True) for key, at in items.items()}
    _gathered(connection).items.update(changes)


def items_changed(connection: Connection, keys: Iterable[int], at: int) -> None:
    """The same for work items that were changed."""
    items = _gathered(connection).items
    for key in keys:
        items.setdefault(key, _ItemChange(at, opened=False))


def _gathered(connection: Connection) -> _Gathered:
    found: _Gathered = connection.info["trail"]
    return found


def write_trail(connection: Connection) -> None:
    """Writes what the transaction noted. Nothing may be locked after it: it holds the end of the trail until the commit."""
    gathered = _gathered(connection)
    if not gathered.entries and not gathered.at_rest and not gathered.items:
        return
    begin_gathering(connection)
    entries = [*gathered.entries, *_settled(connection, gathered.at_rest)]
    if gathered.items:
        entries = list(_with_items(connection, entries, gathered.items))
    details = [_detail(connection, entry) for entry in entries]
    last, known, newest, prev = _end(connection)
    if last is None:
        beginning = _beginning(connection, entries[0].at)
        entries, details = [beginning, *entries], [_detail(connection, beginning), *details]
    elif newest < last:  # the end was cut off: what follows must not hide that
        newest, prev = last, known
    rows = []
    for key, (entry, detail) in enumerate(zip(entries, details, strict=True), newest + 1):
        rows.append(_row(connection=connection, key=key, entry=entry, detail=detail, prev=prev))
        prev = str(rows[-1][-1])
    insert(connection, "audit", COLUMNS, rows)
    run(connection, _SET_HEAD[connection.dialect.name], (newest + len(rows), prev))


def _end(connection: Connection) -> tuple[int | None, str, int, str]:
    """The newest row as the head knows it (None: there is none yet), and as it is there; each its id and its hash."""
    if connection.dialect.name == "sqlite":
        last, known, newest, prev = run(connection, _BOTH_ENDS, ())[0]
    else:  # whoever waits for the head must look for the newest row afterwards, or would not see what he waited for
        last, known = first_row(connection, _HEAD + row_lock(connection)) or (None, None)
        newest, prev = first_row(connection, _NEWEST) or (None, None)
    return last, str(known), newest or 0, prev or NOTHING_BEFORE


_HEAD = "SELECT last, hash FROM audit_head WHERE id = 1"
_NEWEST = "SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1"
_BOTH_ENDS = f"""
    SELECT head.last, head.hash, newest.id, newest.hash FROM (SELECT 1 AS one) AS one
    LEFT JOIN ({_HEAD}) AS head ON true LEFT JOIN ({_NEWEST}) AS newest ON true"""  # noqa: S608 - all from here
# An earlier version of LENS beside this one numbers its rows by the sequence, so that goes along.
_SET_HEAD = {
    "sqlite": "UPDATE audit_head SET last = ?, hash = ? WHERE id = 1",
    "postgresql": "UPDATE audit_head SET last = setval(pg_get_serial_sequence('audit', 'id'), ?), hash = ? WHERE id = 1",
}


def _beginning(connection: Connection, at: int) -> AuditEntry:
    """The row that begins the braid. It covers what earlier versions wrote."""
    count, digest = rows_before(connection)
    covers = {}
    for table in small_tables():
        covers.update(small_sums(connection, table))
    return AuditEntry(
        at=at,
        actor="lens",
        action=STARTED,
        target="audit",
        outcome="ok",
        detail={"rows_before": count, "sha256": digest},
        sums=covers,
    )


def rows_before(connection: Connection, key: int | None = None) -> tuple[int, str]:
    """How many rows there are before the row with this id, and the SHA-256 over their hashes in order."""
    where = "" if key is None else "WHERE id < :key"
    statement = text(f"SELECT hash FROM audit {where} ORDER BY id")  # noqa: S608 - nothing but what stands above
    count, digest = 0, hashlib.sha256()
    with connection.execute(statement, {} if key is None else {"key": key}, execution_options={"yield_per": 10_000}) as found:
        for (each,) in found:
            count += 1
            digest.update(each.encode())
    return count, digest.hexdigest()


def _settled(connection: Connection, at_rest: Mapping[int, int]) -> list[AuditEntry]:
    """Entries that cover the histories of messages that came to rest, a few hundred each."""
    numbers = sorted(at_rest)
    entries = []
    for first in range(0, len(numbers), _HISTORIES_AT_ONCE):
        some = numbers[first : first + _HISTORIES_AT_ONCE]
        histories = history_rows(connection, some)
        sums = {f"history {number}": history_sum(histories.get(number, [])) for number in some}
        target = f"{len(some)} message{'s' if len(some) > 1 else ''}"
        at = max(at_rest[number] for number in some)
        entries.append(
            AuditEntry(at=at, actor="lens", action="settle_messages", target=target, outcome="at rest", detail={}, sums=sums)
        )
    return entries


def _with_items(
    connection: Connection, entries: Sequence[AuditEntry], changes: Mapping[int, _ItemChange]
) -> Iterator[AuditEntry]:
    """The entries, each with the sums of the changed work items that it names; and entries for those that none names."""
    sums = {}
    for key, total in work_item_sums(connection, sorted(changes)).items():
        sums[key] = f"{OPENED}{total}" if changes[key].opened else total
    naming = {key: place for place, entry in enumerate(entries) for key in _items_named(entry)}
    for place, entry in enumerate(entries):
        mine = {f"work_item {key}": sums.pop(key) for key in _items_named(entry) if key in sums and naming[key] == place}
        yield entry._replace(sums={**entry.sums, **mine}) if mine else entry
    rest = list(sums)
    for first in range(0, len(rest), _ITEMS_AT_ONCE):
        some = rest[first : first + _ITEMS_AT_ONCE]
        at = max(changes[key].at for key in some)
        target = f"{len(some)} work item{'s' if len(some) > 1 else ''}"
        totals = {f"work_item {key}": sums[key] for key in some}
        yield AuditEntry(at=at, actor="lens", action="cover_work_items", target=target, outcome="ok", sums=totals)


def _items_named(entry: AuditEntry) -> list[int]:
    """The ids of the work items that an entry tells of."""
    about = _ABOUT_ITEM.fullmatch(entry.target)
    named = [int(about[1])] if about else []
    one, several = entry.detail.get("work_item"), entry.detail.get("work_items")
    if isinstance(one, int):
        named.append(one)
    if isinstance(several, list):
        named += several
    return named


def history_rows(connection: Connection, numbers: Sequence[int]) -> dict[int, list[tuple[Any, ...]]]:
    """The history of each of these messages, in order, as sums are taken of it."""
    found: dict[int, list[tuple[Any, ...]]] = {}
    statement = f"SELECT number, {', '.join(HISTORY_COLUMNS)} FROM message_event WHERE number IN"  # noqa: S608 - from the code
    for number, *event in run_in(connection=connection, start=statement, values=(), keys=numbers, end="ORDER BY id"):
        found.setdefault(number, []).append(tuple(event))
    return found


def history_sum(events: Sequence[tuple[Any, ...]]) -> str:
    """What is kept of a history: how many statuses it had by then, the last of them, and the sum of all."""
    return f"{len(events)} {events[-1][0] if events else 'none'} {sum_of(events)}"


def _detail(connection: Connection, entry: AuditEntry) -> str:
    covers = dict(entry.sums)
    named = (*entry.covers, entry.target) if entry.target.startswith("rulebook ") else entry.covers
    for each in named:
        table, _, key = each.partition(" ")
        covers.update(small_sums(connection, table, key))
    detail = {**entry.detail, COVERS: covers} if covers else entry.detail
    return msgspec.json.encode(detail, order="sorted").decode()


def _row(connection: Connection, key: int, entry: AuditEntry, detail: str, prev: str) -> tuple[object, ...]:
    chain, actor_key = str(connection.info["chain"]), getattr(entry.actor, "key", None)
    who = (str(entry.actor), actor_key, entry.action, entry.target, entry.outcome)
    content = (key, FORM, chain, key, entry.at, *who, detail, prev)
    return (*content, hash_of(content))


def hash_of(content: tuple[object, ...]) -> str:
    """The hash of a row: of its columns, but for the hash itself, in the order of COLUMNS."""
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()


class StoredEntry(msgspec.Struct, frozen=True):
    """A row of the trail. `at` is RFC 3339 in UTC; `hash` covers the row and `prev`, the hash of the row before.

    `chain` names the process that wrote it, `seq` is its id; of rows that earlier versions of LENS wrote, `seq` is the place in
    that chain, and `prev` the hash of the row before there. `actor_key` is the id of the API key that acted, if one did.
    """

    id: int
    """The number of the entry."""
    chain: str
    """Names the process that wrote it."""
    seq: int
    """Its place in its chain."""
    at: Timestamp
    """When it was written."""
    actor: str
    """Who acted: the name of a key or a process."""
    actor_key: int | None
    """The id of the API key that acted; null where none did."""
    action: str
    """What was done, e.g. `accept_release`."""
    object: str
    """What it was done to."""
    outcome: str
    """How it came out."""
    detail: dict[str, Any]
    """What else is kept of it."""
    prev: str
    """The hash of the entry before."""
    hash: str
    """The hash of this entry with `prev`."""


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
    return StoredEntry(
        id=row.id,
        chain=row.chain,
        seq=row.seq,
        at=rfc3339(row.at),
        actor=row.actor,
        actor_key=row.actor_key,
        action=row.action,
        object=row.object,
        outcome=row.outcome,
        detail=msgspec.json.decode(row.detail_json, type=dict[str, Any]),
        prev=row.prev,
        hash=row.hash,
    )
