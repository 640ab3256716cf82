"""The link to the network, as the dispatcher sees it: one protocol, implemented in `dispatch/channels/`."""

import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, NamedTuple, Protocol


class Outgoing(NamedTuple):
    """A message to put on the wire. `payload` is its bytes exactly (legacy: CR LF line ends)."""

    message_id: str
    format: Literal["legacy", "niem"]
    payload: bytes


class Receipt(NamedTuple):
    """What became of one sending.

    `taken`: the far side has taken responsibility. `later`: it has refused for now. `unknown`: no word came, or the link
    broke after bytes left, so the far side may have it. `unsent`: no byte of it left. `cause` is in words; where it quotes the far side, `logged` has our
    own words alone, for the log.
    """

    fate: Literal["taken", "later", "unknown", "unsent"]
    cause: str
    logged: str | None = None


class Arrival(NamedTuple):
    """A text from the network. `source` names the arrival: the same source is taken once only.

    Where it names the words alone, which the network may say again or may mean again, `occurrence` names this one saying of them,
    and `stamped` tells whether they have a stamp of the network's, as only words that are said again have twice.
    """

    source: str
    text: str
    occurrence: str | None = None
    stamped: bool = True


Arrived = Callable[[Arrival], Awaitable[Literal["matched", "unmatched"]]]
"""Stores an arrival; returns only once it is stored, so a channel may then let go of it. Called for one arrival at a time, in
the order they came. Whatever it raises, the channel keeps the arrival and hands it over again, with the same source."""


class Channel(Protocol):
    """A link to the network. One task calls `run`; any number may call `send` meanwhile."""

    name: str

    async def run(self, arrived: Arrived) -> None:
        """Keeps the link up and hands arrivals over, until cancelled."""

    async def send(self, messages: Sequence[Outgoing]) -> Sequence[Receipt]:
        """Sends messages in the order given, a receipt each; waits at most the channel's ACK time-out. Never raises for a broken link.

        After one that is `unsent` for want of the link, all behind it in the same call are: none overtakes it.
        """

    async def lying(self) -> Sequence[str]:
        """Messages that are `taken` and still lie where the far side is to take them from. Raises OSError when nobody knows."""

    def problem(self) -> str | None:
        """Why nothing can be sent at this moment, in words, or None when the link is up."""


def is_loopback(host: str) -> bool:
    """Whether a host, by its address or as `localhost`, is this machine itself, so that nothing leaves it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
