"""Serving the API: the socket it listens on, and uvicorn set up as this service needs it."""

import errno
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from app.errors import BadSetting

GRACE_SECONDS = 30
"""How long requests under way may take to finish after the service was asked to stop."""

_KEEP_ALIVE_SECONDS = 30


class Listener:
    """A socket bound to an address; it can be handed to several processes, which then share what comes in."""

    def __init__(self, host: str, port: int) -> None:
        """Binds it. `port` 0 takes a free one. Raises BadSetting when the address cannot be had, saying which and what to do."""
        try:
            self.socket = uvicorn.Config(_nothing, host, port, log_config=None).bind_socket()
        except SystemExit as stop:
            raise BadSetting(_why(host, port, stop.__context__)) from None
        self._host = host
        self.port: int = self.socket.getsockname()[1]

    @property
    def url(self) -> str:
        """Where a client on this machine finds the service."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host)  # noqa: S104 - compared, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


async def _nothing(*_: object) -> None:
    """Stands where uvicorn wants an app in order to bind."""


def _why(host: str, port: int, cause: BaseException | None) -> str:
    if isinstance(cause, OSError) and cause.errno == errno.EADDRINUSE:
        return (
            f"Port {port} of {host} is in use by another program; choose another with --port, e.g. --port {port % 65535 + 1}."
        )
    reason = cause.strerror if isinstance(cause, OSError) else "unknown reason"
    return f"Cannot listen on port {port} of {host}: {reason}; choose others with --host and --port."


def serve(app: ASGIApp, listener: Listener, on_started: Callable[[], None]) -> None:
    """Serves until SIGTERM or SIGINT, then finishes the requests under way. Calls `on_started` once connections are taken.

    uvicorn raises the signal again at its end: the program's own handler decides what that means.
    """
    config = uvicorn.Config(
        app,
        http="httptools",
        loop="uvloop",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    _Server(config, on_started).run(sockets=[listener.socket])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started:
            self._on_started()
