"""What waits to be sent: how much, for how long, in which lanes, and what stops it. Costs no more than what waits is long."""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection, func, or_, select

from app.domain.statuses import Status
from app.domain.times import SECOND
from app.store.database.engine import now_micros
from app.store.desk.pauses import StandingPause, list_pauses
from app.store.statements.rows import run
from app.store.tables.main import MESSAGE

AGES = (10, 60, 300, 900, 3600, 86400)
"""Seconds: how old waiting messages are is told by how many are at least this old."""

UNSENT = (Status.HELD, Status.QUEUED, Status.SENDING, Status.WAITING_FOR_STATE)
"""The statuses in which a message is on its way, or kept from it."""


class LaneWaiting(NamedTuple):
    """A lane with messages to send: how many, the age of the oldest (Micros), and its failed sends in a row.

    `owner` is the dispatcher that has it in hand, None while nobody has; `rests` the Micros until it may be sent on again.
    """

    ori: str
    state: str
    messages: int
    oldest: int
    fails: int
    owner: str | None
    rests: int


class Waiting(NamedTuple):
    """What waits. `oldest`: by status, the age of the oldest message (Micros), 0 where there is none. `at_least`: how many
    messages to send are that many seconds old, for 0 and each of AGES. Lanes come by the age of their oldest message.
    """

    now: int
    oldest: Mapping[str, int]
    at_least: Mapping[int, int]
    lanes: tuple[LaneWaiting, ...]
    pauses: tuple[StandingPause, ...]


def waiting(connection: Connection) -> Waiting:
    """Looks at what waits now. Ages count from acceptance."""
    now = now_micros(connection)
    lasts = [_last_accepted(connection, now - age * SECOND) for age in AGES]
    lanes = []
    at_least = dict.fromkeys((0, *AGES), 0)
    for ori, state, count, accepted, fails, owner, until, due, *older in run(connection, _LANES, lasts):
        lanes.append(
            LaneWaiting(
                ori=ori,
                state=state,
                messages=count,
                oldest=max(now - accepted, 0),
                fails=fails,
                owner=owner if until > now else None,
                rests=max(due - now, 0),
            )
        )
        for age, messages in zip(at_least, (count, *older), strict=True):
            at_least[age] += int(messages)
    oldest = {status.value: _oldest(connection, now, status) for status in UNSENT}
    return Waiting(
        now=now,
        oldest=oldest,
        at_least=at_least,
        lanes=tuple(sorted(lanes, key=lambda lane: -lane.oldest)),
        pauses=list_pauses(connection),
    )


_OLDER = ", ".join(f"sum(CASE WHEN number <= ? THEN 1 ELSE 0 END) AS older_{age}" for age in AGES)
_LANES = f"""
    SELECT queue.ori, message.state, queue.messages, COALESCE(message.not_before, message.created_at), lane.fails, lane.owner, lane.until, lane.due,
        {", ".join(f"queue.older_{age}" for age in AGES)}
    FROM (SELECT ori, count(*) AS messages, min(number) AS first, {_OLDER} FROM message WHERE ready GROUP BY ori) AS queue
    JOIN message ON message.number = queue.first JOIN lane ON lane.ori = queue.ori"""  # noqa: S608 - names from the code


def _last_accepted(connection: Connection, until: int) -> int:
    """The number of the last message accepted by then; numbers rise in the order of acceptance."""
    latest = (MESSAGE.c.created_at.desc(), MESSAGE.c.number.desc())
    return connection.scalar(select(MESSAGE.c.number).where(MESSAGE.c.created_at <= until).order_by(*latest).limit(1)) or 0


def _oldest(connection: Connection, now: int, status: Status) -> int:
    of_status = [MESSAGE.c.status == status.value]
    if status == Status.QUEUED:
        of_status.append(or_(MESSAGE.c.ready, MESSAGE.c.not_before.is_(None)))  # one that waits for its day is not late
    first = select(func.min(MESSAGE.c.number)).where(*of_status).scalar_subquery()
    since = func.coalesce(MESSAGE.c.not_before, MESSAGE.c.created_at)
    accepted = connection.scalar(select(since).where(MESSAGE.c.number == first))
    return 0 if accepted is None else max(now - accepted, 0)
