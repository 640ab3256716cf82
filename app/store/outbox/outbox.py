"""The outbox: lanes are leased to a worker, which sends their messages in the order of their numbers and settles them.

Each function has the shape that `Writer.do` takes: a connection inside a transaction, and items; it reads the database's clock
and is the same on SQLite and PostgreSQL (row locks are no words on SQLite, where one writer has the whole file).

A lane belongs to one owner until its lease ends. Its `token` rises with each claim, and whoever comes with an older one is
fenced: nothing of what it says is written. The order promised: messages to one ORI go out in the order of their numbers, a
window at a time. Within one window a message that is refused may be overtaken by those behind it; so a message that refers
to another never shares a window with it, and after a failure a lane sends one message at a time until one is taken.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from sqlalchemy import Connection, func, select

from app.store.database.engine import now_micros
from app.store.desk.pauses import EVERYTHING, standing
from app.store.outbox.pacing import UNLIMITED, Purse, Rates, overall_bucket
from app.store.outbox.tries import AttemptResult, Hand, Taken, begin, settle
from app.store.statements.locks import waits_for_lanes
from app.store.statements.rows import lock_counters, row_lock, run, run_each, run_in
from app.store.tables.main import LANE


class Claim(NamedTuple):
    """To take lanes that are due. `room`: lanes at the most; `window`: messages of each; `in_hand`: ORIs this worker has already.

    `lease` and `horizon` are Micros: how long the lanes are its own, and the longest wait that policy ever sets. A time beyond
    the horizon was written before the clock was set back, and counts as past.
    """

    worker: str
    room: int
    window: int
    lease: int
    horizon: int
    in_hand: tuple[str, ...] = ()
    rates: Rates = UNLIMITED


class _Free(NamedTuple):
    """A lane that can be claimed."""

    ori: str
    token: int
    fails: int


class Batch(NamedTuple):
    """The next messages of a lane, in order, at least one. `fails`: sends of the lane that failed in a row."""

    ori: str
    token: int
    fails: int
    messages: tuple[Taken, ...]


class Claimed(NamedTuple):
    """What was claimed. `wait`: Micros until another lane falls due, None when none will; `paused`: why nothing may be sent."""

    batches: tuple[Batch, ...]
    wait: int | None
    paused: str | None


class Turn(NamedTuple):
    """To settle what was sent of a lane and take its next messages. A `window` of 0 gives the lane back.

    `delay`: Micros from now before which nobody may send on the lane, which is then given back; None when nothing failed.
    """

    worker: str
    ori: str
    token: int
    lease: int
    window: int
    verdicts: tuple[AttemptResult, ...] = ()
    delay: int | None = None
    rates: Rates = UNLIMITED


class Renewal(NamedTuple):
    """To keep a lane while its messages are under way. `lease` is Micros from now."""

    ori: str
    token: int
    lease: int


TurnEnd = Batch | Literal["given back", "fenced"]
"""`given back`: the lane is nobody's now; `fenced`: it has another owner by now, and nothing was written."""


_WAITING = "EXISTS (SELECT 1 FROM message WHERE message.ori = lane.ori AND message.ready) AND ori NOT IN"
# `message.ready` is word for word the condition of the partial index, or SQLite does not use it.

_FREE = f"""
    SELECT ori, token, fails FROM lane
    WHERE (owner IS NULL OR until <= ? OR until > ?) AND (due <= ? OR due > ?) AND {_WAITING}"""  # noqa: S608 - all from here

_NEXT_DUE = f"SELECT min(due) FROM lane WHERE due > ? AND {_WAITING}"  # noqa: S608 - as above

_CLAIM = "UPDATE lane SET token = token + 1, owner = ?, until = ?, due = ? WHERE ori = ?"


def claim(connection: Connection, claims: Sequence[Claim]) -> list[Claimed]:
    """Takes lanes that are due, free and not paused and have something to send, least recently served first, with their first
    messages. Commit before any byte leaves.
    """
    now = now_micros(connection)
    paused = standing(connection)
    if EVERYTHING in paused:
        return [Claimed((), None, paused[EVERYTHING])] * len(claims)
    return [_claim(connection, now, each, paused) for each in claims]


def _claim(connection: Connection, now: int, wanted: Claim, paused: Collection[str]) -> Claimed:
    overall = overall_bucket(connection, wanted.rates)
    room = wanted.room if overall is None else min(wanted.room, overall.room(now))
    if overall is not None and room <= 0:
        return Claimed((), overall.wait(now), None)
    but_these = ("", *wanted.in_hand, *paused)  # with an ORI that no lane has: an empty list is no SQL
    marks = f" ({', '.join('?' * len(but_these))})"
    far = now + wanted.horizon
    least_recent = f" ORDER BY until, ori LIMIT {room}" + row_lock(connection, skip_locked=True)
    lanes = [_Free(*row) for row in run(connection, _FREE + marks + least_recent, (now, far, now, far, *but_these))]
    wait = None
    if len(lanes) < room:
        ((next_due,),) = run(connection, _NEXT_DUE + marks, (now, *but_these))
        wait = None if next_due is None else next_due - now
    purse = Purse(connection, now, wanted.rates, [lane.ori for lane in lanes])
    hands = [Hand(lane.ori, purse.allot(lane.ori, 1 if lane.fails else wanted.window), wanted.worker) for lane in lanes]
    taken = begin(connection, now, hands)
    purse.spend({ori: len(messages) for ori, messages in taken.items()})
    rows: list[tuple[object, ...]] = []
    for hand in hands:
        kept = wanted.lease if taken[hand.ori] else None
        rows.append((*_renewed_lease(hand, now, kept), now if kept else now + purse.wait(hand.ori), hand.ori))
    run_each(connection, _CLAIM, rows)
    batches = tuple(Batch(lane.ori, lane.token + 1, lane.fails, taken[lane.ori]) for lane in lanes if taken[lane.ori])
    return Claimed(batches, wait, None)


def leased(connection: Connection) -> int:
    """How many lanes dispatchers have in hand now."""
    mine = (LANE.c.owner.is_not(None), LANE.c.until > now_micros(connection))
    return connection.scalar(select(func.count()).select_from(LANE).where(*mine)) or 0


def _renewed_lease(hand: Hand, now: int, lease: int | None) -> tuple[str | None, int]:
    """Owner and end of the lease of a lane that is kept for `lease` Micros more, or given back (None)."""
    return (None, now) if lease is None else (hand.worker, now + lease)


@dataclass(slots=True)
class _Serving:
    """A lane of ours while its turn is worked out."""

    turn: Turn
    fails: int
    due: int


_KEEP = "UPDATE lane SET owner = ?, until = ?, fails = ?, due = ? WHERE ori = ?"


@waits_for_lanes
def turn(connection: Connection, turns: Sequence[Turn]) -> list[TurnEnd]:
    """Settles each lane's messages and takes its next ones, or gives the lane back.

    What a fenced owner sent will be sent again by the new one, flagged. A message that the network spoke about before its ACK
    keeps what that word made of it.
    """
    if any(verdict.status == "dead" for each in turns for verdict in each.verdicts):
        lock_counters(connection)  # a dead letter opens a work item
    now = now_micros(connection)
    ours = _ours(connection, {each.ori: each for each in turns})
    moved = settle(connection, now, [(one.turn.worker, verdict) for one in ours.values() for verdict in one.turn.verdicts])
    paused = standing(connection)
    purse = Purse(connection, now, turns[0].rates, list(ours))
    hands = []
    for ori, one in ours.items():
        _count(one, now, moved)
        resting = one.turn.delay is not None or one.due > now or ori in paused or EVERYTHING in paused
        window = 0 if resting else min(one.turn.window, 1) if one.fails else one.turn.window
        hands.append(Hand(ori, purse.allot(ori, window), one.turn.worker))
    taken = begin(connection, now, hands)
    purse.spend({ori: len(messages) for ori, messages in taken.items()})
    rows: list[tuple[object, ...]] = []
    for hand in hands:
        one = ours[hand.ori]
        kept = one.turn.lease if taken[hand.ori] else None
        if kept is None:
            one.due = max(one.due, now + purse.wait(hand.ori))
        rows.append((*_renewed_lease(hand, now, kept), one.fails, one.due, hand.ori))
    run_each(connection, _KEEP, rows)
    return [_end(each, ours.get(each.ori), taken) for each in turns]


def _ours(connection: Connection, turns: dict[str, Turn]) -> dict[str, _Serving]:
    """The lanes whose token still is the one we were given, locked until the transaction ends."""
    lock = "ORDER BY ori" + row_lock(connection)
    lanes = run_in(
        connection=connection,
        start="SELECT ori, token, fails, due FROM lane WHERE ori IN",
        values=(),
        keys=list(turns),
        end=lock,
    )
    return {ori: _Serving(turns[ori], fails, due) for ori, token, fails, due in lanes if token == turns[ori].token}


def _count(one: _Serving, now: int, moved: Collection[int]) -> None:
    """Counts the lane's failures in a row and sets when it is due; an SM .04. may have set that meanwhile, and stands."""
    verdicts = one.turn.verdicts
    if any(verdict.failed for verdict in verdicts):
        one.fails += 1
    elif one.due <= now and any(verdict.status == "sent" and verdict.number in moved for verdict in verdicts):
        one.fails = 0
    if one.turn.delay is not None:
        one.due = max(one.due, now + one.turn.delay)


def _end(each: Turn, served: _Serving | None, taken: dict[str, tuple[Taken, ...]]) -> TurnEnd:
    if served is None or served.turn is not each:
        return "fenced"
    messages = taken[each.ori]
    return Batch(each.ori, each.token, served.fails, messages) if messages else "given back"


@waits_for_lanes
def renew(connection: Connection, renewals: Sequence[Renewal]) -> list[bool]:
    """Makes leases longer; False for a lane that has another owner by now."""
    now = now_micros(connection)
    kept: dict[Renewal, bool] = {}
    for each in sorted(renewals):  # in the order of their ORIs, as whoever locks several lanes
        kept[each] = bool(run(connection, _RENEW, (now + each.lease, each.ori, each.token)))
    return [kept[each] for each in renewals]


_RENEW = "UPDATE lane SET until = ? WHERE ori = ? AND token = ? AND owner IS NOT NULL RETURNING ori"
