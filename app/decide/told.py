"""What each ORI was told of a release, or may have been, and what it certainly was not: the ground of every follow-up.

A message counts as told unless it is certain that no network has it: once a try's outcome is unknown, or a try is under way,
it may be out. What was refused (NAK, ER, SM .01.), thrown away by the network (SM .04.) or never tried was not told.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from app.domain.decision import Copy, NoticeType, NotifiedOri
from app.domain.identifiers import message_id
from app.domain.statuses import Status
from app.domain.times import moment

_OUT = frozenset({Status.SENDING, Status.SENT, Status.PRESUMED_DELIVERED, Status.HELD_BY_NETWORK})
_OVER = frozenset({Status.CANCELLED, Status.SUPPRESSED})
_GIVEN_UP = frozenset({Status.DEAD, Status.REJECTED})


class ReleaseMessage(NamedTuple):
    """A message of a release as it stands. `refers_to` is the number of the message before it that a CORRECTION or CANCEL
    follows; `created_at` is Micros.
    """

    number: int
    type: NoticeType
    status: str
    maybe_duplicate: bool
    audience: str
    copy: Copy
    state: str
    ori: str
    refers_to: int | None
    created_at: int

    @property
    def may_be_told(self) -> bool:
        """Whether the network may have it."""
        return self.status in _OUT or (self.maybe_duplicate and self.status != Status.SUPPRESSED)


@dataclass(frozen=True, slots=True)
class Record:
    """The messages of one release: `last` is the one that each ORI was told last.

    `untold` are those that can still be kept from being sent, or queued again by a person, and were certainly not told.
    """

    by_number: Mapping[int, ReleaseMessage]
    last: Mapping[str, ReleaseMessage]
    untold: tuple[ReleaseMessage, ...]

    def references(self) -> dict[str, str]:
        """For each ORI told, the id of the message that a further one there refers to."""
        return {ori: message_id(message.number) for ori, message in self.last.items()}

    def standing(self) -> list[ReleaseMessage]:
        """The last message to each ORI where the release still stands as told: no CANCEL is out, or on its way there."""
        return [message for message in self.last.values() if message.type != "CANCEL" or message.status in _GIVEN_UP]

    def words(self, message: ReleaseMessage) -> ReleaseMessage:
        """The message whose words stand at an ORI: a CANCEL says what the message before it said."""
        while message.type == "CANCEL" and message.refers_to is not None:
            message = self.by_number[message.refers_to]
        return message

    def notified(self, message: ReleaseMessage) -> NotifiedOri:
        """The last message to an ORI as deciding sees it."""
        words = self.words(message)
        return NotifiedOri(
            message_id=message_id(message.number),
            audience=words.audience,
            copy=words.copy,
            state=words.state,
            ori=message.ori,
            at=moment(words.created_at),
        )


def record(messages: Iterable[ReleaseMessage]) -> Record:
    """What became of the messages of a release, given in the order of their numbers."""
    by_number = {message.number: message for message in messages}
    last = {message.ori: message for message in by_number.values() if message.may_be_told}
    untold = [each for each in by_number.values() if not each.may_be_told and each.status not in _OVER]
    return Record(by_number, last, tuple(untold))
