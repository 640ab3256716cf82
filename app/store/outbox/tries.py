"""The tries of sending messages: begun by the owner of their lane, and settled once it is known what became of them.

Each status a message gets is written with its time, cause, worker and try, so its history explains itself. All functions work
inside the caller's transaction; times are Micros of the database's clock.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from sqlalchemy import Connection

from app.domain.statuses import Status
from app.store.database.engine import now_micros
from app.store.desk.raised import Raised, raise_items
from app.store.ledger.history import LATER, HistoryLine, record
from app.store.ledger.told import overtaken
from app.store.statements.rows import row_lock, run, run_in


class Taken(NamedTuple):
    """A message to send now, as it was accepted. `attempt`: which try this is; `failures`: tries that failed before.

    Micros: `age` since its acceptance, `left` until policy wants it out (below 0: since then), None when it says nothing.
    """

    number: int
    text: str
    format: Literal["legacy", "niem"]
    attempt: int
    failures: int
    maybe_duplicate: bool
    age: int = 0
    left: int | None = None


class Hand(NamedTuple):
    """A lane in the hands of `worker`, and how many of its messages to take, 0 or more."""

    ori: str
    window: int
    worker: str


class AttemptResult(NamedTuple):
    """What became of one try: `sent`, `queued` (to be tried again) or `dead`, and why, in words without personal data.

    `failed` counts against the message; `unknown` says that the network may have it all the same. `logged` is the cause for the
    log, where `cause` quotes words of the far side, which may name a person.
    """

    number: int
    status: Literal["sent", "queued", "dead"]
    cause: str
    failed: bool = False
    unknown: bool = False
    logged: str | None = None

    @property
    def cause_for_log(self) -> str:
        """Why, in our own words alone."""
        return self.logged or self.cause


class Presume(NamedTuple):
    """To presume delivered what was sent more than `after` Micros ago; at most `limit` messages.

    What was sent more than that ahead of now was sent before the clock was set back, and counts as past. `lying` are the numbers
    of messages that the far side has not taken from us yet: of them nobody can have said anything.
    """

    after: int
    limit: int
    lying: frozenset[int] = frozenset()


class Postpone(NamedTuple):
    """These messages lie with us still; the time until they are presumed delivered, `after` Micros, begins when they have left."""

    numbers: tuple[int, ...]
    after: int


_NEXT = """
    SELECT number, text, format, attempts, failures, maybe_duplicate OR status = 'sending', refers_to,
        COALESCE(not_before, created_at), due_at
    FROM message WHERE ori = ? AND ready ORDER BY number LIMIT ?"""

_BEGIN = f"""
    UPDATE message SET status = 'sending', attempts = attempts + 1, {LATER},
        maybe_duplicate = maybe_duplicate OR status = 'sending'
    WHERE number IN"""  # noqa: S608 - all from here, as below


def begin(connection: Connection, now: int, hands: Sequence[Hand]) -> dict[str, tuple[Taken, ...]]:
    """Begins a try of the next ready messages of each lane, in the order of their numbers. Commit before any byte leaves.

    A message found under way was left so by an owner that is gone: it may be out already, and is flagged for ever.
    """
    taken: dict[str, tuple[Taken, ...]] = {}
    for hand in hands:
        taken[hand.ori] = _next(connection, now, hand) if hand.window else ()
    numbers = [message.number for messages in taken.values() for message in messages]
    begun_at = dict(
        run_in(connection=connection, start=_BEGIN, values=[now, now], keys=numbers, end="RETURNING number, changed_at")
    )
    record(
        connection,
        [_begun(message, begun_at[message.number], hand.worker) for hand in hands for message in taken[hand.ori]],
    )
    return taken


def _next(connection: Connection, now: int, hand: Hand) -> tuple[Taken, ...]:
    """The lane's first ready messages, up to one that refers to another of them: it may go only once that is known to be taken."""
    taken: list[Taken] = []
    numbers = set()
    for number, text, form, attempts, failures, maybe_duplicate, refers_to, created_at, due_at in run(
        connection, _NEXT + row_lock(connection), (hand.ori, hand.window)
    ):
        if refers_to in numbers:
            break
        numbers.add(number)
        age, left = max(now - created_at, 0), None if due_at is None else due_at - now
        taken.append(
            Taken(
                number=number,
                text=text,
                format=form,
                attempt=attempts + 1,
                failures=failures,
                maybe_duplicate=bool(maybe_duplicate),
                age=age,
                left=left,
            )
        )
    return tuple(taken)


def _begun(message: Taken, at: int, worker: str) -> HistoryLine:
    cause = f"try {message.attempt} begun" + (", an earlier one may have arrived" if message.maybe_duplicate else "")
    return HistoryLine(number=message.number, status="sending", at=at, cause=cause, worker=worker, attempt=message.attempt)


def settle(connection: Connection, now: int, verdicts: Iterable[tuple[str, AttemptResult]]) -> set[int]:
    """Writes what became of tries, each with the worker that made it; the caller has made sure that the lanes are still its own.

    Returns the numbers whose status changed: one that the network spoke about before its ACK keeps what that made of it.
    """
    alike: dict[tuple[str, bool, bool], dict[int, tuple[str, AttemptResult]]] = defaultdict(dict)
    for worker, verdict in verdicts:
        alike[verdict.status, verdict.failed, verdict.unknown][verdict.number] = worker, verdict
    events: list[HistoryLine] = []
    dead: list[Raised] = []
    for (status, failed, unknown), mine in alike.items():
        values = (status, status == Status.QUEUED, now, now, int(failed), unknown)
        for number, attempt, at in run_in(
            connection=connection, start=_SETTLE, values=values, keys=list(mine), end="RETURNING number, attempts, changed_at"
        ):
            worker, verdict = mine[number]
            events.append(HistoryLine(number=number, status=status, at=at, cause=verdict.cause, worker=worker, attempt=attempt))
            if status == Status.DEAD:
                dead.append(Raised("dead-letter", number, f"given up after {attempt} tries: {verdict.cause}"))
    record(connection, events)
    raise_items(connection, now, dead)
    _cancel_overtaken(connection, now, [event.number for event in events if event.status == Status.QUEUED])
    return {event.number for event in events}


def _cancel_overtaken(connection: Connection, now: int, queued: Sequence[int]) -> None:
    """What was corrected or cancelled during a try that put nothing out is not tried again; the follow-up is behind it."""
    if not queued:
        return
    behind = sorted(overtaken(connection, queued))
    cancelled = run_in(connection=connection, start=_CANCEL, values=[now, now], keys=behind, end="RETURNING number, changed_at")
    cause = "overtaken by a correction or cancellation during a try that put nothing out"
    record(connection, [HistoryLine(number, Status.CANCELLED.value, at, cause) for number, at in cancelled])


_SETTLE = f"""
    UPDATE message SET status = ?, ready = ?, {LATER}, failures = failures + ?, maybe_duplicate = maybe_duplicate OR ?
    WHERE status = 'sending' AND number IN"""  # noqa: S608


_CANCEL = f"""
    UPDATE message SET status = 'cancelled', ready = false, {LATER}
    WHERE status = 'queued' AND NOT maybe_duplicate AND number IN"""  # noqa: S608


def presume(connection: Connection, sweeps: Sequence[Presume]) -> list[int]:
    """Presumes delivered what the network took long enough ago without a word since; how many, for each sweep."""
    return [_presume(connection, now_micros(connection), sweep) for sweep in sweeps]


_OLD = "SELECT number FROM message WHERE status = 'sent' AND changed_at <= ? ORDER BY changed_at LIMIT ?"
_AHEAD = "SELECT number FROM message WHERE status = 'sent' AND changed_at > ? ORDER BY changed_at LIMIT ?"
_PRESUME = f"UPDATE message SET status = 'presumed_delivered', {LATER} WHERE number IN"  # noqa: S608


def _presume(connection: Connection, now: int, sweep: Presume) -> int:
    lock = row_lock(connection, skip_locked=True)
    without = f"no ER or SM in {sweep.after / 1e6:g} s"
    set_back = "no ER or SM, and sent at a time that is still to come, since the clock was set back"
    count = 0
    for select, moment, since in ((_OLD, now - sweep.after, without), (_AHEAD, now + sweep.after, set_back)):
        found = [number for (number,) in run(connection, select + lock, (moment, sweep.limit - count))]
        numbers = [number for number in found if number not in sweep.lying]
        presumed = run_in(
            connection=connection, start=_PRESUME, values=[now, now], keys=numbers, end="RETURNING number, changed_at"
        )
        cause = f"{since}; a presumption only, the network gives no receipt"
        record(connection, [HistoryLine(number, Status.PRESUMED_DELIVERED.value, at, cause) for number, at in presumed])
        count += len(numbers)
    return count


_LYING = "SELECT number FROM message WHERE status = 'sent' AND (changed_at <= ? OR changed_at > ?) AND number IN"
_POSTPONE = "UPDATE message SET changed_at = ? WHERE number IN"


def postpone(connection: Connection, items: Sequence[Postpone]) -> list[int]:
    """Lets the time to presume messages delivered begin anew, in which the far side has not taken them; how many, for each item.

    A message that goes soon is written to never, one that stays only once in half of that time.
    """
    return [_postpone(connection, now_micros(connection), item) for item in items]


def _postpone(connection: Connection, now: int, item: Postpone) -> int:
    values, lock = [now - item.after // 2, now], row_lock(connection, skip_locked=True)
    numbers = [number for (number,) in run_in(connection=connection, start=_LYING, values=values, keys=item.numbers, end=lock)]
    run_in(connection, _POSTPONE, [now], numbers)
    return len(numbers)
