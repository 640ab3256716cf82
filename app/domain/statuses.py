"""The status of a message, and how it may change: `MOVES` is the law, and the tests hold every history to it.

A status tells what LENS knows, never what it hopes: the network gives no delivery receipt, so `sent` means that the network
took the message, and `presumed_delivered` that it did not complain in time.
"""

from enum import StrEnum
from types import MappingProxyType
from typing import Annotated

import msgspec


class Status(StrEnum):
    """What is known of a message. The words are the contract's."""

    HELD = "held"
    """A person must lift it first; not a byte was sent."""
    QUEUED = "queued"
    """Waits for its turn in its lane: never sent, or its last try failed."""
    SENDING = "sending"
    """A try has begun and its outcome is not known yet; found so by a new owner of the lane, it may be out already."""
    SENT = "sent"
    """The network took responsibility for it."""
    PRESUMED_DELIVERED = "presumed_delivered"
    """No ER or SM came in the window: a presumption only, which a late one still overturns."""
    HELD_BY_NETWORK = "held_by_network"
    """SM .02.: the state is out of service and the network itself will forward it; never sent again."""
    WAITING_FOR_STATE = "waiting_for_state"
    """SM .04.: the state is out of service and the network threw it away; sent again when the state is back."""
    REJECTED = "rejected"
    """ER or SM .01.: the network will not deliver it; a person decides."""
    DEAD = "dead"
    """Its tries are used up; a person decides."""
    CANCELLED = "cancelled"
    """Overtaken by a correction or cancellation before the network took it; never sent again."""
    SUPPRESSED = "suppressed"
    """Stored by a backfill; never sent."""


StatusWord = Annotated[str, msgspec.Meta(extra_json_schema={"enum": [each.value for each in Status]})]
"""A status as callers see it."""

_WORD_FROM_NETWORK = frozenset({Status.REJECTED, Status.HELD_BY_NETWORK, Status.WAITING_FOR_STATE})

MOVES: MappingProxyType[Status, frozenset[Status]] = MappingProxyType(
    {
        Status.HELD: frozenset({Status.QUEUED, Status.CANCELLED}),
        # A queued message may have been tried before, so word of that try may come now.
        Status.QUEUED: _WORD_FROM_NETWORK | {Status.SENDING, Status.CANCELLED},
        # Word from the network may come before the ACK.
        Status.SENDING: _WORD_FROM_NETWORK | {Status.SENT, Status.QUEUED, Status.DEAD},
        Status.SENT: _WORD_FROM_NETWORK | {Status.PRESUMED_DELIVERED},
        Status.PRESUMED_DELIVERED: _WORD_FROM_NETWORK,
        # The network has it: whatever comes, it is not sent again, unless a person looks at a refusal and requeues it.
        Status.HELD_BY_NETWORK: frozenset({Status.REJECTED}),
        Status.WAITING_FOR_STATE: frozenset(
            {Status.SENDING, Status.QUEUED, Status.HELD_BY_NETWORK, Status.REJECTED, Status.CANCELLED}
        ),
        Status.REJECTED: frozenset({Status.QUEUED, Status.CANCELLED}),
        # Its last try may have arrived after all; that the state is out is no reason to take it from the person who has it.
        Status.DEAD: frozenset({Status.QUEUED, Status.REJECTED, Status.HELD_BY_NETWORK, Status.CANCELLED}),
        Status.CANCELLED: frozenset(),
        Status.SUPPRESSED: frozenset(),
    }
)
"""From each status, those that may follow it."""

READY = frozenset({Status.QUEUED, Status.SENDING, Status.WAITING_FOR_STATE})
"""The dispatcher is to send these, each when its lane is due. `message.ready` says the same, for the index."""

AT_REST = frozenset(
    {
        Status.PRESUMED_DELIVERED,
        Status.HELD_BY_NETWORK,
        Status.REJECTED,
        Status.DEAD,
        Status.CANCELLED,
        Status.SUPPRESSED,
    }
)
"""In these a message stays until somebody, or the network, says something more. The audit trail covers its history from then on."""


def may_become(old: str, new: str) -> bool:
    """Whether a message in status `old` may get status `new`.

    >>> may_become("sending", "rejected"), may_become("held_by_network", "queued")
    (True, False)
    """
    return Status(new) in MOVES[Status(old)]
