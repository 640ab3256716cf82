"""For those who watch the service: alive, ready, counted. No key is needed, and no personal data is there to see."""

from collections.abc import Callable
from typing import Literal

import msgspec
import structlog
from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool
from prometheus_client import CONTENT_TYPE_LATEST

from app.api.feed_metrics import feed_words
from app.api.metrics import Written, process_metrics, readiness_metrics
from app.api.openapi import Json, content
from app.api.parts import Parts, Wired
from app.api.sending_metrics import sending_metrics
from app.api.surge_metrics import surge_words
from app.errors import Unavailable, what_broke
from app.store.feeds import list_feeds
from app.store.reading import look
from app.store.surge_reads import standing

_log = structlog.get_logger()

router = APIRouter(tags=["health"])


class Health(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether the service can do its work. `parts` names each part with `ok`, or why it cannot serve, or why it is degraded: it
    serves, but not as it should.

    `feeds` says of each caller that has sent a heartbeat whether it is heard. A silent one is no reason to take the service away,
    so the status does not go by it. Nor by `surge`, which says what the surge breaker holds back, while it does.
    """

    status: Literal["ready", "degraded", "not_ready"]
    parts: dict[str, str]
    feeds: dict[str, str] = {}
    surge: str | None = None


@router.get(
    "/healthz", summary="Alive", responses={200: {"description": "The process is alive.", "content": {"text/plain": {}}}}
)
async def alive() -> Response:
    """The process answers. No key is needed."""
    return Response("alive\n", media_type="text/plain")


_READY: dict[int | str, Json] = {
    200: {
        "description": "Every part can serve; `degraded` when one of them is not as it should be.",
        "content": content("Health"),
    }
}
_NOT_READY: dict[int | str, Json] = {
    503: {"description": "Some part cannot; `parts` says which and why.", "content": content("Health")}
}


@router.get("/readyz", summary="Ready", responses={**_READY, **_NOT_READY})
async def ready(parts: Wired) -> Response:
    """Whether database, rulebook, channel and worker can do their work. No key is needed."""
    health = await run_in_threadpool(_look, parts)
    status = 503 if health.status == "not_ready" else 200
    return Response(msgspec.json.encode(health), status, media_type="application/json")


def _look(parts: Parts) -> Health:
    stopped = {name: _asked(name, check) for name, check in parts.ready.items()}
    limping = {name: _asked(name, check) for name, check in parts.degraded.items()}
    told = {name: why or (f"degraded: {limping[name]}" if limping.get(name) else "ok") for name, why in stopped.items()}
    if any(stopped.values()):
        return Health("not_ready", told)
    return Health("degraded" if any(limping.values()) else "ready", told, _feeds(parts), _surge(parts))


def _surge(parts: Parts) -> str | None:
    try:
        return surge_words(look(parts.store, lambda connection: standing(connection, parts.clock(), parts.breaker)))
    except Unavailable:  # then the database tells of itself
        return None


def _feeds(parts: Parts) -> dict[str, str]:
    try:
        return feed_words(look(parts.store, list_feeds))
    except Unavailable:  # then the database tells of itself
        return {}


def _asked(name: str, check: Callable[[], str | None]) -> str | None:
    try:
        return check()
    except Unavailable as error:
        return error.detail
    except Exception as error:  # noqa: BLE001 - a check that breaks is a part that is not ready
        _log.warning("check_broke", part=name, **what_broke(error))
        return "it cannot be asked"


@router.get(
    "/metrics", summary="Counts", responses={200: {"description": "Prometheus' text format.", "content": {"text/plain": {}}}}
)
async def metrics(parts: Wired) -> Response:
    """Requests, releases, messages, sending and work items, for Prometheus. No key is needed."""
    return Response(await run_in_threadpool(_page, parts), media_type=CONTENT_TYPE_LATEST)


def _page(parts: Parts) -> bytes:
    shelf = parts.shelf
    written = Written(parts.writer.groups, parts.writer.items, shelf.in_force.version, degraded=shelf.problem is not None)
    stopped = {name: _asked(name, check) for name, check in parts.ready.items()}
    return parts.metrics.page(
        process_metrics(written), readiness_metrics(stopped), parts.store_figures.look(), sending_metrics(parts.counts())
    )
