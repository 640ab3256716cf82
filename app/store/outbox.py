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
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, bindparam, exists, func, literal, or_, select, text, update

from app.store.engine import now_micros
from app.store.pacing import UNLIMITED, Purse, Rates, overall_bucket
from app.store.pauses import EVERYTHING, standing
from app.store.tables import LANE, MESSAGE
from app.store.tries import Hand, Taken, Verdict, begin, settle

_IS_READY = text("message.ready")  # word for word the condition of the partial index, or SQLite does not use it


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
    verdicts: tuple[Verdict, ...] = ()
    delay: int | None = None
    rates: Rates = UNLIMITED


class Renewal(NamedTuple):
    """To keep a lane while its messages are under way. `lease` is Micros from now."""

    ori: str
    token: int
    lease: int


TurnEnd = Batch | Literal["given back", "fenced"]
"""`given back`: the lane is nobody's now; `fenced`: it has another owner by now, and nothing was written."""


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
    waiting = and_(
        exists(select(literal(1)).select_from(MESSAGE).where(MESSAGE.c.ori == LANE.c.ori, _IS_READY)),
        LANE.c.ori.not_in([*wanted.in_hand, *paused]),
    )
    overall = overall_bucket(connection, wanted.rates)
    room = wanted.room if overall is None else min(wanted.room, overall.room(now))
    if overall is not None and room <= 0:
        return Claimed((), overall.wait(now), None)
    free = or_(LANE.c.owner.is_(None), _past(LANE.c.until, now, wanted.horizon))
    lanes = connection.execute(
        select(LANE.c.ori, LANE.c.token, LANE.c.fails)
        .where(free, _past(LANE.c.due, now, wanted.horizon), waiting)
        .order_by(LANE.c.until, LANE.c.ori)
        .limit(room)
        .with_for_update(of=LANE, skip_locked=True)
    ).all()
    wait = None
    if len(lanes) < room:
        next_due = connection.scalar(select(func.min(LANE.c.due)).where(LANE.c.due > now, waiting))
        wait = None if next_due is None else next_due - now
    purse = Purse(connection, now, wanted.rates, [lane.ori for lane in lanes])
    hands = [Hand(lane.ori, purse.allot(lane.ori, 1 if lane.fails else wanted.window), wanted.worker) for lane in lanes]
    taken = begin(connection, now, hands)
    purse.spend({ori: len(messages) for ori, messages in taken.items()})
    rows = []
    for hand in hands:
        kept = wanted.lease if taken[hand.ori] else None
        rows.append(_lane_row(hand, now, kept) | {"due": now if kept else now + purse.wait(hand.ori)})
    if rows:
        change = update(LANE).where(LANE.c.ori == bindparam("lane")).values(token=LANE.c.token + 1)
        connection.execute(change, rows)
    batches = tuple(Batch(lane.ori, lane.token + 1, lane.fails, taken[lane.ori]) for lane in lanes if taken[lane.ori])
    return Claimed(batches, wait, None)


def leased(connection: Connection) -> int:
    """How many lanes dispatchers have in hand now."""
    mine = (LANE.c.owner.is_not(None), LANE.c.until > now_micros(connection))
    return connection.scalar(select(func.count()).select_from(LANE).where(*mine)) or 0


def _past(column: ColumnElement[int], now: int, horizon: int) -> ColumnElement[bool]:
    return or_(column <= now, column > now + horizon)


def _lane_row(hand: Hand, now: int, lease: int | None) -> dict[str, Any]:
    """Values for a lane that is kept for `lease` Micros more, or given back (None)."""
    return {"lane": hand.ori, "owner": None if lease is None else hand.worker, "until": now + (lease or 0)}


@dataclass(slots=True)
class _Serving:
    """A lane of ours while its turn is worked out."""

    turn: Turn
    fails: int
    due: int


def turn(connection: Connection, turns: Sequence[Turn]) -> list[TurnEnd]:
    """Settles each lane's messages and takes its next ones, or gives the lane back.

    What a fenced owner sent will be sent again by the new one, flagged. A message that the network spoke about before its ACK
    keeps what that word made of it.
    """
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
    rows = []
    for hand in hands:
        one = ours[hand.ori]
        kept = one.turn.lease if taken[hand.ori] else None
        if kept is None:
            one.due = max(one.due, now + purse.wait(hand.ori))
        rows.append(_lane_row(hand, now, kept) | {"fails": one.fails, "due": one.due})
    if rows:
        connection.execute(update(LANE).where(LANE.c.ori == bindparam("lane")), rows)
    return [_end(each, ours.get(each.ori), taken) for each in turns]


def _ours(connection: Connection, turns: dict[str, Turn]) -> dict[str, _Serving]:
    """The lanes whose token still is the one we were given, locked until the transaction ends."""
    lanes = connection.execute(
        select(LANE.c.ori, LANE.c.token, LANE.c.fails, LANE.c.due)
        .where(LANE.c.ori.in_(list(turns)))
        .order_by(LANE.c.ori)
        .with_for_update()
    )
    return {lane.ori: _Serving(turns[lane.ori], lane.fails, lane.due) for lane in lanes if lane.token == turns[lane.ori].token}


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


def renew(connection: Connection, renewals: Sequence[Renewal]) -> list[bool]:
    """Makes leases longer; False for a lane that has another owner by now."""
    now = now_micros(connection)
    changes = [
        update(LANE)
        .where(LANE.c.ori == each.ori, LANE.c.token == each.token, LANE.c.owner.is_not(None))
        .values(until=now + each.lease)
        for each in renewals
    ]
    return [connection.execute(change).rowcount > 0 for change in changes]
