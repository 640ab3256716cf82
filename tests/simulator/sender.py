"""A sender of messages that knows nothing of LENS, for tests of the simulated switch."""

import asyncio
from collections.abc import Awaitable, Callable

from app.dispatch.channels.frames import Decoder, frame
from app.simulator.switch import Switch


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    """Runs a scenario for 20 seconds at the most."""

    async def bounded() -> None:
        async with asyncio.timeout(20):
            await scenario()

    asyncio.run(bounded())


class Sender:
    """A sender that knows nothing of LENS: frames out, frames in."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._decoder = Decoder()
        self._heard: list[str] = []

    @classmethod
    async def to(cls, switch: Switch) -> "Sender":
        """Connects."""
        host, _, port = switch.address.rpartition(":")
        return cls(*await asyncio.open_connection(host, int(port)))

    def send(self, *payloads: str) -> None:
        """Sends payloads at once."""
        self._writer.write(b"".join(frame(payload.encode()) for payload in payloads))

    async def hear(self) -> str | None:
        """The next payload, or None when the switch has ended the connection, whole or inside a frame."""
        while not self._heard:
            try:
                data = await self._reader.read(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self._heard += self._decoder.feed(data)
        return self._heard.pop(0)

    async def hang_up(self) -> None:
        """Ends the connection."""
        self._writer.close()
        await asyncio.gather(self._writer.wait_closed(), return_exceptions=True)


def am(number: int, ori: str = "TXSIR0000") -> str:
    """An invented legacy message."""
    return f"AM.VTINS07S0.{ori}.*LN{number:08d}.TXT\r\nLENS LN{number:08d}\r\n"
