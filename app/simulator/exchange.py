"""The network itself, without sockets: who exists, who is out of service, what lies in each inbox, what is said back."""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from app.simulator.incoming import Incoming
from app.simulator.texts import NetworkText, error, status

_WELL_FORMED = re.compile(r"(?!NL)[A-Z]{2}[A-Z0-9]{7}")


@dataclass(frozen=True, slots=True)
class Delivered:
    """A message in an inbox. `order` counts deliveries of the whole network from 1; `text` has LF line ends."""

    message_id: str
    order: int
    ori: str
    text: str
    format: Literal["legacy", "niem"]
    payload: str


@dataclass(slots=True)
class SwitchCounts:
    """What has happened so far. `arrivals` counts messages however often they came."""

    arrivals: int = 0
    delivered: int = 0
    duplicates: int = 0
    altered: int = 0
    refused: int = 0
    kept_for_later: int = 0
    not_forwarded: int = 0
    acks: int = 0
    naks: int = 0
    connections: int = 0
    cuts: int = 0
    garbage: int = 0
    pings: int = 0


@dataclass(slots=True)
class Exchange:
    """The state of the simulated network. `oris` maps each ORI to its state's Nlets code; None takes any well-formed ORI."""

    oris: Mapping[str, str] | None = None
    inboxes: dict[str, list[Delivered]] = field(default_factory=dict)
    counts: SwitchCounts = field(default_factory=SwitchCounts)
    arrivals: Counter[str] = field(default_factory=Counter)
    """How often each control number came."""
    in_service: bool = True
    down: dict[str, str] = field(default_factory=dict)
    """States that take nothing: Nlets code to 01 (never this kind), 02 (kept and forwarded later) or 04 (not forwarded)."""
    _digests: dict[str, bytes] = field(default_factory=dict)
    _kept: dict[str, list[Incoming]] = field(default_factory=dict)

    def state_of(self, ori: str) -> str | None:
        """The Nlets code of the state an ORI belongs to, or None when there is no such ORI."""
        if self.oris is not None:
            return self.oris.get(ori)
        return ori[:2] if _WELL_FORMED.fullmatch(ori) else None

    def arrive(self, control: str) -> None:
        """Counts a message that came, whatever becomes of it."""
        self.counts.arrivals += 1
        self.arrivals[control] += 1

    def receive(self, message: Incoming) -> tuple[Sequence[Delivered], Sequence[NetworkText]]:
        """Takes responsibility for a message: what is new in inboxes, and what is said to its sender.

        One already delivered or kept is dropped by its control number. One refused, or not forwarded, is forgotten: sent
        again under its number it is a new one.
        """
        digest = hashlib.sha256(message.payload.encode()).digest()
        if message.control in self._digests:
            self.counts.duplicates += 1
            self.counts.altered += self._digests[message.control] != digest
            return (), ()
        state = self.state_of(message.destination)
        if state is None:
            self.counts.refused += 1
            return (), (error("19", message.payload, message.origin, message.control),)
        code = self.down.get(state)
        if code is not None:
            said = status(
                code=code, sent=message.payload, destination=message.destination, to=message.origin, control=message.control
            )
            if code == "02":
                self.counts.kept_for_later += 1
                self._digests[message.control] = digest
                self._kept.setdefault(state, []).append(message)
            else:
                self.counts.not_forwarded += 1
            return (), (said,)
        self._digests[message.control] = digest
        return (self._deliver(message),), ()

    def set_state(self, code: str, down: Literal["01", "02", "04"] | None) -> Sequence[Delivered]:
        """Puts a state out of service or back; what was kept for it is delivered when it is back."""
        if down is not None:
            self.down[code] = down
            return ()
        self.down.pop(code, None)
        return [self._deliver(message) for message in self._kept.pop(code, [])]

    def _deliver(self, message: Incoming) -> Delivered:
        self.counts.delivered += 1
        text = message.payload.replace("\r\n", "\n") if message.format == "legacy" else message.payload
        delivered = Delivered(
            message_id=message.control,
            order=self.counts.delivered,
            ori=message.destination,
            text=text,
            format=message.format,
            payload=message.payload,
        )
        self.inboxes.setdefault(message.destination, []).append(delivered)
        return delivered
