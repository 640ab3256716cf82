"""How much of what there is, for those who watch the service."""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from app.store.tables.main import MESSAGE, RELEASE, WORK_ITEM


class Tally(NamedTuple):
    """Messages by state (USPS code) and status, and open work items by code; `newest` is when a release was accepted last
    (Micros), None before the first.
    """

    messages: Mapping[tuple[str, str], int]
    work_items: Mapping[str, int]
    newest: int | None


def tally(connection: Connection) -> Tally:
    """Counts them: all messages over an index alone, so a million of them take about a second on SQLite."""
    messages = connection.execute(
        select(MESSAGE.c.state, MESSAGE.c.status, func.count()).group_by(MESSAGE.c.status, MESSAGE.c.state)
    )
    items = select(WORK_ITEM.c.code, func.count()).where(WORK_ITEM.c.status == "open").group_by(WORK_ITEM.c.code)
    return Tally(
        {(state, status): count for state, status, count in messages},
        {code: count for code, count in connection.execute(items)},  # noqa: C416 - rows are no pairs to a type checker
        connection.scalar(select(func.max(RELEASE.c.accepted_at))),
    )
