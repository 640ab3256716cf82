"""Pauses: while one stands, nothing is sent to its scope. They are rows, so a restart keeps them.

Every function changes or reads inside the caller's transaction and has the shape that `Writer.do` takes.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from app.store.database.engine import now_micros
from app.store.statements.rows import run
from app.store.tables.main import PAUSE

Source: TypeAlias = Literal["network", "operator", "move"]
"""Who set a pause: a word of the network, an operator, or `lens db move`, whose pause nobody lifts."""

EVERYTHING = "*"
"""The scope of a pause that holds every lane."""


class Pause(NamedTuple):
    """To stop sending. `scope` is an ORI or EVERYTHING; `why` is in words, without personal data, cut at 200 characters."""

    scope: str
    source: Source
    why: str


class Resume(NamedTuple):
    """To lift the pause that this source set; one set by another source stays."""

    scope: str
    source: Literal["network", "operator"]


def pause(connection: Connection, pauses: Sequence[Pause]) -> list[None]:
    """Sets pauses; setting one that stands keeps its start and takes the new reason."""
    now = now_micros(connection)
    for each in pauses:
        change = update(PAUSE).where(*_is(each)).values(why=each.why[:200])
        if connection.execute(change).rowcount == 0:
            connection.execute(insert(PAUSE).values(**each._replace(why=each.why[:200])._asdict(), since=now))
    return [None] * len(pauses)


def resume(connection: Connection, resumes: Sequence[Resume]) -> list[bool]:
    """Lifts pauses; each result says whether one stood."""
    return [connection.execute(delete(PAUSE).where(*_is(each))).rowcount > 0 for each in resumes]


def standing(connection: Connection) -> dict[str, str]:
    """Every scope paused now, with why."""
    return dict(run(connection, "SELECT scope, why FROM pause ORDER BY scope, source", ()))


class StandingPause(NamedTuple):
    """A pause as it stands; `since` is Micros."""

    scope: str
    source: Source
    why: str
    since: int


def list_pauses(connection: Connection) -> tuple[StandingPause, ...]:
    """Every pause that stands now."""
    columns = [PAUSE.c[name] for name in StandingPause._fields]
    return tuple(StandingPause(*row) for row in connection.execute(select(*columns).order_by(PAUSE.c.scope, PAUSE.c.source)))


def _is(one: Pause | Resume) -> tuple[ColumnElement[bool], ...]:
    return (PAUSE.c.scope == one.scope, PAUSE.c.source == one.source)
