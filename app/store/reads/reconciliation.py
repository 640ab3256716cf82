"""What a state was sent, by message number, to hold against the state's own list. No text and nothing of a person is read."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, func, select

from app.domain.decision import Copy, NoticeType
from app.domain.identifiers import message_id
from app.domain.statuses import StatusWord
from app.domain.times import Timestamp, rfc3339
from app.store.statements.paging import Page, after, cursor
from app.store.statements.rows import run_in
from app.store.tables.main import MESSAGE, RELEASE

_KIND = "reconciliation"


class ReconciledMessage(msgspec.Struct, frozen=True):
    """A message accepted for the state, as it stands now. Times are RFC 3339 in UTC.

    `sent_at`: when the network took it, the last time if it did so more than once; None if it never did. `maybe_duplicate`: the
    state may have it twice. `refers_to`: the message that it corrects or cancels.
    """

    message_id: str
    """The message number."""
    type: NoticeType
    """A first notice, a correction or a cancellation."""
    copy: Copy
    """Which copy the state gets."""
    ori: str
    """The nine-character address on the network."""
    status: StatusWord
    """What is known of it now."""
    accepted_at: Timestamp
    """When it was accepted."""
    sent_at: Timestamp | None
    """When the network took it, the last time if more than once; null if it never did."""
    attempts: int
    """How often it was tried."""
    maybe_duplicate: bool
    """Whether the state may have it twice."""
    refers_to: str | None
    """The number of the message that it corrects or cancels; null for a first notice."""
    release_id: str
    """The release that it tells of."""


class Totals(msgspec.Struct, frozen=True):
    """Of all messages of a state and time, listed or not: how many were accepted, and of these how many have each status now.

    The counts of `by_status` add up to `accepted`; a status that no message has is left out. `maybe_duplicate` of them the state
    may have twice.
    """

    accepted: int
    """How many messages were accepted."""
    by_status: Mapping[StatusWord, int]
    """How many of them have each status now; a status that none has is left out."""
    maybe_duplicate: int
    """How many of them the state may have twice."""


class Overview(msgspec.Struct, frozen=True):
    """Everything accepted in a time: `releases` by mode (normal or backfill) and outcome, `messages` by state.

    The counts of `releases` add up to `accepted`, and every message is in the totals of one state.
    """

    accepted: int
    """How many releases were accepted."""
    releases: Mapping[str, Mapping[str, int]]
    """How many, by mode (`normal`, `backfill`) and outcome."""
    messages: Mapping[str, Totals]
    """The messages, by USPS code of the state addressed."""


class MessagesWanted(NamedTuple):
    """Whose messages: `state` is a USPS code; `since` and `until` are Micros of acceptance, both included.

    `last` is the highest number wanted: with it the list has an end, however many are accepted while it is read. `status`
    narrows the list and not its totals.
    """

    state: str
    since: int | None = None
    until: int | None = None
    last: int | None = None
    status: str | None = None


def list_sent(connection: Connection, wanted: MessagesWanted, limit: int, given: str | None = None) -> Page[ReconciledMessage]:
    """A page in order of the numbers. Raises Refused for a cursor of another list."""
    columns = [MESSAGE.c[name] for name in ("number", "type", "copy", "ori", "status", "created_at", "attempts")]
    statement = (
        select(*columns, MESSAGE.c.maybe_duplicate, MESSAGE.c.refers_to, RELEASE.c.release_id)
        .join(RELEASE, RELEASE.c.id == MESSAGE.c.release)
        .where(MESSAGE.c.number > after(_KIND, given), *_conditions(wanted), *_status(wanted))
        .order_by(MESSAGE.c.number)
        .limit(limit + 1)
    )
    rows = connection.execute(statement).all()
    more, rows = len(rows) > limit, rows[:limit]
    taken = _times_taken(connection, [row.number for row in rows])
    items = tuple(
        ReconciledMessage(
            message_id=message_id(row.number),
            type=row.type,
            copy=row.copy,
            ori=row.ori,
            status=row.status,
            accepted_at=rfc3339(row.created_at),
            sent_at=rfc3339(taken[row.number]) if row.number in taken else None,
            attempts=row.attempts,
            maybe_duplicate=row.maybe_duplicate,
            refers_to=None if row.refers_to is None else message_id(row.refers_to),
            release_id=row.release_id,
        )
        for row in rows
    )
    return Page(items, cursor(_KIND, rows[-1].number) if more else None)


def totals(connection: Connection, wanted: MessagesWanted) -> Totals:
    """The counts of everything accepted for the state in that time, whatever its status."""
    return _by_state(connection, _conditions(wanted)).get(wanted.state, Totals(0, {}, 0))


def _by_state(connection: Connection, conditions: list[ColumnElement[bool]]) -> dict[str, Totals]:
    groups = (MESSAGE.c.state, MESSAGE.c.status, MESSAGE.c.maybe_duplicate)
    statement = select(*groups, func.count()).where(*conditions).group_by(*groups).order_by(*groups)
    by_status: dict[str, dict[str, int]] = {}
    twice: dict[str, int] = {}
    for state, status, maybe_duplicate, count in connection.execute(statement):
        counts = by_status.setdefault(state, {})
        counts[status] = counts.get(status, 0) + count
        twice[state] = twice.get(state, 0) + (count if maybe_duplicate else 0)
    return {state: Totals(sum(counts.values()), counts, twice[state]) for state, counts in by_status.items()}


def overview(connection: Connection, since: int | None, until: int | None) -> Overview:
    """The counts of everything accepted between two times (Micros, both included; None: without end)."""
    groups = (RELEASE.c.mode, RELEASE.c.outcome)
    statement = select(*groups, func.count()).where(*_between(RELEASE.c.accepted_at, since, until)).group_by(*groups)
    releases: dict[str, dict[str, int]] = {}
    for mode, outcome, count in connection.execute(statement.order_by(*groups)):
        releases.setdefault(mode, {})[outcome] = count
    accepted = sum(sum(counts.values()) for counts in releases.values())
    return Overview(accepted, releases, _by_state(connection, _between(MESSAGE.c.created_at, since, until)))


def last_number(connection: Connection) -> int:
    """The number of the newest message; 0 when there is none."""
    return connection.scalar(select(func.max(MESSAGE.c.number))) or 0


def _conditions(wanted: MessagesWanted) -> list[ColumnElement[bool]]:
    conditions = [MESSAGE.c.state == wanted.state, *_between(MESSAGE.c.created_at, wanted.since, wanted.until)]
    if wanted.last is not None:
        conditions.append(MESSAGE.c.number <= wanted.last)
    return conditions


def _between(time: ColumnElement[int], since: int | None, until: int | None) -> list[ColumnElement[bool]]:
    first = [] if since is None else [time >= since]
    return first if until is None else [*first, time <= until]


def _status(wanted: MessagesWanted) -> list[ColumnElement[bool]]:
    return [] if wanted.status is None else [MESSAGE.c.status == wanted.status]


_TAKEN = """
    SELECT number, coalesce(max(CASE WHEN status = 'sent' THEN at END), max(at)) FROM message_event
    WHERE status IN ('sent', 'held_by_network') AND number IN"""


def _times_taken(connection: Connection, numbers: list[int]) -> dict[int, int]:
    """When the network last took each of these, in Micros; where its ACK was lost, when it said that it will forward it."""
    return dict(run_in(connection=connection, start=_TAKEN, values=(), keys=numbers, end="GROUP BY number"))
