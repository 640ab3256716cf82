"""One connection that the simulated switch has taken."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from app.dispatch.channels.frames import BadFrame, Decoder, frame


@dataclass(frozen=True, slots=True)
class Events:
    """Whom a line tells of what: it was made, is gone, bytes came (true: cut them off), a payload came, no frame came."""

    opened: Callable[["Line"], None]
    closed: Callable[["Line"], None]
    cut_while_reading: Callable[[], bool]
    heard: Callable[["Line", str], None]
    noise: Callable[["Line"], None]


class Line(asyncio.Protocol):
    """The far end of a sender's connection: frames in, frames out, and ways to do it wrong."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._decoder = Decoder()
        self._transport: asyncio.Transport | None = None
        self._open = False
        self._held: list[str] = []
        self.muted = False

    def say(self, payload: str) -> bool:
        """Sends a payload; whether the line was there to take it."""
        return self.say_bytes(frame(payload.encode()))

    def say_bytes(self, data: bytes) -> bool:
        """Sends bytes that need be no frame; whether the line was there to take them."""
        if self._transport is None or not self._open or self.muted:
            return False
        self._transport.write(data)
        return True

    def say_later(self, payload: str, seconds: float) -> None:
        """Sends a payload after a time; with others waiting so, last first."""
        if not self._held:
            asyncio.get_running_loop().call_later(seconds, self._release)
        self._held.append(payload)

    def cut_inside(self, payload: str) -> None:
        """Sends half the frame of a payload and closes."""
        data = frame(payload.encode())
        self.say_bytes(data[: len(data) // 2])
        self.close()

    def close(self) -> None:
        """Closes once what was said is on its way; nothing more is heard."""
        self._open = False
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Closes at once."""
        self._open = False
        if self._transport is not None:
            self._transport.abort()

    def mute(self, *, muted: bool) -> None:
        """Stops reading and answering, or starts again."""
        if self._transport is not None and self._open and muted != self.muted:
            self.muted = muted
            # Not at once: before Python 3.11.4 a loop that has just made a connection begins to read after `connection_made`,
            # whatever was said there.
            asyncio.get_running_loop().call_soon(self._read_or_not)

    def _read_or_not(self) -> None:
        if self._transport is not None and self._open:
            (self._transport.pause_reading if self.muted else self._transport.resume_reading)()

    def _release(self) -> None:
        held, self._held = self._held, []
        for payload in reversed(held):
            self.say(payload)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport, self._open = cast(asyncio.Transport, transport), True  # uvloop's is no subclass
        self._events.opened(self)

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        if data != frame(b"PING") and self._events.cut_while_reading():
            self.abort()
        try:
            for payload in self._decoder.feed(data):
                if not self._open:
                    return  # what came behind the cut was never received
                self._events.heard(self, payload)
        except BadFrame:
            self._events.noise(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the event loop's signature
        """Called by the event loop."""
        self._open, self._transport = False, None
        self._events.closed(self)


class Lines:
    """The open lines, oldest first, and what could not be said for want of one."""

    def __init__(self) -> None:
        self._open: list[Line] = []
        self._unsaid: list[str] = []
        self._muted = False

    def __len__(self) -> int:
        return len(self._open)

    def add(self, line: Line) -> None:
        """A line more: it is told at once what could not be said before."""
        self._open.append(line)
        if self._muted:
            line.mute(muted=True)
        unsaid, self._unsaid = self._unsaid, []
        for text in unsaid:
            self.tell(text, line)

    def remove(self, line: Line) -> None:
        """A line less."""
        self._open.remove(line)

    def tell(self, text: str, line: Line | None = None) -> None:
        """Says a text over `line`, else over the newest other, else over the next to come."""
        if not any(one.say(text) for one in ([] if line is None else [line]) + self._open[::-1]):
            self._unsaid.append(text)

    def tell_all(self, text: str) -> None:
        """Says a text over every line, or over the next to come."""
        if not [line for line in self._open if line.say(text)]:
            self._unsaid.append(text)

    def mute(self, *, muted: bool) -> None:
        """Mutes every line, those to come too, or none."""
        self._muted = muted
        for line in self._open:
            line.mute(muted=muted)

    def cut_all(self, payload: str) -> int:
        """Cuts every line inside the frame of a payload; how many."""
        for line in self._open:
            line.cut_inside(payload)
        return len(self._open)

    def abort_all(self) -> None:
        """Closes every line at once."""
        for line in self._open:
            line.abort()
