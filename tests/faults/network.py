"""A network of our own, made for the checker: it shares no line with the one that LENS brings along, and writes down all that comes.

Here without sockets: what it makes of a message that came. `line.py` has it on a port, `simulated.py` in a simulation.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Literal, NamedTuple

from tests.faults.records import HOLDS, Arrival, Fate

Ending = Literal["ack", "nak", "silence", "late", "cut", "garbage", "wrong"]
"""What the sender gets: ACK, NAK, nothing, an ACK after its patience, a cut connection, bytes that are no frame, another's ACK."""

Deed = Literal["take", "swallow", "late", "nak", "lose", "cut_after", "garbage", "wrong_ack", "er", "sm01", "sm02", "sm04"]

_DEEDS: Mapping[Deed, tuple[Fate, Ending, str]] = {
    "take": ("kept", "ack", ""),
    "swallow": ("kept", "silence", ""),
    "late": ("kept", "late", ""),
    "nak": ("refused", "nak", ""),
    "lose": ("lost", "cut", ""),
    "cut_after": ("kept", "cut", ""),
    "garbage": ("kept", "garbage", ""),
    "wrong_ack": ("kept", "wrong", ""),
    "er": ("rejected", "ack", ".19. INVALID DESTINATION ORI"),
    "sm01": ("rejected", "ack", ".01. WILL NOT FORWARD"),
    "sm02": ("will_forward", "ack", ".02. OUT OF SERVICE - NLETS WILL FORWARD"),
    "sm04": ("thrown_away", "ack", ".04. OUT OF SERVICE - NLETS WILL NOT FORWARD"),
}
ODDS: Mapping[Deed, float] = {
    "swallow": 0.05, "late": 0.03, "nak": 0.06, "lose": 0.04, "cut_after": 0.03, "garbage": 0.02, "wrong_ack": 0.02,
    "er": 0.01, "sm01": 0.01, "sm02": 0.02, "sm04": 0.03,
}  # fmt: skip
"""How often each deed happens in a bad hour; the rest is `take`."""

OUT_OF_SERVICE, IN_SERVICE = "NLETS TEMPORARILY OUT OF SERVICE UNTIL 1200", "NLETS IN SERVICE"

_SERIAL = re.compile(r" 11/23/2026 ([0-9]{6})")


class Answer(NamedTuple):
    """What goes back for a message, and a text about it that follows."""

    ending: Ending
    text: str | None = None


@dataclass(slots=True)
class Network:
    """Keeps one copy of each message by its number and knows of every further one. Deterministic by `rng`.

    `odds`: how often each deed but `take` happens, of one; `down`: states out of service (their two letters), with what happens.
    """

    rng: Random
    odds: dict[Deed, float] = field(default_factory=dict)
    down: dict[str, Deed] = field(default_factory=dict)
    arrivals: list[Arrival] = field(default_factory=list)
    in_service: bool = True
    _kept: set[str] = field(default_factory=set)
    _said: dict[str, str] = field(default_factory=dict)

    def receive(self, payload: str) -> Answer:
        """A message came whole. Raises ValueError where it is none."""
        words = payload.replace("\r\n", "\n")
        head, _, _ = words.partition("\n")
        _, _, ori, control, mark = head.split(".")
        name = control.removeprefix("*")
        if mark != "TXT":
            raise ValueError("no message")
        deed = self._deed(name, ori[:2])
        fate, ending, said = _DEEDS[deed]
        if fate in HOLDS:
            self._kept.add(name)
        self.arrivals.append(Arrival(name, ori, words, fate, acked=ending in {"ack", "late"}))
        kind: Literal["ER", "SM"] = "ER" if deed == "er" else "SM"
        return Answer(ending, self.text(kind, f"{said}\n{payload[:100]}", name) if said else None)

    def _deed(self, name: str, state: str) -> Deed:
        if not self.in_service:
            return "nak"
        deed: Deed = "take"
        chance = self.rng.random()
        for each, share in self.odds.items():
            chance -= share
            if chance < 0:
                deed = each
                break
        if name in self._kept:  # it has it already, and drops this copy: nothing more is said of it
            return deed if _DEEDS[deed][0] == "kept" else "take"
        return self.down.get(state, deed) if deed == "take" else deed

    def text(self, kind: Literal["ER", "SM", "AM"], body: str, control: str = "") -> str:
        """A text of the network in its legacy form."""
        serial = f"{len(self._said) + 1:06d}"
        self._said[serial] = control
        stamp = f"12:00 11/23/2026 {serial}"
        named = f"*{control}\r\n" if control else ""
        return f"{kind}.NL0000000\r\n{stamp}\r\n{stamp} VTINS07S0\r\n{named}TXT\r\n{body}\r\n"

    def unheard(self, stored: Iterable[str]) -> set[str]:
        """The messages about which a text of ours is not among these, stored.

        The tcp link has no receipt for texts, so one is lost when it was on its way as a connection or a program ended.
        """
        heard = set(_serials(stored))
        return {control for serial, control in self._said.items() if serial not in heard}

    def believed_again(self, stored: Iterable[str]) -> set[str]:
        """The messages about which a text of ours is stored more than once; "" stands for a text that is about none.

        We say each text about a message twice. Where that was tried again in between, the second counts as a new one.
        """
        return {self._said[serial] for serial, times in Counter(_serials(stored)).items() if times > 1}

    def said_of(self, name: str, stored: Iterable[str]) -> int:
        """How many different texts of ours about a message are stored."""
        return sum(self._said[serial] == name for serial in set(_serials(stored)))


def _serials(texts: Iterable[str]) -> Iterator[str]:
    return (match[1] for text in texts if (match := _SERIAL.search(text)))
