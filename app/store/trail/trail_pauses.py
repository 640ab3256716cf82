"""Pauses beside the trail: what an operator paused is paused, and nothing else."""

from collections.abc import Iterator

from sqlalchemy import Connection, text

from app.store.trail.trail_links import Break
from app.store.trail.trail_told import Told

_PAUSES = "SELECT scope, source FROM pause ORDER BY scope, source"
_NETWORK_SPOKE = "SELECT 1 FROM inbound WHERE matched_by = 'network' LIMIT 1"


def changed_pauses(connection: Connection, told: Told) -> Iterator[Break]:
    """Pauses that nobody set, and those that somebody set and nobody lifted, which are gone."""
    standing = {(_lane(scope), source) for scope, source in connection.execute(text(_PAUSES))}
    for name, source in sorted(standing):
        if source == "operator" and (name, source) not in told.pauses:
            yield Break(None, f"{name} is paused, and no row tells of that")
        elif source == "network" and connection.scalar(text(_NETWORK_SPOKE)) is None:
            yield Break(None, f"{name} is paused by the network, and no text of the network is stored")
    for (name, source), row in sorted(told.pauses.items()):
        if (name, source) not in standing:
            yield Break(row, f"{name}, which was paused then, is paused no longer, and no row tells of that")


def _lane(scope: str) -> str:
    return "every lane" if scope == "*" else f"lane {scope}"
