"""Messages held back by a work item of their own, such as one to an ORI that no state has confirmed."""

from collections.abc import Sequence

from sqlalchemy import Connection, select, update

from app.domain.statuses import Status
from app.store.rows import insert
from app.store.tables import MESSAGE, WORK_ITEM
from app.store.told import lock_lanes


def lock_lanes_of_held(connection: Connection, work_items: Sequence[int]) -> None:
    """Locks the lanes of the releases whose messages these work items hold: before the items themselves, as everywhere."""
    held = select(MESSAGE.c.release).join(WORK_ITEM, WORK_ITEM.c.number == MESSAGE.c.number)
    wanted = held.where(WORK_ITEM.c.id.in_(work_items), MESSAGE.c.status == Status.HELD.value)
    releases = list(connection.scalars(wanted))
    if releases:
        lock_lanes(connection, releases)


def cancel_held(connection: Connection, work_item: int, at: int, cause: str) -> bool:
    """Cancels the message that a work item holds back, if it does; its lane is locked. Returns whether it did."""
    held = select(WORK_ITEM.c.number).where(WORK_ITEM.c.id == work_item).scalar_subquery()
    status = Status.CANCELLED.value
    change = update(MESSAGE).where(MESSAGE.c.number == held, MESSAGE.c.status == Status.HELD.value)
    number = connection.scalar(change.values(status=status, changed_at=at).returning(MESSAGE.c.number))
    if number is None:
        return False
    insert(connection, "message_event", ("number", "status", "at", "cause"), [(number, status, at, cause)])
    return True
