"""Holds: what is read of one to lift it, and lifting carried out, once, in the transaction that closes its work item; and rejecting."""

from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

from sqlalchemy import Connection, select, update

from app.domain.decision import Decision
from app.domain.identifiers import message_id
from app.domain.statuses import Status
from app.domain.surge import SURGE
from app.errors import Conflict, LensError, NotFound
from app.store.accepted.release_rows import Acceptance
from app.store.accepted.releases import StoredRelease, add_to_release, get_release
from app.store.desk.surges import Decide
from app.store.desk.work_items import Resolve, StoredWorkItem, changed_meanwhile, decide_surge, get_work_item
from app.store.ledger.audit import AuditEntry, append, items_changed
from app.store.ledger.closing import close_items
from app.store.ledger.held import ABOUT_INBOUND, cancel_held, lock_lanes_of_held
from app.store.ledger.history import change
from app.store.statements.locks import lock_lanes_of_releases, waits_for_lanes
from app.store.statements.rows import counters_first, lock_counters
from app.store.tables.main import MESSAGE, RELEASE, WORK_ITEM

HELD_RELEASES = frozenset({"review", "engine-disagreement"})
"""The codes of work items that hold back all that a release would have sent."""


class Lift(NamedTuple):
    """An operator lifts the hold of a work item. `by` is the name of the key, `reason` the person's own words, `at` Micros.

    `format` is that of the messages.
    """

    work_item: int
    reason: str
    by: str
    at: int
    format: Literal["legacy", "niem"]
    read: frozenset[str] | None = None
    """The tags of the work item as the person has read it; None: whatever it is."""


class Hold(NamedTuple):
    """An open work item that holds something back: the message `number` in its status, or else the whole release.

    `release` is the row id of the release; that is 0, and `release_id` and `mode` are empty, for a surge, which is about none.
    """

    id: int
    code: str
    number: int | None
    release: int
    release_id: str
    mode: str
    lift: str | None
    first_lift_by: str | None
    message_status: str | None


def lock_holds(connection: Connection, work_items: Collection[int]) -> None:
    """Locks the counters, then the lanes of what these work items are about."""
    lock_counters(connection)
    wanted = select(WORK_ITEM.c.release).where(WORK_ITEM.c.id.in_(work_items))
    lock_lanes_of_releases(connection, [release for release in connection.scalars(wanted) if release is not None])


def lift_first(connection: Connection, item: Lift, hold: Hold) -> StoredWorkItem:
    """The first of two people lifts a hold: it is kept, and the work item stays open for the second. Nothing is sent."""
    first = {
        "first_lift_by": str(item.by),
        "first_lift_at": item.at,
        "first_lift_reason": item.reason,
        "changed_at": item.at,
        "changed_by": str(item.by),
    }
    connection.execute(update(WORK_ITEM).where(WORK_ITEM.c.id == item.work_item).values(first))
    items_changed(connection, [item.work_item], item.at)
    detail = {"code": hold.code, "release": hold.release_id}
    append(
        connection,
        [
            AuditEntry(
                at=item.at,
                actor=item.by,
                action="lift_hold",
                target=f"work item {item.work_item}",
                outcome="waits for a second person",
                detail=detail,
            )
        ],
    )
    return get_work_item(connection, item.work_item)


def queue_held(connection: Connection, item: Lift, hold: Hold) -> StoredRelease:
    """Queues the message that was held, as it is, and closes the work item."""
    numbers = [] if hold.number is None else [hold.number]
    change(connection=connection, numbers=numbers, status=Status.QUEUED, at=item.at, cause=_cause(item))
    sent: dict[str, object] = {"messages": [message_id(number) for number in numbers]}
    return _close(connection, item, hold, sent=sent, sums={})


def send_anew(connection: Connection, item: Lift, hold: Hold, decision: Decision) -> StoredRelease:
    """Sends what the rules now in force say, and closes the work item. The trail names them: they may be others than first decided."""
    again = Acceptance(
        decision=decision,
        fingerprint="",
        body="",
        caller=item.by,
        format=item.format,
        accepted_at=item.at,
        backfill=hold.mode == "backfill",
    )
    added = add_to_release(connection, hold.release, again, _cause(item))
    sent: dict[str, object] = {
        "messages": [message.message_id for message in added.messages],
        "rulebook": decision.rulebook,
        "rulebook_sha256": decision.rulebook_sha256,
        "because": [reason.rule for reason in decision.because],
    }
    return _close(connection, item, hold, sent=sent, sums=added.sums)


def _cause(item: Lift) -> str:
    return f"lifted by {item.by}: {item.reason}"


def _close(connection: Connection, item: Lift, hold: Hold, sent: dict[str, object], sums: dict[str, str]) -> StoredRelease:
    close_items(connection, WORK_ITEM.c.id == item.work_item, resolution="lifted", by=item.by, at=item.at, reason=item.reason)
    first = {} if hold.first_lift_by is None else {"first_lift_by": hold.first_lift_by}
    entry = AuditEntry(
        at=item.at,
        actor=item.by,
        action="lift_hold",
        target=f"work item {item.work_item}",
        outcome="lifted",
        detail={"code": hold.code, "release": hold.release_id, **first, **sent},
        sums=sums,
    )
    append(connection, [entry])
    return get_release(connection, hold.release_id)


def open_hold(connection: Connection, work_item: int, read: frozenset[str] | None) -> Hold | LensError:
    """The open work item, locked, if it holds something back and is still as the person has `read` it."""
    changed = changed_meanwhile(connection, work_item, read)
    if changed is not None:
        return changed
    statement = select(WORK_ITEM, RELEASE.c.release_id, RELEASE.c.mode, MESSAGE.c.status.label("message_status"))
    statement = statement.join(RELEASE, RELEASE.c.id == WORK_ITEM.c.release, isouter=True)
    statement = statement.join(MESSAGE, MESSAGE.c.number == WORK_ITEM.c.number, isouter=True)
    row = connection.execute(statement.where(WORK_ITEM.c.id == work_item).with_for_update(of=WORK_ITEM)).first()
    if row is None:
        return NotFound(f"There is no work item {work_item}.")
    if row.status != "open":
        return Conflict(f"Work item {work_item} is {row.status}; nothing was sent again.")
    whole_release = row.code in HELD_RELEASES and row.number is None and row.release is not None
    one_message = row.message_status == Status.HELD and row.code not in ABOUT_INBOUND
    if row.code == SURGE or one_message or whole_release:
        return Hold(
            id=row.id,
            code=row.code,
            number=row.number,
            release=row.release or 0,
            release_id=row.release_id or "",
            mode=row.mode or "",
            lift=row.lift,
            first_lift_by=row.first_lift_by,
            message_status=row.message_status,
        )
    return Conflict(f"Work item {work_item} ({row.code}) holds nothing back; resolve it instead.")


def held_release(connection: Connection, work_item: StoredWorkItem) -> int | None:
    """The row id of the release that an open work item holds back as a whole; None where it holds none."""
    if work_item.status != "open" or work_item.code not in HELD_RELEASES:
        return None
    wanted = select(WORK_ITEM.c.release).where(WORK_ITEM.c.id == work_item.id, WORK_ITEM.c.number.is_(None))
    return connection.scalar(wanted)


@counters_first
@waits_for_lanes
def reject(connection: Connection, items: Sequence[Resolve]) -> list[StoredRelease | StoredWorkItem | LensError]:
    """Rejects holds: what they keep back is never sent. Each result is the release as it then stands; of a surge, its work item.

    What states were told before stands. A result is NotFound, or Conflict where the work item is closed already or holds nothing
    back. Has the shape `Writer.do` takes.
    """
    lock_counters(connection)
    lock_lanes_of_held(connection, [item.id for item in items])
    return [_reject_one(connection, item) for item in items]


def _reject_one(connection: Connection, item: Resolve) -> StoredRelease | StoredWorkItem | LensError:
    row = open_hold(connection, item.id, item.read)
    if isinstance(row, LensError):
        return row
    if row.code == SURGE:
        return decide_surge(connection, Decide(work_item=item.id, choice="drop", reason=item.reason, by=item.by, at=item.at))
    cancelled = cancel_held(connection, item.id, item.at, f"rejected by {item.by}: {item.reason}")
    close_items(connection, WORK_ITEM.c.id == item.id, resolution="rejected", by=item.by, at=item.at, reason=item.reason)
    numbers = [message_id(row.number)] if cancelled and row.number is not None else []
    detail = {"code": row.code, "release": row.release_id, "cancelled": numbers}
    append(
        connection,
        [
            AuditEntry(
                at=item.at,
                actor=item.by,
                action="reject_hold",
                target=f"work item {item.id}",
                outcome="rejected",
                detail=detail,
            )
        ],
    )
    return get_release(connection, row.release_id)
