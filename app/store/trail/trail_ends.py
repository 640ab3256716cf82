"""What can be said of the audit trail once all of it is known: its end, and rows of other tables that it does not tell of."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, text

from app.domain.identifiers import message_id
from app.domain.statuses import AT_REST
from app.rulebook.files.source import SourceFile
from app.rulebook.reading.content import full_hash
from app.store.database.engine import now_micros
from app.store.ledger.stranded import find_stranded
from app.store.ledger.sums import small_sums, small_tables
from app.store.statements.rows import first_row
from app.store.trail.trail_items import changed_items, surges_decided_alone, untold_items
from app.store.trail.trail_links import ODD, Break, Links
from app.store.trail.trail_marks import MOST
from app.store.trail.trail_pauses import changed_pauses
from app.store.trail.trail_told import Told

_NAMED = 5
_SMALL = {"api_key": "key", "rulebook": "rulebook", "rulebook_publication": "rulebook publication"}
"""What the rows of tables of few rows are called."""


def ends(connection: Connection, links: Links, told: Told, *, content: bool) -> Iterator[Break]:
    """What does not hold. `content`: statuses and the files of rulebooks are looked at too."""
    yield from _readable("LENS's own note of the newest row", _head(connection, links))
    yield from _readable("the table of keys, of rulebooks or of their publications", _small_tables(connection, links, told))
    yield from _readable("a work item", changed_items(connection, told))
    yield from surges_decided_alone(connection)
    yield from _readable("the state of a message", _stranded(connection))
    yield from _readable("a pause", changed_pauses(connection, told))
    yield from _untold(connection, links, told)
    if content:
        yield from _readable("the statuses of messages", _statuses(connection, told))
        yield from _files(connection)


def _readable(what: str, found: Iterator[Break]) -> Iterator[Break]:
    """What was found; and that something cannot be compared, where it holds a value of a kind that LENS never writes there."""
    try:
        yield from found
    except ODD:  # SQLite keeps any value in any column
        yield Break(None, f"{what} was changed: a value there is not of the kind that LENS writes")


def _head(connection: Connection, links: Links) -> Iterator[Break]:
    head = first_row(connection, "SELECT last, hash FROM audit_head WHERE id = 1")
    last, known = head or (None, None)
    if last is None:
        if head is None or links.begun:
            yield Break(None, "LENS's own note of the newest row is gone")
        return
    if last > links.last:
        those = "it is missing" if last == links.last + 1 else f"it and all to row {last} are missing"
        yield Break(links.last + 1, f"{those}: the end was cut off")
        return
    noted = first_row(connection, "SELECT hash FROM audit WHERE id = ?", last)
    if noted is not None and noted[0] != known:
        yield Break(last, "it is not the row that LENS wrote last")
    added = first_row(connection, "SELECT id FROM audit WHERE id > ? AND form IS NOT NULL ORDER BY id LIMIT 1", last)
    if added is not None:
        yield Break(added[0], "it comes after the row that LENS wrote last")


def _small_tables(connection: Connection, links: Links, told: Told) -> Iterator[Break]:
    for table in small_tables():
        now = small_sums(connection, table)
        for name, (row, total) in told.small.items():
            kind, _, key = name.partition(" ")
            if kind != table:
                continue
            if name not in now:
                yield Break(row, f"{_SMALL[table]} {key}, of which it tells, is gone")
            elif now[name] != total:
                yield Break(row, f"{_SMALL[table]} {key} was changed since it told of it")
        if links.begun or not links.last:
            yield from _told_of(links, _SMALL[table], [name.partition(" ")[2] for name in now if name not in told.small])
    live = first_row(connection, _LIVE)
    if live is not None and live[0] != live[1]:
        yield Break(None, f"rulebook {live[0]} is live, but {live[1]} was published last")
    elif live is not None and live[1] is not None and live[2] != live[3]:
        yield Break(None, f"the time from which rulebook {live[0]} is live is not the one that it was published with")


def _untold(connection: Connection, links: Links, told: Told) -> Iterator[Break]:
    releases = connection.execute(text("SELECT id, release_id FROM release ORDER BY id"))
    unknown = [release_id for key, release_id in releases if not told.knows_release(key, release_id)]
    yield from _told_of(links, "release", unknown)
    versions = connection.execute(text(_NAMED_VERSIONS))
    unknown = [
        f"{name} {version}" for key, version, name in versions if not told.knows_version(f"{key}.{version}", name, version)
    ]
    yield from _told_of(links, "version of release", unknown)
    numbers = connection.execute(text("SELECT number FROM message ORDER BY number"))
    unknown = [message_id(number) for (number,) in numbers if not told.knows_message(number)]
    yield from _told_of(links, "message", unknown)
    yield from _told_of(links, "work item", untold_items(connection, told))


def _told_of(links: Links, what: str, keys: Sequence[str]) -> Iterator[Break]:
    if keys:
        trail = "no row tells of" if links.last else "the trail is empty, though there are rows it must tell of:"
        yield Break(None, f"{trail} {what} {some(keys)}")


def _stranded(connection: Connection) -> Iterator[Break]:
    for what, numbers in find_stranded(connection, now_micros(connection)):
        names = some([message_id(number) for number in numbers])
        yield Break(None, f"message {names} {what}" if len(numbers) == 1 else f"of messages {names}, each {what}")


def _statuses(connection: Connection, told: Told) -> Iterator[Break]:
    with connection.execute(text(_STATUSES), execution_options={"yield_per": 10_000}) as found:
        for number, status, count, last in found:
            named = message_id(number)
            if status != last:
                yield Break(None, f"message {named} is {status}, but its history ends with {last or 'nothing'}")
            elif status in AT_REST and told.expects_history(number) and told.settled[number] != min(count, MOST):
                yield Break(None, f"message {named} became {status}, and no row tells of that")


def _files(connection: Connection) -> Iterator[Break]:
    for version, whole in connection.execute(text("SELECT version, sha256 FROM rulebook ORDER BY id")).all():
        stored = connection.execute(
            text("SELECT name, content FROM rulebook_file WHERE version = :version"), {"version": version}
        )
        if _hash_of_files(stored.all()) != whole:
            yield Break(None, f"the files of rulebook {version} are not those that it was made of")


def _hash_of_files(stored: Sequence[Any]) -> str | None:
    """The full hash of stored files; None where one holds something else than bytes, as SQLite allows."""
    files = [SourceFile(name, bytes(content)) for name, content in stored if isinstance(content, bytes | memoryview)]
    if len(files) < len(stored):
        return None
    try:
        return full_hash(files)
    except ODD:
        return None


_NAMED_VERSIONS = """
    SELECT release, version, release_id FROM release_version JOIN release ON release.id = release_version.release
    ORDER BY release, version"""
_LIVE = """
    SELECT rulebook_live.version, rulebook_publication.version, rulebook_live.live_at, rulebook_publication.live_at
    FROM rulebook_live
    LEFT JOIN rulebook_publication ON rulebook_publication.seq = (SELECT max(seq) FROM rulebook_publication)"""
_STATUSES = """
    SELECT message.number, message.status, events.count, newest.status FROM message
    LEFT JOIN (SELECT number, count(*) AS count, max(id) AS newest FROM message_event GROUP BY number) AS events
        ON events.number = message.number
    LEFT JOIN message_event AS newest ON newest.id = events.newest
    ORDER BY message.number"""


def some(names: Sequence[str]) -> str:
    """The first few of these names, and how many more there are."""
    shown, more = ", ".join(names[:_NAMED]), len(names) - _NAMED
    return f"{shown} and {more} more" if more > 0 else shown
