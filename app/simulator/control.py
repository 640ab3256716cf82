"""The simulated switch seen and steered over HTTP, on loopback only: what lies in inboxes, faults, outages, texts to us."""

import asyncio
import contextlib
import dataclasses
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.dispatch.channels.frames import LIMIT
from app.simulator.exchange import Delivered
from app.simulator.script import NetworkChange, ScriptedFault, StateChange
from app.simulator.switch import Switch

_LOOPBACK = "127.0.0.1"
_T = TypeVar("_T")


class _Down(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    down: str | None


class _Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: str

    def __post_init__(self) -> None:
        if not 0 < len(self.text.encode()) <= LIMIT:
            raise ValueError(f"text is 1 to {LIMIT} bytes of UTF-8")


def control_app(switch: Switch) -> Starlette:
    """The HTTP application over a running switch. Bodies and answers are JSON; a wrong body is a 422 that says what is wrong."""
    return Starlette(
        routes=[
            Route("/counts", _reads(lambda _: dataclasses.asdict(switch.counts))),
            Route("/inboxes", _reads(lambda _: {ori: len(inbox) for ori, inbox in sorted(switch.inboxes().items())})),
            Route(
                "/inboxes/{ori}", _reads(lambda request: [_as_json(one) for one in switch.inbox(request.path_params["ori"])])
            ),
            Route("/faults", _does(ScriptedFault, lambda _, fault: switch.add_fault(fault)), methods=["POST"]),
            Route("/faults", _clears(switch), methods=["DELETE"]),
            Route("/states/{code}", _does(_Down, lambda request, body: _set_state(switch, request, body)), methods=["POST"]),
            Route(
                "/network",
                _does(NetworkChange, lambda _, body: switch.set_network(service=body.service, until=body.until)),
                methods=["POST"],
            ),
            Route("/inject", _does(_Text, lambda _, body: switch.inject(body.text)), methods=["POST"]),
        ],
        # A page of the web must not reach this through a name it makes point here.
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[_LOOPBACK, "localhost"])],
    )


def control_socket(port: int) -> socket.socket:
    """A listening socket on loopback; port 0 takes any free one. Raises OSError."""
    return socket.create_server((_LOOPBACK, port))


async def serve_control(switch: Switch, listening: socket.socket) -> None:
    """Serves `control_app` on a listening socket until cancelled."""
    server = _ControlServer(uvicorn.Config(control_app(switch), log_config=None, access_log=False, lifespan="off"))
    serving = asyncio.create_task(server.serve([listening]), name="switch-control-http")
    try:
        await asyncio.shield(serving)
    finally:
        server.should_exit = True
        await asyncio.gather(serving, return_exceptions=True)


class _ControlServer(uvicorn.Server):
    """A server that leaves the process's signals to whoever runs the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Captures none."""
        yield


def _reads(answer: Callable[[Request], object]) -> Callable[[Request], Awaitable[JSONResponse]]:
    async def endpoint(request: Request) -> JSONResponse:
        return JSONResponse(answer(request))

    return endpoint


def _does(shape: type[_T], deed: Callable[[Request, _T], None]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            deed(request, msgspec.json.decode(await request.body(), type=shape))
        except (msgspec.DecodeError, ValueError) as fault:
            return JSONResponse({"detail": str(fault)}, status_code=422)
        return Response(status_code=204)

    return endpoint


def _clears(switch: Switch) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(_: Request) -> Response:
        switch.clear_faults()
        return Response(status_code=204)

    return endpoint


def _set_state(switch: Switch, request: Request, body: _Down) -> None:
    change = msgspec.convert({"code": request.path_params["code"], "down": body.down}, StateChange)
    switch.set_state(change.code, change.down)


def _as_json(one: Delivered) -> dict[str, object]:
    return {"message_id": one.message_id, "order": one.order, "text": one.text}
