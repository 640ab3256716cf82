"""What the simulated switch does with a message that comes over a line: rightly, or as a fault in force has it."""

import asyncio
from collections.abc import Callable, Sequence

from app.simulator.exchange import Delivered, Exchange
from app.simulator.incoming import BadMessage, Incoming, is_message, read_message
from app.simulator.line import Line, Lines
from app.simulator.misbehaviour import Misbehaviour
from app.simulator.script import ScriptedFault
from app.simulator.setup import Setup
from app.simulator.texts import NetworkText, as_legacy, as_niem, error

_NOBODYS = "LN99999999"
"""A control number nobody sends, for a wrong ACK."""

_REVERSED_OVER = 0.05
"""Seconds of ACKs sent last first, where the fault names none."""


class Reception:
    """Answers payloads. A message lies in its inbox before it is acknowledged; what is said about it comes after its ACK."""

    def __init__(self, setup: Setup, changed: Callable[[], None]) -> None:
        """`changed` is called after something has happened later than its cause."""
        self.exchange = Exchange(setup.oris)
        self.lines = Lines()
        self.faults = Misbehaviour()
        self._setup = setup
        self._changed = changed
        self._counts = self.exchange.counts
        self._timers: set[asyncio.TimerHandle] = set()
        self._said = setup.said

    def heard(self, line: Line, payload: str) -> None:
        """Answers a whole payload; one that the protocol does not know ends the connection."""
        if payload == "PING":
            self._counts.pings += 1
            line.say("PONG")
        elif not is_message(payload):
            self._counts.garbage += 1
            line.abort()
        else:
            try:
                message = read_message(payload)
            except BadMessage as fault:
                self._refuse(line, payload, fault)
            else:
                self._message(line, message)

    def formed(self, text: NetworkText) -> str:
        """A text in the form this switch uses, with its time and number."""
        self._said += 1
        if self._setup.niem:
            return as_niem(text)
        return as_legacy(text, self._setup.clock(), self._said, self._setup.style)

    def show(self, delivered: Sequence[Delivered]) -> None:
        """Makes what is new in inboxes seen outside."""
        for one in delivered:
            if self._setup.inbox_dir is not None:
                folder = self._setup.inbox_dir / one.ori
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                suffix = "am" if one.format == "legacy" else "xml"
                (folder / f"{one.message_id}.{suffix}").write_bytes(one.payload.encode())
            if self._setup.on_arrival is not None:
                self._setup.on_arrival(one)

    def later(self, seconds: float, deed: Callable[[], None]) -> None:
        """Does something after a time."""

        def happen() -> None:
            self._timers.discard(handle)
            deed()
            self._changed()

        handle = asyncio.get_running_loop().call_later(seconds, happen)
        self._timers.add(handle)

    def stop(self) -> None:
        """Forgets what was to be done later."""
        for timer in self._timers:
            timer.cancel()

    def _refuse(self, line: Line, payload: str, fault: BadMessage) -> None:
        self._counts.refused += 1
        if fault.control is not None:
            self.exchange.arrive(fault.control)
            self._ack(line, fault.control)
        self.lines.tell(self.formed(error(fault.er, payload, self._setup.us, fault.control)), line)

    def _message(self, line: Line, message: Incoming) -> None:
        self.exchange.arrive(message.control)
        if not self.exchange.in_service:
            self._nak(line, message.control, "NLETS OUT OF SERVICE")
            return
        fault = self.faults.take(message.destination)
        if fault is None:
            self._take(line, message)
        else:
            self._mishandle(line, message, fault)

    def _take(self, line: Line, message: Incoming) -> None:
        said = self._store(message)
        self._ack(line, message.control)
        self._tell(line, said)

    def _mishandle(self, line: Line, message: Incoming, fault: ScriptedFault) -> None:
        match fault.kind:
            case "lag":
                self.later(fault.seconds, lambda: self._take(line, message))
            case "nak":
                self._nak(line, message.control, fault.reason)
            case "cut_before_store":
                self._cut(line, message.control)
            case _:
                said = self._store(message)
                self._acknowledge_badly(line, message.control, fault)
                self._tell(line, said)

    def _acknowledge_badly(self, line: Line, control: str, fault: ScriptedFault) -> None:
        match fault.kind:
            case "cut_after_store":
                self._cut(line, control)
            case "late_ack":
                self.later(fault.seconds, lambda: self._ack(line, control))
            case "garbage":
                line.say_bytes(b"\xff\xfe\xfd\xfc no frame at all")
            case "wrong_ack":
                self._ack(line, _NOBODYS)
            case "double_ack":
                self._ack(line, control)
                self._ack(line, control)
            case "reverse_acks":
                line.say_later(f"ACK {control}", fault.seconds or _REVERSED_OVER)
            case _:
                pass  # no_ack: not a word

    def _store(self, message: Incoming) -> Sequence[NetworkText]:
        delivered, said = self.exchange.receive(message)
        self.show(delivered)
        return said

    def _tell(self, line: Line, said: Sequence[NetworkText]) -> None:
        for text in said:
            self.lines.tell(self.formed(text), line)

    def _ack(self, line: Line, control: str) -> None:
        self._counts.acks += line.say(f"ACK {control}")

    def _nak(self, line: Line, control: str, reason: str) -> None:
        self._counts.naks += line.say(f"NAK {control} {reason}")

    def _cut(self, line: Line, control: str) -> None:
        self._counts.cuts += 1
        line.cut_inside(f"ACK {control}")
