"""Feeds: callers that say by heartbeats that they live, and how many releases they sent since the last one.

A release counts once, when it is stored, whatever its mode; sending it again, correcting it or cancelling it does not. Whatever
changes a feed holds the lock under which releases get their numbers: so a count has every release that was answered before, on
whatever host, and each release is in exactly one count.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, and_, func, insert, not_, select, update

from app.domain.feeds import Feed, Noticed, Watch, notice
from app.domain.times import Timestamp, rfc3339
from app.store.desk.work_items import NewWorkItem, open_all
from app.store.ledger.audit import AuditEntry, append
from app.store.statements.rows import counters_first, lock_counters
from app.store.tables.feeds import FEED
from app.store.tables.main import API_KEY, RELEASE, WORK_ITEM

FEED_COUNT = "feed-count"
FEED_SILENT = "feed-silent"

_WATCH = "feed watch"
_AGAIN = " Then: "


class Heartbeat(NamedTuple):
    """A system of record says that it lives. `caller` is the name of its key, `told` the releases it sent since the last one.

    Times are Micros: `at` when it came, `sent_at` when it was sent by the caller's clock, `next_by` when the next is expected.
    """

    caller: str
    told: int
    sent_at: int | None
    at: int
    next_by: int


class HeartbeatAnswer(msgspec.Struct, frozen=True):
    """What became of a heartbeat. Times are RFC 3339 in UTC; `since` is that of the heartbeat before, None for the first.

    `received` is how many releases of this caller were stored since then; `work_item` is where people look into a difference.
    """

    caller: str
    """The caller that sent it."""
    count: int
    """How many releases it says it sent."""
    received: int
    """How many releases of this caller were stored since its last heartbeat."""
    agrees: bool
    """Whether the two counts are equal."""
    since: Timestamp | None
    """When the heartbeat before came; null for the first."""
    at: Timestamp
    """When this one came."""
    next_expected_by: Timestamp
    """By when the next is expected."""
    work_item: int | None
    """The work item where people look into a difference; null where there is none."""


class TakenHeartbeat(NamedTuple):
    """A heartbeat taken now, or one taken before that came again. `back`: with it a feed that was silent is heard again."""

    kind: Literal["new", "replay"]
    answer_json: bytes
    agrees: bool
    back: bool = False


@counters_first
def heartbeats(connection: Connection, items: Sequence[Heartbeat]) -> list[TakenHeartbeat]:
    """Takes heartbeats, in the order given. Has the shape that `Writer.do` takes.

    One with the `sent_at` and count of the caller's last is that one come again: it gets the answer of then.
    """
    lock_counters(connection)
    return [_heard(connection, item) for item in items]


def _heard(connection: Connection, item: Heartbeat) -> TakenHeartbeat:
    feed = connection.execute(select(FEED).where(FEED.c.caller == item.caller)).first()
    if feed is not None and item.sent_at is not None and (item.sent_at, item.told) == (feed.sent_at, feed.last_count):
        answer = msgspec.json.decode(feed.answer_json, type=HeartbeatAnswer)
        return TakenHeartbeat("replay", feed.answer_json.encode(), answer.agrees)
    received, last = _count_received(connection, item.caller, 0 if feed is None else feed.last_release)
    answer = _compare(connection, item, received, feed)
    _keep(connection=connection, item=item, answer=answer, last=last, feed=feed)
    back = False
    if feed is not None and feed.silent_since is not None:
        back = True
        _note_back(connection, feed, item.at, item.at)
    outcome = "agrees" if answer.agrees else "differs"
    detail = {"count": item.told, "received": received, "work_item": answer.work_item}
    append(
        connection,
        [
            AuditEntry(
                at=item.at, actor=item.caller, action="heartbeat", target=f"feed {item.caller}", outcome=outcome, detail=detail
            )
        ],
    )
    return TakenHeartbeat("new", msgspec.json.encode(answer), answer.agrees, back)


def _count_received(connection: Connection, caller: str, after: int) -> tuple[int, int]:
    """How many releases of a caller were stored after this row, and the last of them."""
    counted = select(func.count(), func.max(RELEASE.c.id)).where(RELEASE.c.caller == caller, RELEASE.c.id > after)
    count, last = connection.execute(counted).one()
    return count, after if last is None else last


def _compare(connection: Connection, item: Heartbeat, received: int, feed: Row[Any] | None) -> HeartbeatAnswer:
    since = None if feed is None else rfc3339(feed.heartbeat_at)
    agrees = received == item.told
    work_item = (
        None if agrees else _raise_difference(connection=connection, item=item, received=received, since=since, feed=feed)
    )
    times = (since, rfc3339(item.at), rfc3339(item.next_by))
    return HeartbeatAnswer(str(item.caller), item.told, received, agrees, *times, work_item)


def _raise_difference(connection: Connection, item: Heartbeat, received: int, since: str | None, feed: Row[Any] | None) -> int:
    """The work item of a wrong count: a new one, or the one that is open already, with this difference added to it."""
    between = f"from {since or 'its first release'} to {rfc3339(item.at)}"
    words = f"Feed {item.caller} told of {item.told} releases, LENS received {received}, {between}."
    known = None if feed is None else _open_detail(connection, feed.count_item)
    if feed is None or known is None:
        return open_all(connection, [NewWorkItem(FEED_COUNT, item.at, detail=words)])[0]
    so_far = f"In all it has told of {feed.told + item.told}, and LENS received {feed.received + received}."
    _set_detail(connection, feed.count_item, f"{known.partition(_AGAIN)[0]}{_AGAIN}{words} {so_far}")
    return int(feed.count_item)


def _keep(connection: Connection, item: Heartbeat, answer: HeartbeatAnswer, last: int, feed: Row[Any] | None) -> None:
    """Stores the feed as it stands with this heartbeat; `last` is the row of the last release counted."""
    told, received, differences, count_item = (0, 0, 0, None)
    if feed is not None:
        told, received, differences, count_item = feed.told, feed.received, feed.differences, feed.count_item
    values = {
        "heartbeat_at": item.at,
        "sent_at": item.sent_at,
        "last_count": item.told,
        "last_release": last,
        "told": told + item.told,
        "received": received + answer.received,
        "differences": differences + (0 if answer.agrees else 1),
        "count_item": count_item if answer.work_item is None else answer.work_item,
        "answer_json": msgspec.json.encode(answer).decode(),
    }
    if feed is None:
        connection.execute(insert(FEED).values(caller=item.caller, **values))
    else:
        connection.execute(update(FEED).where(FEED.c.caller == item.caller).values(**values))


@counters_first
def watch_feeds(connection: Connection, items: Sequence[Watch]) -> list[tuple[Noticed, ...]]:
    """Raises each feed that has fallen silent, once, and notes each that is heard again. Has the shape that `Writer.do` takes."""
    lock_counters(connection)
    return [_watch(connection, item) for item in items]


def _watch(connection: Connection, item: Watch) -> tuple[Noticed, ...]:
    found = notice(list_feeds(connection), item)
    for each in found:
        row = connection.execute(select(FEED).where(FEED.c.caller == each.caller)).one()
        if each.what == "silent":
            _note_silent(connection, row, each.heard_at, item.now)
        else:
            _note_back(connection, row, each.heard_at, item.now)
    return found


def _note_silent(connection: Connection, feed: Row[Any], heard_at: int, now: int) -> None:
    words = f"Feed {feed.caller} is silent: nothing was heard of it since {rfc3339(heard_at)}."
    known = _open_detail(connection, feed.silent_item)
    if known is None:
        work_item = open_all(connection, [NewWorkItem(FEED_SILENT, now, detail=words)])[0]
    else:
        work_item = feed.silent_item
        _set_detail(connection, work_item, f"{known.partition(_AGAIN)[0]}{_AGAIN}{words}")
    changed = {"silent_since": heard_at, "silent_item": work_item}
    connection.execute(update(FEED).where(FEED.c.caller == feed.caller).values(**changed))
    detail = {"last_heard": rfc3339(heard_at), "work_item": work_item}
    append(
        connection,
        [AuditEntry(at=now, actor=_WATCH, action="feed_silent", target=f"feed {feed.caller}", outcome="raised", detail=detail)],
    )


def _note_back(connection: Connection, feed: Row[Any], heard_at: int, now: int) -> None:
    """The work item stays open: whether everything has come since is for a person to see."""
    known = _open_detail(connection, feed.silent_item)
    if known is not None:
        _set_detail(connection, feed.silent_item, f"{known} It was heard again at {rfc3339(heard_at)}.")
    connection.execute(update(FEED).where(FEED.c.caller == feed.caller).values(silent_since=None))
    detail = {"silent_since": rfc3339(feed.silent_since), "heard_again": rfc3339(heard_at), "work_item": feed.silent_item}
    append(
        connection,
        [AuditEntry(at=now, actor=_WATCH, action="feed_back", target=f"feed {feed.caller}", outcome="heard", detail=detail)],
    )


def _open_detail(connection: Connection, work_item: int | None) -> str | None:
    """What an open work item says; None where there is none, or it is closed."""
    wanted = select(WORK_ITEM.c.detail).where(WORK_ITEM.c.id == work_item, WORK_ITEM.c.status == "open").with_for_update()
    return connection.scalar(wanted)


def _set_detail(connection: Connection, work_item: int, detail: str) -> None:
    connection.execute(update(WORK_ITEM).where(WORK_ITEM.c.id == work_item).values(detail=detail))


def list_feeds(connection: Connection) -> tuple[Feed, ...]:
    """Every feed, by the name of its caller; without those that have ended: every key of such a caller is revoked.

    A key that ran out is another matter: whoever forgot it falls silent, and must be missed.
    """
    newest = select(RELEASE.c.accepted_at).where(RELEASE.c.caller == FEED.c.caller).order_by(RELEASE.c.id.desc()).limit(1)
    columns = (FEED.c.caller, FEED.c.heartbeat_at, FEED.c.silent_since, FEED.c.differences)
    keys = select(API_KEY.c.id).where(API_KEY.c.name == FEED.c.caller)
    ended = and_(keys.exists(), not_(keys.where(API_KEY.c.revoked_at.is_(None)).exists()))
    statement = select(*columns, newest.scalar_subquery().label("newest")).where(not_(ended)).order_by(FEED.c.caller)
    rows = connection.execute(statement)
    return tuple(
        Feed(
            caller=row.caller,
            heartbeat_at=row.heartbeat_at,
            heard_at=max(row.heartbeat_at, row.newest or 0),
            silent_since=row.silent_since,
            differences=row.differences,
        )
        for row in rows
    )
