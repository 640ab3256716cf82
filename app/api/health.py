"""For those who watch the service: alive, ready, counted. No key is needed, and no personal data is there to see."""

from typing import Literal

import msgspec
import structlog
from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool
from prometheus_client import CONTENT_TYPE_LATEST

from app.api.envelope import what_broke
from app.api.metrics import Written
from app.api.openapi import Json, content
from app.api.parts import Parts, Wired
from app.errors import Unavailable
from app.store.tally import tally

_log = structlog.get_logger()

router = APIRouter(tags=["health"])


class Health(msgspec.Struct, frozen=True):
    """Whether the service can do its work. `parts` names each part with `ok` or why it cannot serve."""

    status: Literal["ready", "not_ready"]
    parts: dict[str, str]


@router.get(
    "/healthz", summary="Alive", responses={200: {"description": "The process is alive.", "content": {"text/plain": {}}}}
)
async def alive() -> Response:
    """The process answers. No key is needed."""
    return Response("alive\n", media_type="text/plain")


_READY: dict[int | str, Json] = {200: {"description": "Every part can serve.", "content": content("Health")}}
_NOT_READY: dict[int | str, Json] = {
    503: {"description": "Some part cannot; `parts` says which and why.", "content": content("Health")}
}


@router.get("/readyz", summary="Ready", responses={**_READY, **_NOT_READY})
async def ready(parts: Wired) -> Response:
    """Whether database, rulebook, channel and worker can do their work. No key is needed."""
    health = await run_in_threadpool(_look, parts)
    status = 200 if health.status == "ready" else 503
    return Response(msgspec.json.encode(health), status, media_type="application/json")


def _look(parts: Parts) -> Health:
    found = {name: _state(name, parts) for name in parts.ready}
    return Health("ready" if all(state == "ok" for state in found.values()) else "not_ready", found)


def _state(name: str, parts: Parts) -> str:
    try:
        return parts.ready[name]() or "ok"
    except Exception as error:  # noqa: BLE001 - a check that breaks is a part that is not ready
        _log.warning("check_broke", part=name, **what_broke(error))
        return "it cannot be asked"


@router.get(
    "/metrics", summary="Counts", responses={200: {"description": "Prometheus' text format.", "content": {"text/plain": {}}}}
)
async def metrics(parts: Wired) -> Response:
    """Requests, releases, messages and work items, for Prometheus. No key is needed."""
    try:
        counted = await parts.look(tally)
    except Unavailable:
        counted = None
    page = parts.metrics.page(counted, lambda: Written(parts.writer.groups, parts.writer.items))
    return Response(page, media_type=CONTENT_TYPE_LATEST)
