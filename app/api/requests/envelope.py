"""What every request gets, whatever its address: an id, security headers, its share of the metrics, one line in the log, and
a problem instead of a trace when something breaks.

The log line holds the route's template and never the path, the query, a header or a body. What broke is logged as the class
of the error and the places it passed through: an error's own text may quote what it was working on.
"""

import itertools
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.metrics.metrics import Metrics
from app.api.requests.problems import Broken, problem_response
from app.api.requests.sources import source_of
from app.errors import LensError, what_broke

_log = structlog.get_logger()

_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_CALLER_GONE = 499
_NO_ROUTE = "(none)"


Endpoint = Callable[[Request], Awaitable[Response]]


class Envelope:
    """The outermost application: what every request gets, around `app`.

    `express` are endpoints, by method and path, that are reached without going through `app` and its routing: where a request
    is to be as quick as the disk, that takes as long as deciding does.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, express: Mapping[tuple[str, str], Endpoint]) -> None:
        self._app = app
        self._metrics = metrics
        self._express = express
        self._ids = itertools.count()
        self._id_start = str(uuid.uuid4())[:-12]  # one for all, since fresh random numbers cost a call of the system each

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["request_id"] = request_id = f"{self._id_start}{next(self._ids):012x}"
        began = time.perf_counter()
        answer = _Answer(send, request_id)
        try:
            await self._answer(scope, receive, answer.send)
        except ClientDisconnect:
            answer.status = answer.status or _CALLER_GONE
        except Exception as error:  # noqa: BLE001 - nothing may leave as a trace, and the server must go on
            _log.error("request_broke", request_id=request_id, **what_broke(error))
            if answer.status:
                raise ConnectionAbortedError("the answer had begun and cannot be finished") from None
            await problem_response(Broken(), request_id)(scope, receive, answer.send)
        finally:
            self._record(scope, answer, time.perf_counter() - began)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "HEAD":  # a GET, of which the server sends the head alone
            asked = {**scope, "method": "GET"}
            try:
                await self._app(asked, receive, send)
            finally:
                scope.update(asked, method="HEAD")  # with its route and caller, for the log
            return
        endpoint = self._express.get((scope["method"], scope["path"]))
        if endpoint is None:
            await self._app(scope, receive, send)
            return
        scope["route"], scope["app"] = scope["path"], self._app
        request = Request(scope, receive, send)
        try:
            response = await endpoint(request)
        except LensError as error:
            response = problem_response(error, scope["request_id"])
        await response(scope, receive, send)

    def _record(self, scope: Scope, answer: "_Answer", seconds: float) -> None:
        route = scope.get("route", _NO_ROUTE)
        if not isinstance(route, str):
            route = route.path
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        self._metrics.answered(route, method, answer.status, seconds)
        if route in _QUIET:
            return
        _log.info(
            "request",
            method=method,
            route=route,
            status=answer.status,
            ms=round(seconds * 1000, 2),
            bytes=answer.size,
            caller=scope.get("caller"),
            key=scope.get("caller_key"),
            source=source_of(scope),
            request_id=scope["request_id"],
        )


class _Answer:
    """Passes an answer on, adds the headers, and keeps its status and size in bytes (0 until it begins)."""

    __slots__ = ("_request_id", "_send", "size", "status")

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id.encode()
        self.status = 0
        self.size = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = message["headers"] = list(message.get("headers", ()))
            set_already = {name for name, _ in own}
            own.extend(header for header in _HEADERS if header[0] not in set_already)
            own.append((b"x-request-id", self._request_id))
        elif message["type"] == "http.response.body":
            self.size += len(message.get("body", b""))
        await self._send(message)
