"""What becomes of the messages that a surge held back: a person decides, and it is carried out a part at a time.

The decision is one small transaction. From then on whoever comes, in whatever process, carries it out in bounded transactions, in
the order of the numbers, each exactly once: where it stands is stored with what was done.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from sqlalchemy import Connection

from app.domain.statuses import Status
from app.domain.surge import CALLED, HOUR
from app.errors import Conflict, LensError, NotFound
from app.store.database.engine import now_micros
from app.store.ledger.audit import AuditEntry, append, items_changed
from app.store.ledger.closing import Resolution
from app.store.ledger.history import LATER, HistoryLine, record
from app.store.statements.rows import counters_first, first_row, lock_counters, run, run_in

AT_ONCE = 500
"""Messages that one transaction releases or drops."""

Choice = Literal["release", "drop"]


class Decide(NamedTuple):
    """A person decides about the surge of a work item. `by` is the name of the key, `reason` the person's own words, `at` Micros."""

    work_item: int
    choice: Choice
    reason: str
    by: str
    at: int


@counters_first
def decide(connection: Connection, items: Sequence[Decide]) -> list[int | LensError]:
    """Writes down what people decided and closes the work items; how many messages each surge held. `carry_out` does it.

    From now on messages pass again, and count from nothing: as many as the band says until the next surge. A result is NotFound,
    or Conflict when it is decided already or the work item is no surge. Has the shape that `Writer.do` takes.
    """
    lock_counters(connection)  # so that nobody adds to a surge that is decided
    return [_decide_one(connection, item) for item in items]


def _decide_one(connection: Connection, item: Decide) -> int | LensError:
    row = first_row(connection, _ASKED, item.work_item)
    if row is None:
        return NotFound(f"There is no work item {item.work_item}.")
    kind, held, decision = row
    if kind is None:
        return Conflict(f"Work item {item.work_item} is no surge.")
    if decision is not None:
        return Conflict(f"Work item {item.work_item} is resolved: what it held is {_DID[decision]}.")
    run(connection, "UPDATE surge SET decision = ? WHERE work_item = ?", (item.choice, item.work_item))
    run(connection, _FROM_NOTHING, (kind, item.at // HOUR))
    detail = f"{held} {CALLED[kind]} were held; a person {_DID[item.choice]} them"
    resolution: Resolution = "lifted" if item.choice == "release" else "rejected"
    closed = (resolution, item.at, item.by, item.at, item.by, item.reason, detail, item.work_item)
    run(connection, _CLOSE, closed)
    items_changed(connection, [item.work_item], item.at)
    entry = AuditEntry(
        at=item.at,
        actor=item.by,
        action=f"{item.choice}_surge",
        target=f"work item {item.work_item}",
        outcome="decided",
        detail={"held": held},
    )
    append(connection, [entry])
    return int(held)


_DID: dict[Choice, str] = {"release": "released", "drop": "dropped"}
_ASKED = """
    SELECT surge.kind, surge.held, surge.decision FROM work_item LEFT JOIN surge ON surge.work_item = work_item.id
    WHERE work_item.id = ?"""
_FROM_NOTHING = "UPDATE hour_count SET passed = 0 WHERE kind = ? AND hour = ?"
_CLOSE = """
    UPDATE work_item SET status = 'resolved', resolution = ?, resolved_at = ?, resolved_by = ?, changed_at = ?, changed_by = ?,
    reason = ?, detail = ? WHERE id = ?"""


class CarryOut(NamedTuple):
    """To carry out the next part of a decided surge: of this work item, or (None) of the oldest that is not carried out yet."""

    work_item: int | None = None


class Part(NamedTuple):
    """What was done in one transaction. `more`: there may be more to do. `queued`: messages were put in their lanes."""

    more: bool
    queued: bool = False


@counters_first
def carry_out(connection: Connection, items: Sequence[CarryOut]) -> list[Part]:
    """Queues or cancels the next messages of a decided surge. Has the shape that `Writer.do` takes."""
    if not any(_next(connection, item) for item in items):
        return [Part(more=False)] * len(items)  # mostly so, and nothing need be locked to see it
    lock_counters(connection)
    return [_part(connection, item) for item in items]


class _UnderWay(NamedTuple):
    work_item: int
    kind: str
    decision: Choice
    done_to: int
    by: str
    reason: str


def _next(connection: Connection, item: CarryOut) -> _UnderWay | None:
    chosen = "" if item.work_item is None else " AND surge.work_item = ?"
    values = () if item.work_item is None else (item.work_item,)
    row = first_row(connection, f"{_UNDER_WAY}{chosen} ORDER BY surge.work_item LIMIT 1", *values)
    return None if row is None else _UnderWay(*row)


_UNDER_WAY = """
    SELECT surge.work_item, surge.kind, surge.decision, surge.done_to, work_item.resolved_by, work_item.reason
    FROM surge JOIN work_item ON work_item.id = surge.work_item
    WHERE surge.decision IS NOT NULL AND surge.finished_at IS NULL"""


def _part(connection: Connection, item: CarryOut) -> Part:
    surge = _next(connection, item)
    if surge is None:
        return Part(more=False)
    now = now_micros(connection)
    numbers = [number for (number,) in run(connection, _HELD, (surge.work_item, surge.done_to, AT_ONCE))]
    released = surge.decision == "release"
    status = Status.QUEUED if released else Status.CANCELLED
    values = (status.value, now, released, now, now)
    moved = run_in(
        connection=connection, start=_MOVE, values=values, keys=numbers, end="RETURNING number, created_at, changed_at"
    )
    cause = f"{_DID[surge.decision]} by {surge.by}: {surge.reason}"
    record(connection, [HistoryLine(number, status.value, at, cause) for number, _, at in sorted(moved)])
    if released:
        _learn(connection, surge.kind, [created_at // HOUR for _, created_at, _ in moved])
    finished = len(numbers) < AT_ONCE
    done_to = numbers[-1] if numbers else surge.done_to
    progress = (done_to, len(moved), now if finished else None, surge.work_item)
    ((done,),) = run(connection, _DONE, progress)
    if finished:
        append(
            connection,
            [
                AuditEntry(
                    at=now,
                    actor=surge.by,
                    action="end_surge",
                    target=f"work item {surge.work_item}",
                    outcome=_DID[surge.decision],
                    detail={"messages": done},
                )
            ],
        )
    return Part(not finished or item.work_item is None, released and bool(moved))


_HELD = "SELECT number FROM surge_hold WHERE surge = ? AND number > ? ORDER BY number LIMIT ?"
# One that a correction or cancellation overtook meanwhile is held no longer, and stays as it is.
_MOVE = f"""
    UPDATE message SET status = ?, ready = CASE WHEN not_before > ? THEN false ELSE ? END, {LATER}
    WHERE status = 'held' AND number IN"""  # noqa: S608 - all from here
_DONE = "UPDATE surge SET done_to = ?, done = done + ?, finished_at = ? WHERE work_item = ? RETURNING done"


def _learn(connection: Connection, kind: str, hours: Sequence[int]) -> None:
    """What a person released is normal; what was dropped never was."""
    for hour in sorted(set(hours)):
        run(connection, _RELEASED, (hours.count(hour), kind, hour))


_RELEASED = "UPDATE hour_count SET messages = messages + ? WHERE kind = ? AND hour = ?"
