"""Serving the API: the socket it listens on, and uvicorn set up as this service needs it."""

import errno
import socket
import uuid
from collections.abc import Callable
from typing import Any

import msgspec
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.api.problems import MEDIA_TYPE, NotHttp, problem
from app.errors import BadSetting

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


def server_of(app: ASGIApp, on_started: Callable[[], None] = lambda: None) -> uvicorn.Server:
    """A server that calls `on_started` once it takes connections. `run(sockets=[listener.socket])` serves until its
    `should_exit` is set or, on the main thread, until SIGTERM or SIGINT; then it finishes the requests under way.

    uvicorn raises the signal again at its end: the program's own handler decides what that means.
    """
    config = uvicorn.Config(
        app,
        http=_Protocol,
        loop="uvloop",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # `app/api/sources.py` reads them
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    return _Server(config, on_started)


class _Protocol(HttpToolsProtocol):
    """uvicorn's, with a limit to a request's head and with problems for what is no HTTP."""

    _head = 0
    _in_head = True
    _began_in_head = True

    def data_received(self, data: bytes) -> None:
        self._began_in_head = self._in_head
        super().data_received(data)
        if self._in_head and self._began_in_head:
            self._head += len(data)
            if self._head > HEAD_LIMIT and not self.transport.is_closing():
                self.send_400_response("The head of the request is too large.")

    def on_headers_complete(self) -> None:
        self._in_head = self._began_in_head = False
        self._head = 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head = True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        body = msgspec.json.encode(problem(NotHttp(msg), str(uuid.uuid4())))
        head = f"HTTP/1.1 400 Bad Request\r\ncontent-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        self.transport.write(head.encode() + body)
        self.transport.close()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_started()
