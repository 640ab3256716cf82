"""Serving the API: the socket it listens on, and uvicorn set up as this service needs it."""

import asyncio
import errno
import socket
import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import msgspec
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.api.requests.problems import MEDIA_TYPE, NotHttp, TooSlow, problem, status_of
from app.api.serving.connections import Connections, Doing, Limits, Watched
from app.dispatch.channel import is_loopback
from app.errors import BadSetting, LensError, Unavailable

GRACE_SECONDS = 30
"""How long requests under way may take to finish after the service was asked to stop."""

HEAD_LIMIT = 64 * 1024
"""Bytes of a request's first line and headers at the most, and those of one network chunk."""

_KEEP_ALIVE_SECONDS = 30


class Listener:
    """A socket bound to an address; it can be handed to several processes, which then share what comes in."""

    def __init__(self, host: str, port: int) -> None:
        """Binds it. `port` 0 takes a free one. Raises BadSetting when the address cannot be had, saying which and what to do."""
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self.socket.bind((host, port))
        except OSError as error:
            self.socket.close()
            raise BadSetting(_why(host, port, error)) from None
        self._host = host
        self.port: int = self.socket.getsockname()[1]

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        return is_loopback(self._host)

    @property
    def url(self) -> str:
        """Where a client on this machine finds the service."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host)  # noqa: S104 - compared, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


def _why(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} of {host} is in use by another program; choose another with --port, e.g. --port {port % 65535 + 1}."
        )
    return f"Cannot listen on port {port} of {host}: {error.strerror}; choose others with --host and --port."


def server_of(
    app: ASGIApp,
    on_started: Callable[[], None] = lambda: None,
    limits: Limits = Limits(),  # noqa: B008 - limits are frozen
) -> uvicorn.Server:
    """A server that calls `on_started` once it takes connections. `run(sockets=[listener.socket])` serves until its
    `should_exit` is set or, on the main thread, until SIGTERM or SIGINT; then it finishes the requests under way.

    uvicorn raises the signal again at its end: the program's own handler decides what that means.
    """
    connections = Connections(limits)

    class Http(_Protocol):
        """The protocol, with the connections of this one server."""

        all = connections

    config = uvicorn.Config(
        app,
        http=Http,
        loop="uvloop",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # `app/api/requests/sources.py` reads them
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    return _Server(config, on_started)


class _Protocol(HttpToolsProtocol):
    """uvicorn's, with limits to a request's head, to how slowly a caller may send and read, and to how many connections there are,
    and with problems for what is no HTTP.
    """

    all: Connections

    _head = 0
    _in_head = True
    _began_in_head = True
    _heads = 0
    _head_since: float | None = None  # when the head that is under way began
    _since = 0.0  # when the window began in which a body's bytes are counted
    _arrived = 0
    _unsent = 0
    _unsent_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._head_since = self.loop.time()
        self._watched = Watched(self.doing, self.check, self.let_go)
        if not self.all.add(self._watched, self.client[0] if self.client else ""):
            self._head_since = None
            self._end_with(Unavailable("There are too many connections; end some, or try again later."))

    def connection_lost(self, exc: Exception | None) -> None:
        self.all.remove(self._watched)
        super().connection_lost(exc)

    def doing(self) -> Doing:
        """What the connection is at."""
        if not self._heads:
            return "half open"
        return "idle" if self._in_head and self.cycle.response_complete else "at work"

    def let_go(self) -> None:
        """Ends the connection to make room."""
        self.transport.abort()

    def check(self, now: float) -> None:
        """Ends the connection where its caller is too slow in sending a head or a body, or reads nothing of its answer."""
        limits = self.all.limits
        if self._is_stalled(now, limits):
            self.transport.abort()
        elif self.transport.is_closing():
            return
        elif self._head_since is not None:
            at_work = self._heads and not self.cycle.response_complete
            if not at_work and now - self._head_since > limits.head:
                self._give_up("The head of the request did not arrive in time.")
        elif not self._in_head and self._body_is_slow(now, limits):
            self._give_up("The body did not arrive in time; nothing was stored.")

    def _is_stalled(self, now: float, limits: Limits) -> bool:
        unsent = self.transport.get_write_buffer_size()
        if not unsent or unsent != self._unsent:
            self._unsent, self._unsent_since = unsent, now
        return now - self._unsent_since > limits.stalled

    def _body_is_slow(self, now: float, limits: Limits) -> bool:
        """Whether too little came in the window that ends now. While LENS itself does not read, nobody can send."""
        if self.flow.read_paused:
            self._since, self._arrived = now, 0
        lasted = now - self._since
        if lasted < limits.window:
            return False
        slow = self._arrived < limits.body_rate * lasted
        self._since, self._arrived = now, 0
        return slow or self.cycle.response_complete  # whoever has the answer need not go on with the body

    def _give_up(self, why: str) -> None:
        if self._heads and self.cycle.response_started and not self.cycle.response_complete:
            self.transport.abort()
        elif not self._heads and not self._head:
            self.transport.close()  # not a byte came, so nobody waits for an answer
        else:
            self._end_with(TooSlow(why))

    def _end_with(self, error: LensError) -> None:
        """Answers with a problem and ends the connection."""
        status = HTTPStatus(status_of(error))
        body = msgspec.json.encode(problem(error, str(uuid.uuid4())))
        head = (
            f"HTTP/1.1 {status} {status.phrase}\r\ncontent-type: {MEDIA_TYPE}\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def data_received(self, data: bytes) -> None:
        if self._in_head and self._head_since is None:
            self._head_since = self.loop.time()
        self._arrived += len(data)
        self._began_in_head = self._in_head
        super().data_received(data)
        if self._in_head and self._began_in_head:
            self._head += len(data)
            if self._head > HEAD_LIMIT and not self.transport.is_closing():
                self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        if self._head_since is None:  # a head may begin in the bytes that the one before it ended in
            self._head_since = self.loop.time()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = self._began_in_head = False
        self._head = 0
        self._since, self._arrived = self.loop.time(), 0
        self._head_since = None
        if not self._heads:
            self.all.head_came(self._watched)
        self._heads += 1
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head = True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._end_with(NotHttp(msg))


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_started()
