"""Reading messages with their history, and putting one back in its lane."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, select, update

from app.domain.decision import Message
from app.domain.identifiers import message_id, message_number
from app.domain.statuses import Status, StatusWord
from app.domain.times import Timestamp, rfc3339
from app.errors import Conflict, Fault, LensError, NotFound, Refused
from app.store.ledger.audit import AuditEntry, append
from app.store.ledger.closing import close_items
from app.store.ledger.held import ABOUT_INBOUND
from app.store.ledger.history import change
from app.store.ledger.told import overtaken
from app.store.statements.locks import lock_lanes_of_messages, waits_for_lanes
from app.store.statements.paging import Order, Page, read_page
from app.store.tables.main import LANE, MESSAGE, MESSAGE_EVENT, RELEASE, WORK_ITEM
from app.store.tables.surges import SURGE_HOLD

REQUEUED_FROM = (Status.DEAD, Status.REJECTED, Status.WAITING_FOR_STATE)
"""From these a person may send a message again; from any other it would be sent twice, or against a decision."""


class Event(msgspec.Struct, frozen=True):
    """A status the message got, when (RFC 3339, UTC), and why, in words."""

    status: StatusWord
    """The status it got."""
    at: Timestamp
    """When."""
    cause: str
    """Why, in words."""


class StoredMessage(Message, frozen=True, kw_only=True):
    """A message as it is now. Times are RFC 3339 in UTC; `due_at` is when policy wants it out, None: no limit.

    `maybe_duplicate`: the outcome of a try is unknown, so the network may have it twice.
    """

    release_id: str
    """The release that it tells of."""
    created_at: Timestamp
    """When it was accepted."""
    changed_at: Timestamp
    """When its status last changed."""
    due_at: Timestamp | None
    """By when it should be out; null for no limit."""
    attempts: int
    """How often it was tried."""
    maybe_duplicate: bool
    """Whether the outcome of an attempt is unknown, so that the network may have it twice."""
    refers_to: str | None
    """The number of the message that it corrects or cancels; null for a first notice."""


class MessageWithHistory(StoredMessage, frozen=True, kw_only=True):
    """The same with every status it has had, in order."""

    history: tuple[Event, ...]
    """Every status it has had, in order."""


class MessageFilter(NamedTuple):
    """What to list; None: any. `since` and `until` are Micros of acceptance, both included; `state` a USPS code.

    `caller`: only messages of releases that this caller sent; `work_item`: only those that this one is about, holds or held.
    """

    status: str | None = None
    state: str | None = None
    since: int | None = None
    until: int | None = None
    release_id: str | None = None
    caller: str | None = None
    work_item: int | None = None


class Requeue(NamedTuple):
    """To send a message again. `by` is the name of the key; `reason` the person's own words, kept in its history."""

    message_id: str
    reason: str
    by: str
    at: int


def list_messages(
    connection: Connection, wanted: MessageFilter, limit: int, given: str | None = None, order: Order = "oldest"
) -> Page[StoredMessage]:
    """A page of messages in order of their numbers, or against it. Raises Refused for a bad status or cursor."""
    if wanted.status is not None and wanted.status not in set(Status):
        allowed = tuple(Status)
        raise Refused((Fault("/status", "enum", "there is no such status", allowed),))
    statement = _messages().where(*_conditions(wanted))
    page = read_page(connection, statement, key=MESSAGE.c.number, kind="messages", limit=limit, given=given, order=order)
    return Page(tuple(StoredMessage(**_fields(row)) for row in page.items), page.next)


def _conditions(wanted: MessageFilter) -> list[ColumnElement[bool]]:
    asked: list[tuple[object, Callable[[Any], ColumnElement[bool]]]] = [
        (wanted.status, MESSAGE.c.status.__eq__),
        (wanted.state, MESSAGE.c.state.__eq__),
        (wanted.since, MESSAGE.c.created_at.__ge__),
        (wanted.until, MESSAGE.c.created_at.__le__),
        (wanted.release_id, RELEASE.c.release_id.__eq__),
        (wanted.caller, RELEASE.c.caller.__eq__),
        (wanted.work_item, _of_work_item),
    ]
    return [condition(value) for value, condition in asked if value is not None]


def _of_work_item(key: int) -> ColumnElement[bool]:
    held = select(SURGE_HOLD.c.number).where(SURGE_HOLD.c.surge == key)
    about = select(WORK_ITEM.c.number).where(WORK_ITEM.c.id == key, WORK_ITEM.c.number.is_not(None))
    return MESSAGE.c.number.in_(held.union_all(about))


def get_message(connection: Connection, identifier: str, caller: str | None = None) -> MessageWithHistory:
    """One message with its history. Raises NotFound, also when `caller` is given and did not send its release."""
    number = message_number(identifier)
    wanted = [] if caller is None else [RELEASE.c.caller == caller]
    row = connection.execute(_messages().where(MESSAGE.c.number == number, *wanted)).first()
    if row is None:
        raise NotFound(
            f"There is no message {identifier}." if number is not None else "A message id is LN and eight of 0-9A-Z."
        )
    return MessageWithHistory(**_fields(row), history=histories(connection, [row.number])[row.number])


def messages_of_release(connection: Connection, release: int) -> tuple[MessageWithHistory, ...]:
    """The messages of a release (its row id) in order, each with its history."""
    rows = connection.execute(_messages().where(MESSAGE.c.release == release).order_by(MESSAGE.c.number)).all()
    events = histories(connection, [row.number for row in rows])
    return tuple(MessageWithHistory(**_fields(row), history=events[row.number]) for row in rows)


def histories(connection: Connection, numbers: Sequence[int]) -> dict[int, tuple[Event, ...]]:
    """The events of each of these messages, in order."""
    found: dict[int, list[Event]] = defaultdict(list)
    statement = select(MESSAGE_EVENT).where(MESSAGE_EVENT.c.number.in_(numbers)).order_by(MESSAGE_EVENT.c.id)
    for row in connection.execute(statement):
        found[row.number].append(Event(row.status, rfc3339(row.at), row.cause))
    return {number: tuple(found[number]) for number in numbers}


def _messages() -> Select[Any]:
    return select(MESSAGE, RELEASE.c.release_id).join(RELEASE, RELEASE.c.id == MESSAGE.c.release)


def _fields(row: Any) -> dict[str, Any]:  # noqa: ANN401 - a row of `_messages`
    return {
        "message_id": message_id(row.number),
        "type": row.type,
        "copy": row.copy,
        "state": row.state,
        "ori": row.ori,
        "text": row.text,
        "status": row.status,
        "release_id": row.release_id,
        "created_at": rfc3339(row.created_at),
        "changed_at": rfc3339(row.changed_at),
        "due_at": None if row.due_at is None else rfc3339(row.due_at),
        "attempts": row.attempts,
        "maybe_duplicate": row.maybe_duplicate,
        "refers_to": None if row.refers_to is None else message_id(row.refers_to),
    }


@waits_for_lanes
def requeue(connection: Connection, items: Sequence[Requeue]) -> list[MessageWithHistory | LensError]:
    """Puts messages back in their lanes, each in its old place, due at once, and closes the work items about them (what states asked stays open).

    A result is NotFound, or Conflict when the message's status is none of REQUEUED_FROM, or it was overtaken. Has the shape
    `Writer.do` takes.
    """
    numbers = [message_number(item.message_id) for item in items]
    lock_lanes_of_messages(connection, [number for number in numbers if number is not None])
    return [_requeue_one(connection, item) for item in items]


def _requeue_one(connection: Connection, item: Requeue) -> MessageWithHistory | LensError:
    number = message_number(item.message_id)
    ori = connection.scalar(select(MESSAGE.c.ori).where(MESSAGE.c.number == number))
    if number is None or ori is None:
        return NotFound("There is no message with this number.")
    old = connection.execute(select(MESSAGE.c.status).where(MESSAGE.c.number == number).with_for_update()).scalar_one()
    if old not in REQUEUED_FROM:
        allowed = ", ".join(REQUEUED_FROM)
        return Conflict(f"The message is {old}; only a message that is {allowed} can be queued again.")
    if overtaken(connection, [number]):
        return Conflict("The message was overtaken by a correction or cancellation; what holds now follows it.")
    change(
        connection=connection,
        numbers=[number],
        status=Status.QUEUED,
        at=item.at,
        cause=f"queued again by {item.by}: {item.reason}",
    )
    connection.execute(update(MESSAGE).where(MESSAGE.c.number == number).values(failures=0))
    connection.execute(update(LANE).where(LANE.c.ori == ori).values(due=0))  # a person says that it is worth a try now
    about = (WORK_ITEM.c.number == number, WORK_ITEM.c.code.not_in(ABOUT_INBOUND))
    closed = close_items(connection, *about, resolution="resolved", by=item.by, at=item.at, reason=item.reason)
    append(
        connection,
        [
            AuditEntry(
                at=item.at,
                actor=item.by,
                action="requeue_message",
                target=f"message {item.message_id}",
                outcome="queued",
                detail={"from": old, "work_items": closed},
            )
        ],
    )
    return get_message(connection, item.message_id)
