"""The network of `network.py` on a port, as docs/reference/switch.md has it: frames of a 4-byte length, PING, ACK, NAK, texts."""

import asyncio
import contextlib
import struct
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from tests.faults.network import IN_SERVICE, OUT_OF_SERVICE, Network

_LENGTH = struct.Struct(">I")


class _Connection(asyncio.Protocol):
    """One sender's connection."""

    def __init__(self, line: "Line") -> None:
        self._line = line
        self._bytes = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._line.connections.append(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the event loop's signature
        """Called by the event loop."""
        self._transport = None
        self._line.connections.remove(self)

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        self._bytes += data
        for payload in self._payloads():
            if self._transport is None or self._transport.is_closing():
                return  # what came behind a cut never arrived
            if payload == "PING":
                self.say("PONG")
            else:
                self._answer(payload)

    def _payloads(self) -> Iterator[str]:
        while len(self._bytes) >= 4:
            (length,) = _LENGTH.unpack_from(self._bytes)
            if len(self._bytes) < 4 + length:
                return
            payload = self._bytes[4 : 4 + length].decode()
            del self._bytes[: 4 + length]
            yield payload

    def _answer(self, payload: str) -> None:
        answer = self._line.network.receive(payload)
        control = payload.partition("\r\n")[0].split(".")[3].removeprefix("*")
        self._line.came.setdefault(control, time.monotonic())
        match answer.ending:
            case "ack":
                self.say(f"ACK {control}")
            case "nak":
                self.say(f"NAK {control} TRY LATER")
            case "late":
                asyncio.get_running_loop().call_later(self._line.late, self.say, f"ACK {control}")
            case "wrong":
                self.say("ACK LN99999999")
            case "garbage":
                self.write(b"\xff\xfe no frame at all")
            case "cut":
                self.cut()
            case "silence":
                pass
        if answer.text is not None:
            for _ in range(2):  # the link has no receipt for texts, so a careful network repeats them
                self.say(answer.text)

    def say(self, payload: str) -> None:
        """Sends one frame."""
        data = payload.encode()
        self.write(_LENGTH.pack(len(data)) + data)

    def write(self, data: bytes) -> None:
        """Sends bytes, if it is still there."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def cut(self) -> None:
        """Ends it at once."""
        if self._transport is not None:
            self._transport.abort()


class Line:
    """`async with Line(network) as line:` listens on `line.address`. `late`: seconds until a late ACK leaves."""

    def __init__(self, network: Network, late: float = 1.0, host: str = "127.0.0.1") -> None:
        self.network = network
        self.late = late
        self.connections: list[_Connection] = []
        self.came: dict[str, float] = {}
        """When each message came first, by the monotonic clock."""
        self._host = host
        self._port = 0
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"{self._host}:{self._port}"

    async def open(self) -> None:
        """Takes connections, on the port it had before."""
        self._server = await asyncio.get_running_loop().create_server(lambda: _Connection(self), self._host, self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Takes none any more, and cuts those there are."""
        if self._server is not None:
            self._server.close()
            self.cut()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._server.wait_closed(), 1.0)

    def cut(self) -> None:
        """Cuts every connection."""
        for connection in list(self.connections):
            connection.cut()

    def set_service(self, *, up: bool) -> None:
        """The network goes out of service, or is back, and says so on every connection."""
        self.network.in_service = up
        for connection in self.connections:
            connection.say(self.network.text("SM", IN_SERVICE if up else OUT_OF_SERVICE))
