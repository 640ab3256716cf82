"""The tries of sending messages: begun by the owner of their lane, and settled once it is known what became of them.

Each status a message gets is written with its time, cause, worker and try, so its history explains itself. All functions work
inside the caller's transaction; times are Micros of the database's clock.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, bindparam, case, select, text, update

from app.domain.statuses import Status
from app.store.engine import now_micros
from app.store.raised import Raised, raise_items
from app.store.rows import insert
from app.store.tables import MessageRow

_message = MessageRow.metadata.tables["message"]
IS_READY = text("message.ready")
"""Word for word the condition of the partial index, without which SQLite does not use it."""

_MANY = 10_000  # values of one IN list at the most: SQLite takes 32,766


class Taken(NamedTuple):
    """A message to send now, as it was accepted. `attempt`: which try this is; `failures`: tries that failed before."""

    number: int
    text: str
    format: Literal["legacy", "niem"]
    attempt: int
    failures: int
    maybe_duplicate: bool


class Hand(NamedTuple):
    """A lane in the hands of `worker`, and how many of its messages to take, 0 or more."""

    ori: str
    window: int
    worker: str


class Verdict(NamedTuple):
    """What became of one try: `sent`, `queued` (to be tried again) or `dead`, and why, in words without personal data.

    `failed` counts against the message; `unknown` says that the network may have it all the same.
    """

    number: int
    status: Literal["sent", "queued", "dead"]
    cause: str
    failed: bool = False
    unknown: bool = False


class Presume(NamedTuple):
    """To presume delivered what was sent more than `after` Micros ago; at most `limit` messages."""

    after: int
    limit: int


class Event(NamedTuple):
    """One line of a message's history: a status it got. `cause` is in words, without personal data."""

    number: int
    status: str
    at: int
    cause: str
    worker: str | None = None
    attempt: int | None = None


def record(connection: Connection, events: Sequence[Event]) -> None:
    """Writes statuses into the history of their messages."""
    insert(connection, "message_event", Event._fields, events)


_NEXT = (
    select(
        _message.c.number,
        _message.c.text,
        _message.c.format,
        _message.c.status,
        _message.c.attempts,
        _message.c.failures,
        _message.c.maybe_duplicate,
        _message.c.refers_to,
    )
    .where(_message.c.ori == bindparam("lane"), IS_READY)
    .order_by(_message.c.number)
    .limit(bindparam("window"))
    .with_for_update()
)


def begin(connection: Connection, now: int, hands: Sequence[Hand]) -> dict[str, tuple[Taken, ...]]:
    """Begins a try of the next ready messages of each lane, in the order of their numbers. Commit before any byte leaves.

    A message found under way was left so by an owner that is gone: it may be out already, and is flagged for ever.
    """
    taken: dict[str, tuple[Taken, ...]] = {}
    events: list[Event] = []
    for hand in hands:
        rows = connection.execute(_NEXT, {"lane": hand.ori, "window": hand.window}).all() if hand.window else []
        taken[hand.ori] = tuple(_taken(row) for row in _until_one_refers_to_another(rows))
        events += [_begun(message, now, hand.worker) for message in taken[hand.ori]]
    for numbers in _chunks([event.number for event in events]):
        connection.execute(
            update(_message)
            .where(_message.c.number.in_(numbers))
            .values(
                maybe_duplicate=case((_message.c.status == Status.SENDING.value, True), else_=_message.c.maybe_duplicate),
                status=Status.SENDING.value,
                attempts=_message.c.attempts + 1,
                changed_at=now,
            )
        )
    record(connection, events)
    return taken


def _until_one_refers_to_another(rows: Sequence[Any]) -> Sequence[Any]:
    """The rows before the first that refers to one of them: it may go only when it is known that the other was taken."""
    seen = set()
    for place, row in enumerate(rows):
        if row.refers_to in seen:
            return rows[:place]
        seen.add(row.number)
    return rows


def _taken(row: Any) -> Taken:  # noqa: ANN401 - a row
    maybe_duplicate = row.maybe_duplicate or row.status == Status.SENDING
    return Taken(row.number, row.text, row.format, row.attempts + 1, row.failures, maybe_duplicate)


def _begun(message: Taken, now: int, worker: str) -> Event:
    cause = f"try {message.attempt} begun" + (", an earlier one may have arrived" if message.maybe_duplicate else "")
    return Event(message.number, Status.SENDING.value, now, cause, worker, message.attempt)


def settle(connection: Connection, now: int, verdicts: Iterable[tuple[str, Verdict]]) -> set[int]:
    """Writes what became of tries, each with the worker that made it; the caller has made sure that the lanes are still its own.

    Returns the numbers whose status changed: one that the network spoke about before its ACK keeps what that made of it.
    """
    alike: dict[tuple[str, bool, bool], dict[int, tuple[str, Verdict]]] = defaultdict(dict)
    for worker, verdict in verdicts:
        alike[verdict.status, verdict.failed, verdict.unknown][verdict.number] = worker, verdict
    events: list[Event] = []
    dead: list[Raised] = []
    for (status, failed, unknown), mine in alike.items():
        for number, attempt in _moved(connection, now, status, failed=failed, unknown=unknown, numbers=list(mine)):
            worker, verdict = mine[number]
            events.append(Event(number, status, now, verdict.cause, worker, attempt))
            if status == Status.DEAD:
                dead.append(Raised("dead-letter", number, f"given up after {attempt} tries: {verdict.cause}"))
    record(connection, events)
    raise_items(connection, now, dead)
    return {event.number for event in events}


def _moved(
    connection: Connection, now: int, status: str, *, failed: bool, unknown: bool, numbers: Sequence[int]
) -> Iterator[tuple[int, int]]:
    values: dict[str, Any] = {"status": status, "ready": status == Status.QUEUED, "changed_at": now}
    if failed:
        values["failures"] = _message.c.failures + 1
    if unknown:
        values["maybe_duplicate"] = True
    for some in _chunks(numbers):
        change = update(_message).where(_message.c.number.in_(some), _message.c.status == Status.SENDING.value).values(**values)
        yield from (
            (row.number, row.attempts) for row in connection.execute(change.returning(_message.c.number, _message.c.attempts))
        )


def presume(connection: Connection, sweeps: Sequence[Presume]) -> list[int]:
    """Presumes delivered what the network took long enough ago without a word since; how many, for each sweep."""
    return [_presume(connection, now_micros(connection), sweep) for sweep in sweeps]


def _presume(connection: Connection, now: int, sweep: Presume) -> int:
    old = (
        select(_message.c.number)
        .where(text("message.status = 'sent'"), _message.c.changed_at <= now - sweep.after)
        .order_by(_message.c.changed_at)
        .limit(sweep.limit)
        .with_for_update(skip_locked=True)
    )
    numbers = list(connection.scalars(old))
    status = Status.PRESUMED_DELIVERED.value
    for some in _chunks(numbers):
        connection.execute(update(_message).where(_message.c.number.in_(some)).values(status=status, changed_at=now))
    cause = f"no ER or SM in {sweep.after / 1e6:g} s; a presumption only, the network gives no receipt"
    record(connection, [Event(number, status, now, cause) for number in numbers])
    return len(numbers)


def _chunks(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    return (numbers[start : start + _MANY] for start in range(0, len(numbers), _MANY))
