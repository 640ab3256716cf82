"""Which processes work on this store now, and with which settings: they say so themselves, every few seconds."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec
from sqlalchemy import Connection, delete, select

from app.domain.surge import Breaker
from app.domain.times import SECOND
from app.store.database.engine import now_micros
from app.store.statements.rows import run
from app.store.tables.running import RUNNING

SAID_EVERY = 15
"""Seconds after which a process says again that it runs."""

_SILENT = 4 * SAID_EVERY * SECOND
_FORGOTTEN = 86400 * SECOND

Kind = Literal["serve", "work"]


class Program(NamedTuple):
    """A process that runs. `settings` are those it runs with, by their names, without secrets."""

    name: str
    kind: Kind
    version: str
    settings: Mapping[str, object]


class Running(NamedTuple):
    """The same as others see it. `started_at` is Micros."""

    name: str
    kind: Kind
    version: str
    started_at: int
    settings: Mapping[str, object]

    @property
    def breaker(self) -> Breaker:
        """What its settings say about surges."""
        given = msgspec.convert(self.settings, _Surges)
        return Breaker(given.surge_floor, given.surge_factor)


class _Surges(msgspec.Struct):
    surge_floor: int | None = None
    surge_factor: float = 3.0


_SAY = """
    INSERT INTO running (name, kind, version, started_at, seen_at, settings_json) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at"""


def say_running(connection: Connection, programs: Sequence[Program]) -> list[None]:
    """Notes that these run. Forgets those that have said nothing for a day. Has the shape `Writer.do` takes."""
    now = now_micros(connection)
    for each in programs:
        settings = msgspec.json.encode(each.settings).decode()
        run(connection, _SAY, (each.name, each.kind, each.version, now, now, settings))
    connection.execute(delete(RUNNING).where(RUNNING.c.seen_at < now - _FORGOTTEN))
    return [None] * len(programs)


def say_stopped(connection: Connection, names: Sequence[str]) -> list[None]:
    """Forgets processes that have ended. Has the shape `Writer.do` takes."""
    connection.execute(delete(RUNNING).where(RUNNING.c.name.in_(names)))
    return [None] * len(names)


def list_running(connection: Connection) -> tuple[Running, ...]:
    """The processes that said within a minute that they run, those that serve first, then the oldest."""
    now = now_micros(connection)
    recent = RUNNING.c.seen_at.between(now - _SILENT, now + _SILENT)  # a clock that is set back leaves rows of the future
    rows = connection.execute(select(RUNNING).where(recent).order_by(RUNNING.c.kind, RUNNING.c.started_at, RUNNING.c.name))
    return tuple(
        Running(
            name=row.name,
            kind=row.kind,
            version=row.version,
            started_at=row.started_at,
            settings=msgspec.json.decode(row.settings_json),
        )
        for row in rows
    )


def breaker_in_use(running: Sequence[Running], otherwise: Breaker) -> Breaker:
    """The breaker of those that accept releases; the strictest, where they differ. `otherwise` where none does.

    >>> breaker_in_use((), Breaker(floor=4)).floor
    4
    """
    serving = [each.breaker for each in running if each.kind == "serve"]
    if not serving:
        return otherwise
    return min(serving, key=lambda breaker: (breaker.floor is None, breaker.floor or 0, breaker.factor))
