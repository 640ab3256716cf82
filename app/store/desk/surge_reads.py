"""How the surge breaker stands, for those who watch the service."""

from typing import NamedTuple

from sqlalchemy import Connection

from app.domain.surge import HOUR, Breaker
from app.store.desk.surge_gate import usual_in
from app.store.statements.rows import first_row, run


class OpenSurge(NamedTuple):
    """A surge that waits for a person: its work item, the kind of its messages, the band of the hour in which it began, since when
    (Micros), and how many messages are held now.
    """

    work_item: int
    kind: str
    band: int
    since: int
    held: int


class SurgeState(NamedTuple):
    """The surges that wait for a person; and how many notices may pass in this hour, None: any number."""

    open: tuple[OpenSurge, ...]
    band: int | None

    @property
    def held(self) -> int:
        """Messages that are held now."""
        return sum(surge.held for surge in self.open)


def standing(connection: Connection, now: int, breaker: Breaker) -> SurgeState:
    """How the breaker stands. `now` is Micros."""
    hour = now // HOUR
    known = first_row(connection, "SELECT usual FROM hour_count WHERE kind = 'notice' AND hour = ?", hour)
    band = breaker.band(usual_in(connection, hour) if known is None else known[0])
    return SurgeState(tuple(OpenSurge(*row) for row in run(connection, _OPEN, ())), band)


_OPEN = """
    SELECT surge.work_item, surge.kind, surge.band, work_item.opened_at, count(message.number) FROM surge
    JOIN work_item ON work_item.id = surge.work_item
    JOIN surge_hold ON surge_hold.surge = surge.work_item
    LEFT JOIN message ON message.number = surge_hold.number AND message.status = 'held'
    WHERE surge.decision IS NULL GROUP BY surge.work_item, surge.kind, surge.band, work_item.opened_at ORDER BY surge.work_item"""
