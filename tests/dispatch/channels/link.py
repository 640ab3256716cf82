"""Both ends of a tcp link for tests: a channel kept running, and a bare server that does exactly what a test says."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Literal, Self

from app.dispatch.channel import Arrival, Outgoing, Receipt
from app.dispatch.channels.frames import Decoder, frame
from app.dispatch.channels.tcp import TcpChannel
from app.dispatch.channels.tcp_arrivals import Arrivals

TX = "TXSIR0000"
AZ = "AZSIR0000"


def message(number: int, ori: str = TX, more: str = "") -> Outgoing:
    """An invented legacy message."""
    control = f"LN{number:08d}"
    text = f"AM.VTINS07S0.{ori}.*{control}.TXT\r\nLENS {control} ICE RELEASE NOTICE - INFORMATION ONLY\r\nNAM/TEST, INVENTED{more}\r\n"
    return Outgoing(control, "legacy", text.encode())


def fates(receipts: Sequence[Receipt]) -> list[str]:
    """What became of each."""
    return [receipt.fate for receipt in receipts]


class Store:
    """Stores arrivals in memory, only while `open_` is set; raises each of `fail` first, then gives `answer`."""

    def __init__(self, fail: Sequence[Exception] = (), answer: Literal["matched", "unmatched"] = "matched") -> None:
        self.arrivals: list[Arrival] = []
        self.tries: list[Arrival] = []
        self.open_ = asyncio.Event()
        self.open_.set()
        self.came = asyncio.Event()
        self._fail = list(fail)
        self._answer = answer

    async def __call__(self, arrival: Arrival) -> Literal["matched", "unmatched"]:
        """Stores one."""
        self.tries.append(arrival)
        await self.open_.wait()
        if self._fail:
            raise self._fail.pop(0)
        self.arrivals.append(arrival)
        self.came.set()
        return self._answer

    async def holds(self, number: int) -> None:
        """Returns once so many are stored."""
        while len(self.arrivals) < number:
            self.came.clear()
            await self.came.wait()


@asynccontextmanager
async def running(channel: TcpChannel, store: Store | None = None) -> AsyncIterator[TcpChannel]:
    """The channel with its `run` going on."""
    task = asyncio.create_task(channel.run(store or Store()))
    try:
        yield channel
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def channel_to(address: str, ack_timeout: float = 5.0, ping_every: float = 5.0, probe_after: float = 60.0) -> TcpChannel:
    """A channel that reconnects at once, and waits long for a store before it lets go of the link."""
    arrivals = Arrivals(patience=60.0)
    return TcpChannel(
        address, ack_timeout, ping_every=ping_every, probe_after=probe_after, retry=(0.01, 0.05), arrivals=arrivals
    )


async def up(channel: TcpChannel) -> None:
    """Returns once the channel is connected."""
    await until(lambda: channel.problem() is None)


async def until(holds: Callable[[], bool]) -> None:
    """Returns once something holds that tells nobody of itself."""
    while not holds():  # noqa: ASYNC110 - the channel has no event to wait for, by design
        await asyncio.sleep(0.002)


class Bare:
    """A server that answers nothing but the first PING of a connection; it keeps what came, and sends what it is told.

    `mute`: not even that. `read`: whether it reads on after the first PING.
    """

    def __init__(self, *, read: bool = True, mute: bool = False) -> None:
        self._read = read
        self._mute = mute
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self.heard: list[str] = []
        self.connections = 0
        self.came = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    @property
    def address(self) -> str:
        """host:port."""
        assert self._server is not None
        return f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        decoder = Decoder()
        self.came.set()
        if not self._mute:
            assert await reader.readexactly(8) == frame(b"PING")
            writer.write(frame(b"PONG"))
        if not self._read:
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            return
        try:
            while data := await reader.read(65536):
                self.heard += [payload for payload in decoder.feed(data) if payload != "PING"]
                self.came.set()
        except (OSError, asyncio.CancelledError):
            pass

    async def has_heard(self, number: int) -> None:
        """Returns once so many payloads but PINGs have come."""
        while len(self.heard) < number:
            self.came.clear()
            await self.came.wait()

    def say(self, *payloads: str) -> None:
        """Sends payloads over the newest connection."""
        self._writers[-1].write(b"".join(frame(payload.encode()) for payload in payloads))

    def say_bytes(self, data: bytes) -> None:
        """Sends bytes over the newest connection."""
        self._writers[-1].write(data)

    def hang_up(self) -> None:
        """Ends the newest connection."""
        self._writers[-1].close()
