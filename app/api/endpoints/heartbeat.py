"""Heartbeats: the system of record says that it lives, and how many releases it sent since it last did."""

from datetime import datetime
from typing import Any, NamedTuple

from fastapi import APIRouter, Request, Response

from app.api.description.openapi import REPLAY_HEADER, an_object, answers, takes, with_body
from app.api.endpoints.releases import REPLAY
from app.api.parts import JSON, Wired
from app.api.requests.auth import Sender
from app.api.requests.bodies import read_body, unknown_fields
from app.api.requests.filters import Unfiltered
from app.domain.release import is_date_time, read_json
from app.domain.times import micros
from app.errors import Fault, Refused

router = APIRouter(tags=["feeds"])

MOST_RELEASES = 10**9
"""The highest count that a heartbeat may tell of."""

_FIELDS = ("count", "sent_at")
_TAKES_HEARTBEAT = takes(
    an_object(
        {
            "count": {
                "type": "integer",
                "minimum": 0,
                "maximum": MOST_RELEASES,
                "description": "Releases sent since the last heartbeat; with the first, since ever. Each counts once: "
                "not again when it is sent again, corrected or cancelled, and not at all when it was refused.",
            },
            "sent_at": {
                "type": ["string", "null"],
                "format": "date-time",
                "description": "When it was sent, by the caller's own clock. With it a heartbeat that was not answered "
                "may be sent again as it was, and is taken once.",
            },
        },
        optional=("sent_at",),
    ),
    {"count": 12, "sent_at": "2026-11-23T11:00:00.000000-07:00"},
)
_ANSWERS = answers("HeartbeatAnswer", "Taken. Whether the counts agree, and when the next is expected.", problems=with_body())
_ANSWERS[200]["headers"] = REPLAY_HEADER


class _Told(NamedTuple):
    """What a heartbeat tells: how many releases, and when it was sent, in Micros."""

    releases: int
    sent_at: int | None


@router.post(
    "/v1/heartbeat",
    operation_id="send_heartbeat",
    summary="Say that the feed lives",
    responses=_ANSWERS,
    openapi_extra=_TAKES_HEARTBEAT,
)
async def post_heartbeat(request: Request, parts: Wired, caller: Sender, _: Unfiltered) -> Response:
    """Compares the count with the releases stored from this caller since its last heartbeat; a wrong one opens a work item.

    A caller that has sent a heartbeat and is then not heard of for LENS_FEED_SILENT_AFTER is raised as silent. Role:
    system_of_record.
    """
    told = _read(await read_body(request))
    heard = await parts.feeds.heartbeat(caller.name, told.releases, told.sent_at)
    return Response(heard.answer_json, 200, REPLAY if heard.kind == "replay" else None, JSON)


def _read(raw: bytes) -> _Told:
    """What the body tells. Raises NotJson, TooLarge or Refused with every fault."""
    document = read_json(raw)
    if not isinstance(document, dict):
        raise Refused((Fault("", "type", 'this must be an object: {"count": 12}', ("object",)),))
    faults = [*unknown_fields(document, _FIELDS), *_count_faults(document), *_time_faults(document)]
    if faults:
        raise Refused(tuple(faults), so="the heartbeat was not taken")
    sent_at = document.get("sent_at")
    return _Told(int(document["count"]), None if sent_at is None else micros(datetime.fromisoformat(sent_at.upper())))


def _count_faults(document: dict[str, Any]) -> list[Fault]:
    if "count" not in document:
        return [Fault("/count", "required", "say how many releases were sent since the last heartbeat")]
    count = document["count"]
    whole = isinstance(count, int) or (isinstance(count, float) and count.is_integer())  # JSON Schema: 12.0 is an integer
    if isinstance(count, bool) or not whole:
        return [Fault("/count", "type", "this must be a whole number", ("integer",))]
    if not 0 <= count <= MOST_RELEASES:
        return [Fault("/count", "range", f"0 to {MOST_RELEASES}")]
    return []


def _time_faults(document: dict[str, Any]) -> list[Fault]:
    sent_at = document.get("sent_at")
    if sent_at is None or (isinstance(sent_at, str) and is_date_time(sent_at)):
        return []
    return [Fault("/sent_at", "format", "this must be a time with an offset, e.g. 2026-11-23T10:30:00-05:00 (RFC 3339)")]
