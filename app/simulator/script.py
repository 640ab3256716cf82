"""What the simulated network does wrong, and when: frozen values, read from JSON.

A script is `{"steps": [...]}`. Each step has one trigger (`after_seconds` from the start, or `after_messages`: how many have
come, duplicates counted) and one deed: `fault`, `clear`, `state`, `network` or `inject`.
"""

import re
from typing import Any, Literal

import msgspec

from app.errors import LensError

MessageFault = Literal[
    "lag",  # everything about the message happens `seconds` later
    "late_ack",  # stored at once, acknowledged `seconds` later
    "no_ack",  # stored, never acknowledged
    "nak",  # refused for now, with `reason`
    "cut_before_store",  # not stored; the connection is cut inside the ACK's frame
    "cut_after_store",  # stored; the connection is cut inside the ACK's frame
    "garbage",  # stored; bytes that are no frame are sent in place of the ACK
    "wrong_ack",  # stored; another number is acknowledged
    "double_ack",  # stored, acknowledged twice
    "reverse_acks",  # stored; the ACKs of `seconds` (0: 50 ms) are sent last first
]
LinkFault = Literal[
    "cut_reading",  # the connection is cut when the next bytes come, before a whole message is read; `count` times
    "cut",  # every connection is cut now, inside a frame
    "mute",  # for `seconds`, nothing is read and nothing answered
    "refuse",  # every connection is closed, and none is taken for `seconds`
]
_TIMED = ("lag", "late_ack", "mute", "refuse")
_PREFIX = re.compile(r"[A-Z]{2}[A-Z0-9]{0,7}|")


class ScriptedFault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One thing to go wrong. `ori` is an ORI or its first letters ("" for all); `count` how many messages, None until cleared."""

    kind: MessageFault | LinkFault
    ori: str = ""
    count: int | None = None
    seconds: float = 0.0
    reason: str = "TRY AGAIN LATER"

    def __post_init__(self) -> None:
        """Raises ValueError when the parts do not fit together."""
        if not _PREFIX.fullmatch(self.ori):
            raise ValueError("ori is an ORI, its first letters (at least the state's two), or empty for all")
        if self.count is not None and self.count < 1:
            raise ValueError("count is at least 1; leave it out for: until cleared")
        if self.seconds < 0 or (self.seconds == 0 and self.kind in _TIMED):
            raise ValueError(f"{self.kind} needs seconds above 0")


class StateChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A state (Nlets code) goes out of service, or (None) is back: SM 02 keeps its messages and forwards them later, 04 does not.

    01 is no outage: the state takes no messages of this kind.
    """

    code: str
    down: Literal["01", "02", "04"] | None


class NetworkChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The network goes out of service until a time told in words, or is back."""

    service: bool
    until: str = "FURTHER NOTICE"


class ScriptStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One deed and its trigger."""

    after_seconds: float | None = None
    after_messages: int | None = None
    fault: ScriptedFault | None = None
    clear: bool = False
    state: StateChange | None = None
    network: NetworkChange | None = None
    inject: str | None = None

    def __post_init__(self) -> None:
        """Raises ValueError unless there is one trigger and one deed."""
        if (self.after_seconds is None) == (self.after_messages is None):
            raise ValueError("a step has after_seconds or after_messages, one of them")
        if (
            sum((self.fault is not None, self.clear, self.state is not None, self.network is not None, self.inject is not None))
            != 1
        ):
            raise ValueError("a step has one of fault, clear, state, network, inject")


class Script(msgspec.Struct, frozen=True):
    """Steps, each by its own trigger."""

    steps: tuple[ScriptStep, ...] = ()


class BadScript(LensError):
    """The script cannot be used."""

    code = "bad-script"


def read_script(raw: bytes) -> Script:
    """The script in a JSON document. Raises BadScript that names every faulty step."""
    try:
        document: Any = msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise BadScript(f"the script is not JSON: {error}") from None
    if not isinstance(document, dict) or set(document) != {"steps"} or not isinstance(document["steps"], list):
        raise BadScript('a script is {"steps": [...]}')
    steps, faults = [], []
    for place, raw_step in enumerate(document["steps"]):
        try:
            steps.append(msgspec.convert(raw_step, ScriptStep))
        except msgspec.ValidationError as error:
            faults.append(f"steps[{place}]: {error}")
    if faults:
        raise BadScript("\n".join(faults))
    return Script(tuple(steps))
