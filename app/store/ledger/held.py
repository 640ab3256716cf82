"""Messages held back by a work item of their own, such as one to an ORI that no state has confirmed."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from app.domain.statuses import Status
from app.store.ledger.history import change
from app.store.statements.locks import lock_lanes_of_releases
from app.store.tables.main import MESSAGE, WORK_ITEM

INQUIRY = "inquiry"
UNMATCHED = "unmatched-inbound"
FLOOD = "inbound-flood"
ABOUT_INBOUND = frozenset({INQUIRY, UNMATCHED, FLOOD})
"""Codes of work items that the network's texts open. They may name a message and hold none; what becomes of it settles none of
them, since somebody asked something.
"""


def lock_lanes_of_held(connection: Connection, work_items: Sequence[int]) -> None:
    """Locks the lanes of the releases whose messages these work items hold: before the items themselves, as everywhere."""
    held = select(MESSAGE.c.release).join(WORK_ITEM, WORK_ITEM.c.number == MESSAGE.c.number)
    mine = (WORK_ITEM.c.id.in_(work_items), WORK_ITEM.c.code.not_in(ABOUT_INBOUND))
    wanted = held.where(*mine, MESSAGE.c.status == Status.HELD.value)
    lock_lanes_of_releases(connection, list(connection.scalars(wanted)))


def cancel_held(connection: Connection, work_item: int, at: int, cause: str) -> bool:
    """Cancels the message that a work item holds back, if it does; its lane is locked. Returns whether it did."""
    holds = (WORK_ITEM.c.id == work_item, WORK_ITEM.c.code.not_in(ABOUT_INBOUND))
    held = select(WORK_ITEM.c.number).where(*holds).scalar_subquery()
    statement = select(MESSAGE.c.number).where(MESSAGE.c.number == held, MESSAGE.c.status == Status.HELD.value)
    number = connection.scalar(statement.with_for_update())
    if number is not None:
        change(connection=connection, numbers=[number], status=Status.CANCELLED, at=at, cause=cause)
    return number is not None
