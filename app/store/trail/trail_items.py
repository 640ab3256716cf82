"""Work items beside the trail: each is as the trail told of it last, and none was put in by hand."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, text

from app.store.ledger.sums import WORK_ITEM_COLUMNS, sum_of
from app.store.trail.trail_links import ODD, Break
from app.store.trail.trail_told import Told

_ITEMS = f"SELECT {', '.join(WORK_ITEM_COLUMNS)} FROM work_item ORDER BY id"  # noqa: S608 - names from the code


def changed_items(connection: Connection, told: Told) -> Iterator[Break]:
    """Work items that are otherwise than the last row about them tells. That one is gone is told by the row that opened it."""
    with connection.execute(text(_ITEMS), execution_options={"yield_per": 10_000}) as found:
        for item in found:
            kept = told.items.get(item.id)
            if kept is None:
                continue
            row, total = kept
            if _sum_or_none(tuple(item)) != total:
                yield Break(row, f"work item {item.id} was changed since it told of it")


def untold_items(connection: Connection, told: Told) -> list[str]:
    """The ids of work items that no row tells of."""
    keys = connection.scalars(text("SELECT id FROM work_item ORDER BY id"))
    return [str(key) for key in keys if not told.knows_item(key)]


def _sum_or_none(values: Sequence[object]) -> str | None:
    try:
        return sum_of(values)
    except ODD:  # SQLite keeps any value in any column
        return None


_DECIDED_ALONE = """
    SELECT work_item.id, surge.decision, work_item.status, work_item.resolution
    FROM surge JOIN work_item ON work_item.id = surge.work_item
    WHERE CASE WHEN surge.decision IS NULL THEN 'open' ELSE 'resolved' END <> work_item.status
    OR CASE surge.decision WHEN 'release' THEN 'lifted' WHEN 'drop' THEN 'rejected' ELSE 'none' END <> work_item.resolution
    ORDER BY work_item.id"""
# A comparison with the missing resolution of what an earlier version closed finds nothing.


def surges_decided_alone(connection: Connection) -> Iterator[Break]:
    """Surges whose messages are sent, dropped or waiting against what the work item says that a person decided."""
    for key, decision, status, resolution in connection.execute(text(_DECIDED_ALONE)):
        decided = _DECIDED.get(decision, "decided")
        closed = status if resolution is None else f"{status} as {resolution}"
        yield Break(None, f"the surge of work item {key} is {decided}, but the work item is {closed}")


_DECIDED = {None: "not decided", "release": "decided: released", "drop": "decided: dropped"}
