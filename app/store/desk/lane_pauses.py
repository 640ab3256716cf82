"""An operator stops sending to one ORI, or to any, and lets it go on. Each is in the audit trail."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from sqlalchemy import Connection, select

from app.errors import LensError, NotFound
from app.store.desk.pauses import EVERYTHING, Pause, Resume, StandingPause, list_pauses, pause, resume
from app.store.ledger.audit import AuditEntry, append
from app.store.tables.main import LANE


class PauseLane(NamedTuple):
    """To send nothing to `scope`, an ORI or EVERYTHING. `by` is the name of the key, `reason` the person's own words, `at` Micros."""

    scope: str
    reason: str
    by: str
    at: int


class ResumeLane(NamedTuple):
    """To lift the pause that this source set on `scope`; the network's may be lifted when its own word was lost."""

    scope: str
    reason: str
    by: str
    at: int
    source: Literal["operator", "network"] = "operator"


def pause_lanes(connection: Connection, items: Sequence[PauseLane]) -> list[tuple[StandingPause, ...] | LensError]:
    """Pauses lanes; each result is every pause that then stands. NotFound for an ORI that nothing was ever sent to.

    What is under way is finished: at most a window of each lane. Has the shape `Writer.do` takes, as the next.
    """
    return [_pause_one(connection, item) for item in items]


def _pause_one(connection: Connection, item: PauseLane) -> tuple[StandingPause, ...] | LensError:
    known = connection.scalar(select(LANE.c.ori).where(LANE.c.ori == item.scope))
    if item.scope != EVERYTHING and known is None:
        return NotFound("There is no such lane: it begins with the first message to that ORI.")
    pause(connection, [Pause(item.scope, "operator", f"{item.by}: {item.reason}")])
    _record(connection, "pause_lane", item)
    return list_pauses(connection)


def resume_lanes(connection: Connection, items: Sequence[ResumeLane]) -> list[tuple[StandingPause, ...] | LensError]:
    """Lifts pauses; each result is every pause that still stands. NotFound where that source has set none."""
    return [_resume_one(connection, item) for item in items]


def _resume_one(connection: Connection, item: ResumeLane) -> tuple[StandingPause, ...] | LensError:
    if not resume(connection, [Resume(item.scope, item.source)])[0]:
        return NotFound(f"No pause of {_name_scope(item.scope)} was set by the {item.source}.")
    _record(connection, "resume_lane", item, source=item.source)
    return list_pauses(connection)


def _record(connection: Connection, action: str, item: PauseLane | ResumeLane, **more: str) -> None:
    detail = {"reason": item.reason, **more}
    append(
        connection,
        [AuditEntry(at=item.at, actor=item.by, action=action, target=_name_scope(item.scope), outcome="ok", detail=detail)],
    )


def _name_scope(scope: str) -> str:
    return "every lane" if scope == EVERYTHING else f"lane {scope}"
