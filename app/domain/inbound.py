"""What a text from the network says, and what it may change: pure, from what is known of the message it is about.

`dispatch/inbound.py` reads a text; `store/desk/inbound.py` carries out what is decided here.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from app.domain.statuses import READY, Status, may_become
from app.domain.times import SECOND


class Heard(NamedTuple):
    """A text from the network, read.

    `source`, `occurrence` and `stamped` name the arrival, as the channel has it. `numbers` are the message numbers it may be about, surest
    first, each with how it was found; `oris` the destinations it names, to match by when it names no number and only one message
    to them is open. `status` is what it makes of its message (None: nothing), for `cause`, in words; `network` says that it
    stops or resumes all sending. `delay` is Micros until a message waiting for its state is tried again. `origin` is the ORI it
    came from, if it says one; `fbi_numbers` are those that it names: with them the releases of a subject are found. `within` is
    how many Micros a person has for what it asks of one, None: no limit. `only_state` is the Nlets code of a state that speaks
    for itself: of messages to others, and of a rejection, it has no say.
    """

    source: str
    kind: Literal["ER", "SM", "AM", "other"]
    text: str
    cause: str
    numbers: tuple[tuple[int, str], ...] = ()
    oris: tuple[str, ...] = ()
    status: Status | None = None
    network: Literal["pause", "resume"] | None = None
    delay: int = 0
    origin: str | None = None
    fbi_numbers: tuple[str, ...] = ()
    within: int | None = None
    occurrence: str | None = None
    stamped: bool = True
    only_state: str | None = None

    def may_change(self, ori: str, status: str) -> bool:
        """Whether its origin has a say in what becomes of a message to `ori`, which has this status now."""
        if self.status is None:
            return False
        if self.only_state is None:
            return True
        # What the network has said that it will forward is in its hands, whatever the state says.
        return ori.startswith(self.only_state) and status != Status.HELD_BY_NETWORK

    def due(self, now: int) -> int | None:
        """When a person is to be done with it. `now` is Micros."""
        return None if self.within is None else now + self.within


class Tried(NamedTuple):
    """A message that was tried at least once, to `ori`, in this status now."""

    ori: str
    status: str


class About(NamedTuple):
    """The message that a text names, None for none, and how it was found; None where its word counts for nothing there."""

    number: int | None
    found_by: str | None


NOTHING = About(None, None)


def about(heard: Heard, tried: Mapping[int, Tried], under_way: Sequence[int]) -> About:
    """Which message the network's word is about: `tried` are those it names that were tried at least once.

    `under_way` are those to the destinations it names, of which a text without a number may mean the only one.
    """
    if heard.network is not None:
        return About(None, "network")
    if heard.kind in {"AM", "other"}:
        return NOTHING
    for number, how in heard.numbers:
        if number in tried:
            return About(number, how if heard.may_change(*tried[number]) else None)
    # Where it names a message, and none that was tried, no other can be meant.
    if not heard.numbers and heard.status is not None and len(under_way) == 1:
        return About(under_way[0], "destination")
    return NOTHING


class Before(NamedTuple):
    """Words that were heard before; times are Micros.

    `first_at` is when this name of theirs was heard first, `last_at` when they were last heard about the same message under
    whatever name, None for never; `tried_at` are the times at which a try of that message began.
    """

    about: About
    first_at: int
    last_at: int | None
    tried_at: Sequence[int]


def meant_again(heard: Heard, before: Before, now: int) -> bool:
    """Whether words heard before may be new ones.

    What the network says of a message is believed anew when there was a try since that it may be about, since a message that was
    thrown away and counts as delivered is lost; and once for a try, else it would undo what a person did about it. With a stamp,
    a try begun more than a minute after the words were first heard is not meant: what is said of that has a stamp of another
    minute. That the network is in service is always believed: else nothing would be sent again. Of anything else a person is
    asked once; without a stamp, once in two minutes.
    """
    if heard.network is not None:
        return heard.network == "resume" or not heard.stamped
    if heard.status is None or None in before.about:
        return not heard.stamped and now > before.first_at + _ASKED_ONCE
    last = before.last_at
    if last is None or (last > now and not heard.stamped):  # never about this message, or before a clock was set back
        return True
    return any(at >= last and (not heard.stamped or at <= before.first_at + _SAME_STAMP) for at in before.tried_at)


_ASKED_ONCE = 120 * SECOND
_SAME_STAMP = 60 * SECOND


class Consequence(NamedTuple):
    """What a text makes of its message: the statuses it gets, one after the other, each with its cause in words.

    `rests` says that its lane rests and then sends one message at a time, to find out whether the state is back.
    """

    statuses: tuple[tuple[Status, str], ...]
    rests: bool


NO_CONSEQUENCE = Consequence((), rests=False)


def consequence(heard: Heard, message: Tried, *, overtaken: bool) -> Consequence:
    """What becomes of a message by this text. `overtaken`: a correction or cancellation came since it was made."""
    if heard.status is None or not heard.may_change(*message):
        return NO_CONSEQUENCE  # it has become so since it was matched
    status, cause = heard.status, heard.cause
    if message.status == Status.HELD_BY_NETWORK and status == Status.WAITING_FOR_STATE:
        # It was to forward it, now it has thrown it away. It must not be sent again, so a person has to see it.
        status, cause = Status.REJECTED, f"{cause}, after it had said that it would forward it"
    waits = status == Status.WAITING_FOR_STATE
    statuses = [(status, cause)] if may_become(message.status, status) else []
    if statuses and waits and overtaken:
        # Sent again now, it would come after what corrects it.
        over = "overtaken by a correction or cancellation, so it is not sent again"
        statuses.append((Status.CANCELLED, over))
    rests = waits and message.status in READY | {Status.SENT, Status.PRESUMED_DELIVERED}
    return Consequence(tuple(statuses), rests)
