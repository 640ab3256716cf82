"""For those who watch the service: alive, ready, counted. No key is needed, and no personal data is there to see."""

from collections.abc import Callable
from typing import Annotated, Literal, NamedTuple

import msgspec
import structlog
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from app.api.description.openapi import Json, answers, content
from app.api.metrics.about_metrics import about_metrics, own_processes, process_metrics_of
from app.api.metrics.feed_metrics import feed_words
from app.api.metrics.metrics import Written, process_metrics, readiness_metrics
from app.api.metrics.sending_metrics import sending_metrics, spool_metrics
from app.api.metrics.snapshots import Snapshot
from app.api.metrics.surge_metrics import surge_words
from app.api.parts import Parts
from app.errors import Unavailable, what_broke
from app.store.callers.feeds import list_feeds
from app.store.database.reading import look
from app.store.desk.surge_reads import standing

_log = structlog.get_logger()

router = APIRouter(tags=["health"])


class Health(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether the service can do its work. `parts` names each part with `ok`, or why it cannot serve, or why it is degraded: it
    serves, but not as it should.

    `feeds` says of each caller that has sent a heartbeat whether it is heard. A silent one is no reason to take the service away,
    so the status does not go by it. Nor by `surge`, which says what the surge breaker holds back, while it does.
    """

    status: Literal["ready", "degraded", "not_ready"]
    """Whether it can serve; `degraded`: it does, but not as it should."""
    parts: dict[str, str]
    """Each part with `ok`, or what is wrong with it."""
    feeds: dict[str, str] = {}
    """Each caller that sends heartbeats, and whether it is heard."""
    surge: str | None = None
    """What the surge breaker holds back; left out where it holds nothing."""


_TEXT: Json = {"text/plain": {"schema": {"type": "string"}}}
_NOT_HTTP: dict[int | str, Json] = {
    400: {"description": "What came is not an HTTP request.", "content": content("Problem", "application/problem+json")}
}


@router.get(
    "/healthz",
    operation_id="get_liveness",
    response_class=PlainTextResponse,
    summary="Alive",
    responses={200: {"description": "The process is alive.", "content": _TEXT}, **_NOT_HTTP},
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


_BAD_PURPOSE = {status: told for status, told in answers("Health", "", problems=(422,)).items() if status != 200}


class Watched:
    """What /readyz and /metrics answer, made at most once a second for all who ask."""

    def __init__(self, parts: Parts) -> None:
        self.health: Snapshot[Looked] = Snapshot(lambda: _look(parts))
        self.page: Snapshot[bytes] = Snapshot(lambda: _page(parts))


def _watched_of(request: Request) -> Watched:
    watched: Watched = request.app.state.watched
    return watched


Watching = Annotated[Watched, Depends(_watched_of)]


@router.get("/readyz", operation_id="get_readiness", summary="Ready", responses={**_READY, **_NOT_READY, **_BAD_PURPOSE})
async def ready(
    watched: Watching,
    purpose: Annotated[
        Literal["accepting"] | None,
        Query(alias="for", description="`accepting` leaves out what only sending needs: channel and worker."),
    ] = None,
) -> Response:
    """Whether database, rulebook, channel and worker can do their work, as of a second ago. No key is needed."""
    health = _health(await watched.health.look(), purpose)
    status = 503 if health.status == "not_ready" else 200
    return Response(msgspec.json.encode(health), status, media_type="application/json")


class Looked(NamedTuple):
    """What was found: of each part why it cannot serve, and why it is not as it should be; the feeds, and the surge in words."""

    stopped: dict[str, str | None]
    limping: dict[str, str | None]
    feeds: dict[str, str]
    surge: str | None


_FOR_SENDING = ("channel", "worker")


def _look(parts: Parts) -> Looked:
    stopped = {name: _ask(name, check) for name, check in parts.ready.items()}
    limping = {name: _ask(name, check) for name, check in parts.degraded.items()}
    return Looked(stopped, limping, _feeds(parts), _surge(parts))


def _health(looked: Looked, purpose: Literal["accepting"] | None) -> Health:
    """The answer for those who ask about all of it, or only whether releases can be accepted."""
    left_out = _FOR_SENDING if purpose == "accepting" else ()
    stopped = {name: why for name, why in looked.stopped.items() if name not in left_out}
    limping = {name: why for name, why in looked.limping.items() if why and name not in left_out}
    told = {name: why or (f"degraded: {limping[name]}" if name in limping else "ok") for name, why in stopped.items()}
    if any(stopped.values()):
        return Health("not_ready", told)
    surge = None if purpose == "accepting" else looked.surge
    return Health("degraded" if limping else "ready", told, looked.feeds, surge)


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


def _ask(name: str, check: Callable[[], str | None]) -> str | None:
    try:
        return check()
    except Unavailable as error:
        return error.detail
    except Exception as error:  # noqa: BLE001 - a check that breaks is a part that is not ready
        _log.warning("check_broke", part=name, **what_broke(error))
        return "it cannot be asked"


@router.get(
    "/metrics",
    operation_id="get_metrics",
    response_class=PlainTextResponse,
    summary="Counts",
    responses={200: {"description": "Prometheus' text format.", "content": _TEXT}, **_NOT_HTTP},
)
async def metrics(watched: Watching) -> Response:
    """Requests, releases, messages, sending and work items, for Prometheus, as of a second ago. No key is needed."""
    return Response(await watched.page.look(), media_type=CONTENT_TYPE_LATEST)


def _page(parts: Parts) -> bytes:
    shelf = parts.shelf
    written = Written(
        groups=parts.writer.groups,
        items=parts.writer.items,
        rulebook=shelf.in_force.version,
        degraded=shelf.problem is not None,
        failing=shelf.failing,
    )
    stopped = {name: _ask(name, check) for name, check in parts.ready.items()}
    return parts.metrics.page(
        about_metrics(parts.about),
        process_metrics_of(own_processes(several=parts.metrics.shared)),
        process_metrics(written),
        readiness_metrics(stopped),
        parts.store_figures.look(),
        sending_metrics(parts.counts()),
        spool_metrics(parts.spool),
    )
