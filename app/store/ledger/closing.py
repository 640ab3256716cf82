"""Closing work items: who closed them, when and why. A surge's alone is closed with the decision about it, in `surges`."""

from sqlalchemy import ColumnElement, Connection, update

from app.store.ledger.audit import items_changed
from app.store.tables.main import WORK_ITEM


def close_items(connection: Connection, *which: ColumnElement[bool], by: str, at: int, reason: str) -> int:
    """Closes the open work items that meet all conditions; how many. `by` is the name of the key, `at` Micros, `reason` words."""
    closed = {"status": "resolved", "resolved_at": at, "resolved_by": by, "reason": reason}
    change = update(WORK_ITEM).where(*which, WORK_ITEM.c.status == "open").values(closed)
    keys = connection.scalars(change.returning(WORK_ITEM.c.id)).all()
    items_changed(connection, keys, at)
    return len(keys)
