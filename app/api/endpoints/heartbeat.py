"""Heartbeats: the system of record says that it lives, and how many releases it sent since it last did."""

from datetime import datetime
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Response
from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.api.description.openapi import REPLAY_HEADER, answers, takes, with_body
from app.api.endpoints.releases import REPLAY
from app.api.parts import JSON, Wired
from app.api.requests.auth import Sender
from app.api.requests.filters import Unfiltered
from app.api.requests.models import SmallBody, body_of, shape_of
from app.domain.release import is_date_time
from app.domain.times import micros

router = APIRouter(tags=["feeds"])

MOST_RELEASES = 10**9
"""The highest count that a heartbeat may tell of."""


def _as_whole_number(count: object) -> int:
    whole = isinstance(count, int) or (isinstance(count, float) and count.is_integer())  # JSON Schema: 12.0 is an integer
    if isinstance(count, bool) or not whole:
        raise PydanticCustomError("type", "this must be a whole number", {"allowed": ("integer",)})
    number = int(cast("int | float", count))
    if not 0 <= number <= MOST_RELEASES:
        raise PydanticCustomError("range", f"0 to {MOST_RELEASES}")
    return number


def _as_micros(sent_at: object) -> int | None:
    if sent_at is None:
        return None
    if isinstance(sent_at, str) and is_date_time(sent_at):
        return micros(datetime.fromisoformat(sent_at.upper()))
    told = "this must be a time with an offset, e.g. 2026-11-23T10:30:00-05:00 (RFC 3339)"
    raise PydanticCustomError("format", told)


class Heartbeat(SmallBody):
    """What the system of record says of itself: how many releases it sent since the last heartbeat."""

    so = "the heartbeat was not taken"
    looks_like = '{"count": 12}'

    count: Annotated[
        int,
        BeforeValidator(_as_whole_number),
        WithJsonSchema({"type": "integer", "minimum": 0, "maximum": MOST_RELEASES}),
    ] = Field(
        title="say how many releases were sent since the last heartbeat",
        description="Releases sent since the last heartbeat; with the first, since ever. Each counts once: "
        "not again when it is sent again, corrected or cancelled, and not at all when it was refused.",
    )
    sent_at: Annotated[
        int | None,
        BeforeValidator(_as_micros),
        WithJsonSchema({"type": ["string", "null"], "format": "date-time"}),
    ] = Field(
        None,
        description="When it was sent, by the caller's own clock. With it a heartbeat that was not answered "
        "may be sent again as it was, and is taken once.",
    )


_TAKES_HEARTBEAT = takes(shape_of(Heartbeat), {"count": 12, "sent_at": "2026-11-23T11:00:00.000000-07:00"})
_ANSWERS = answers("HeartbeatAnswer", "Taken. Whether the counts agree, and when the next is expected.", problems=with_body())
_ANSWERS[200]["headers"] = REPLAY_HEADER


@router.post(
    "/v1/heartbeat",
    operation_id="send_heartbeat",
    summary="Say that the feed lives",
    responses=_ANSWERS,
    openapi_extra=_TAKES_HEARTBEAT,
)
async def post_heartbeat(
    parts: Wired, caller: Sender, told: Annotated[Heartbeat, Depends(body_of(Heartbeat))], _: Unfiltered
) -> Response:
    """Compares the count with the releases stored from this caller since its last heartbeat; a wrong one opens a work item.

    A caller that has sent a heartbeat and is then not heard of for LENS_FEED_SILENT_AFTER is raised as silent. Role:
    system_of_record.
    """
    heard = await parts.feeds.heartbeat(caller.name, told.count, told.sent_at)
    return Response(heard.answer_json, 200, REPLAY if heard.kind == "replay" else None, JSON)
