"""Closing work items: who closed them, when and why. A surge's alone is closed with the decision about it, in `surges`."""

from typing import Literal

from sqlalchemy import ColumnElement, Connection, update

from app.store.ledger.audit import items_changed
from app.store.tables.main import WORK_ITEM

Resolution = Literal["lifted", "rejected", "resolved", "superseded"]
"""How a work item was closed: what it held was sent, or never will be; it was done; or a later change took its place."""


def close_items(
    connection: Connection, *which: ColumnElement[bool], resolution: Resolution, by: str, at: int, reason: str
) -> list[int]:
    """Closes the open work items that meet all conditions; their ids. `by` is the name of the key, `at` Micros, `reason` words."""
    closed = {
        "status": "resolved",
        "resolution": resolution,
        "resolved_at": at,
        "resolved_by": by,
        "reason": reason,
        "changed_at": at,
        "changed_by": by,
    }
    change = update(WORK_ITEM).where(*which, WORK_ITEM.c.status == "open").values(closed)
    keys = sorted(connection.scalars(change.returning(WORK_ITEM.c.id)))
    items_changed(connection, keys, at)
    return keys
