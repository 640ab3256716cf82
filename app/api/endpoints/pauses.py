"""Pauses: an operator stops sending to one ORI, or to any, and lets it go on."""

from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from app.api.description.openapi import TAKES_REASON, answers, with_body
from app.api.parts import JSON, Wired
from app.api.requests.auth import Operator, Watcher
from app.api.requests.filters import NoQuery, Unfiltered
from app.api.requests.models import Reason
from app.domain.times import Timestamp, rfc3339
from app.store.desk.lane_pauses import PauseLane, ResumeLane, pause_lanes, resume_lanes
from app.store.desk.pauses import EVERYTHING, Source, StandingPause, list_pauses

router = APIRouter(tags=["pauses"])

ALL = "all"
"""How callers name every lane."""

Scope = Annotated[str, Path(pattern=f"^([A-Z]{{2}}[A-Z0-9]{{7}}|{ALL})$", description="An ORI, or `all` for every lane.")]


class PauseView(msgspec.Struct, frozen=True):
    """A pause. `scope` is an ORI or `all`; `since` RFC 3339 in UTC; `why` what the network said, or who set it and the reason."""

    scope: str
    """An ORI, or `all`."""
    source: Source
    """Who paused it."""
    why: str
    """What the network said, or who set it and the reason."""
    since: Timestamp
    """When it began."""


class PauseList(msgspec.Struct, frozen=True):
    """Every pause that stands."""

    items: tuple[PauseView, ...]
    """The pauses."""


class ResumeQuery(NoQuery):
    """Whose pause to lift."""

    source: Literal["operator", "network"] = Field("operator", description="Who set the pause.")


@router.get(
    "/v1/pauses", operation_id="list_pauses", summary="List pauses", responses=answers("PauseList", "Every pause that stands.")
)
async def list_all(parts: Wired, _: Watcher, __: Unfiltered) -> Response:
    """Where nothing is sent at the moment because somebody said so, since when and why. Roles: operator, auditor."""
    return _answer(await parts.look(list_pauses))


@router.post(
    "/v1/pauses/{scope}",
    operation_id="pause_sending",
    summary="Pause a lane, or all",
    responses=answers("PauseList", "Every pause that now stands.", problems=with_body(404)),
    openapi_extra=TAKES_REASON,
)
async def set_one(parts: Wired, caller: Operator, body: Reason, scope: Scope, _: Unfiltered) -> Response:
    """Nothing is sent to this ORI, or to any, until it is resumed; what is under way is finished. Messages are accepted and wait, in
    order. A pause that stands keeps its beginning and takes the new reason. Role: operator.
    """
    wanted = PauseLane(_stored_scope(scope), body.reason, caller.name, parts.clock())
    return _answer(await parts.writer.do(pause_lanes, wanted))


@router.post(
    "/v1/pauses/{scope}/resume",
    operation_id="resume_sending",
    summary="Resume a lane, or all",
    responses=answers("PauseList", "Every pause that still stands.", problems=with_body(404)),
    openapi_extra=TAKES_REASON,
)
async def lift_one(
    parts: Wired, caller: Operator, body: Reason, scope: Scope, query: Annotated[ResumeQuery, Query()]
) -> Response:
    """Sends again what waits. With `source=network` it lifts a pause that the network set and will lift itself when it is in service
    again. Role: operator.
    """
    wanted = ResumeLane(scope=_stored_scope(scope), reason=body.reason, by=caller.name, at=parts.clock(), source=query.source)
    pauses = await parts.writer.do(resume_lanes, wanted)
    parts.queued()
    return _answer(pauses)


def _stored_scope(scope: str) -> str:
    return EVERYTHING if scope == ALL else scope


def _answer(pauses: tuple[StandingPause, ...]) -> Response:
    items = tuple(
        PauseView(ALL if each.scope == EVERYTHING else each.scope, each.source, each.why, rfc3339(each.since))
        for each in pauses
    )
    return Response(msgspec.json.encode(PauseList(items)), media_type=JSON)
