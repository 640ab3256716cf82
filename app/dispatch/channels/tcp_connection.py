"""One connection to the switch: messages out, ACK, NAK, PONG and texts in, until it is lost. It is never used again."""

import asyncio
import os
import re
import secrets
import ssl
from collections.abc import Sequence
from typing import cast

import structlog

from app.dispatch.channel import Outgoing, Receipt
from app.dispatch.channels.frames import BadFrame, Decoder, frame
from app.dispatch.channels.tcp_arrivals import Arrivals, arrival

_log = structlog.get_logger(__name__)

_ANSWER = re.compile(r"(ACK|NAK) ([A-Z0-9]{1,10})(?: ([^\r\n]*))?\s*", re.DOTALL)
_TEXT = re.compile(r"[\s\x00-\x1f\x7f\ufeff]*(?:<|[A-Z]{2,5}\.)|.*\bTXT\b", re.DOTALL)
"""A text from the network: XML, or legacy output form, with stray control characters and the control field before the header."""

_UNSENT_BYTES = 64 * 1024
"""Bytes that may wait in this process for the network; while more do, further messages wait and count as unsent."""

_REASON_LIMIT = 80
"""Characters kept of a NAK's reason: words of the far side, which end up in the message's history."""


REFUSED = "refused for now by the switch"
_TAKEN = Receipt("taken", "acknowledged by the switch")


class _Batch:
    """Messages written together, and the receipts they have so far."""

    __slots__ = ("done", "left", "receipts")

    def __init__(self, size: int, done: asyncio.Future[None]) -> None:
        self.receipts: list[Receipt | None] = [None] * size
        self.left = size
        self.done = done

    def settle(self, place: int, receipt: Receipt) -> None:
        if self.receipts[place] is None:
            self.receipts[place] = receipt
            self.left -= 1
            if not self.left and not self.done.done():
                self.done.set_result(None)


class Connection(asyncio.Protocol):
    """The protocol of one connection; `lost` gives, in words, why it ended."""

    def __init__(self, arrivals: Arrivals, ping_every: float) -> None:
        """`ping_every` is in seconds: after so long a silence a PING is sent, and after as long again the link is given up."""
        self._loop = asyncio.get_running_loop()
        self._arrivals = arrivals
        self._ping_every = ping_every
        self._transport: asyncio.Transport | None = None
        self._decoder = Decoder()
        self._under_way: dict[str, tuple[_Batch, int]] = {}
        self._writable = asyncio.Event()
        self.cause = ""
        """Why it ended, in words; empty while it is up."""
        self._name = secrets.token_hex(8)
        self._texts = 0
        self._heard = False
        self._pinged = False
        self._reading = True
        self._tick_handle: asyncio.TimerHandle | None = None
        self.proved: asyncio.Future[None] = self._loop.create_future()
        """Done once the far side has said a word of the protocol."""
        self.lost: asyncio.Future[str] = self._loop.create_future()

    async def send(self, messages: Sequence[Outgoing], ack_timeout: float) -> list[Receipt]:
        """Writes messages in order and waits for their ACKs, at most `ack_timeout` seconds in all."""
        deadline = self._loop.time() + ack_timeout
        batch = _Batch(len(messages), self._loop.create_future())
        frames = [self._frame(batch, place, message) for place, message in enumerate(messages)]
        try:
            async with asyncio.timeout_at(deadline):
                await self._writable.wait()
        except TimeoutError:
            return self._rest(batch, Receipt("unsent", f"the switch took no bytes for {ack_timeout:g} s"))
        if self.cause or self._transport is None or self._transport.is_closing():
            return self._rest(batch, Receipt("unsent", self.cause or "the connection to the switch was lost"))
        for place, message in enumerate(messages):
            if batch.receipts[place] is None:
                if message.message_id in self._under_way:
                    self._settle(message.message_id, Receipt("unknown", "sent again before its ACK had come"))
                self._under_way[message.message_id] = (batch, place)
        self._transport.write(b"".join(frames))
        return await self._await_receipts(batch, messages, deadline, ack_timeout)

    async def _await_receipts(
        self, batch: _Batch, messages: Sequence[Outgoing], deadline: float, ack_timeout: float
    ) -> list[Receipt]:
        try:
            if batch.left:
                async with asyncio.timeout_at(deadline):
                    await batch.done
        except TimeoutError:
            pass  # said in the receipts
        finally:
            for message in messages:
                if self._under_way.get(message.message_id, (None, 0))[0] is batch:
                    del self._under_way[message.message_id]
        return self._rest(batch, Receipt("unknown", f"no ACK within {ack_timeout:g} s"))

    def end(self, cause: str) -> None:
        """Ends the connection at once; `cause` in words."""
        self.cause = self.cause or cause
        if self._transport is not None:
            self._transport.abort()

    async def let_go(self, cause: str) -> None:
        """Ends the connection once nothing is under way on it; `cause`, in words, is told to those who would send meanwhile."""
        self.cause = self.cause or cause
        if self._under_way:
            await asyncio.wait({batch.done for batch, _ in self._under_way.values()})
        self.end(cause)

    def resume_reading(self) -> None:
        """Reads on, after the queue of arrivals was full."""
        if not self._reading and self._transport is not None and not self._transport.is_closing():
            self._reading = True
            self._transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop: asks for a sign of life at once."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self._transport.set_write_buffer_limits(high=_UNSENT_BYTES)
        self._writable.set()
        self._ping()

    def data_received(self, data: bytes) -> None:
        """Called by the event loop: takes what came, frame by frame."""
        self._heard = True
        try:
            for payload in self._decoder.feed(data):
                self._take(payload)
        except BadFrame as fault:
            _log.warning("switch_sent_garbage", what=fault.detail)
            self.end(f"the switch sent garbage: {fault.detail}")
        if self._arrivals.full and self._reading and self._transport is not None and not self._transport.is_closing():
            self._reading = False
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        """Called by the event loop: too many bytes wait for the network."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Called by the event loop: the network takes bytes again."""
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop: what was written and not acknowledged is `unknown`, and who waited to write goes on."""
        if not self.cause:
            self.cause = f"the connection broke: {words_of(exc)}" if exc is not None else "the switch ended the connection"
            self.cause += " inside a frame" if self._decoder.inside_frame else ""
        if self._tick_handle is not None:
            self._tick_handle.cancel()
        self._transport = None
        for control in list(self._under_way):
            self._settle(control, Receipt("unknown", f"no ACK: {self.cause}"))
        self._writable.set()
        if not self.lost.done():
            self.lost.set_result(self.cause)

    def _take(self, payload: str) -> None:
        if payload.startswith("ACK ") and payload[4:] in self._under_way:  # nearly all that ever comes, so it is quick
            self._proven()
            self._settle(payload[4:], _TAKEN)
            return
        answer = _ANSWER.fullmatch(payload)
        if answer is not None:
            self._proven()
            self._take_answer(answer[1], answer[2], answer[3] or "")
        elif payload.strip() == "PONG":
            self._proven()
        else:
            self._texts += 1
            self._arrivals.put(arrival(payload, f"{self._name}:{self._texts}"))
            if not _TEXT.match(payload):
                raise BadFrame(f"a payload of {len(payload)} characters is no ACK, NAK, PONG, ER, SM or AM")
            self._proven()

    def _proven(self) -> None:
        if not self.proved.done():
            self.proved.set_result(None)

    def _take_answer(self, word: str, control: str, reason: str) -> None:
        if control not in self._under_way:
            # Harmless: what is no longer waited for is sent again under its number, and the far side drops the second.
            _log.info("late_answer", answer=word)
        elif word == "ACK":
            self._settle(control, _TAKEN)
        else:
            told = "".join(c for c in reason if c.isprintable())[:_REASON_LIMIT].strip()
            self._settle(control, Receipt("later", f"{REFUSED}: {told or 'no reason given'}", REFUSED))

    def _settle(self, control: str, receipt: Receipt) -> None:
        batch, place = self._under_way.pop(control, (None, 0))
        if batch is not None:
            batch.settle(place, receipt)

    @staticmethod
    def _rest(batch: _Batch, receipt: Receipt) -> list[Receipt]:
        return [found if found is not None else receipt for found in batch.receipts]

    @staticmethod
    def _frame(batch: _Batch, place: int, message: Outgoing) -> bytes:
        try:
            return frame(message.payload)
        except BadFrame as fault:
            batch.settle(place, Receipt("unsent", fault.detail))
            return b""

    def _ping(self) -> None:
        """Sends a PING and looks again after `ping_every` seconds."""
        if self._transport is not None:
            self._transport.write(frame(b"PING"))
        self._heard, self._pinged = False, True
        self._tick_handle = self._loop.call_later(self._ping_every, self._tick)

    def _tick(self) -> None:
        if self._heard or not self._reading:
            self._heard, self._pinged = False, False
            self._tick_handle = self._loop.call_later(self._ping_every, self._tick)
        elif self._pinged:
            self.end(f"no answer to a PING within {self._ping_every:g} s")
        else:
            self._ping()


def words_of(error: BaseException) -> str:
    """What a failed connection says, in words; never what was sent over it."""
    if isinstance(error, ssl.SSLError):
        return f"TLS: {getattr(error, 'verify_message', None) or error.reason or error.strerror}"
    if isinstance(error, TimeoutError) and error.errno is None:
        return "no answer in time"
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return getattr(error, "strerror", None) or type(error).__name__
