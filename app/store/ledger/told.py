"""What each ORI was told of a release, or may have been, and what it certainly was not: the ground of every follow-up.

A message counts as told unless it is certain that no network has it: once a try's outcome is unknown, or a try is under way,
it may be out. What was refused (NAK, ER, SM .01.), thrown away by the network (SM .04.) or never tried was not told.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, exists, or_, select

from app.domain.decision import NotifiedOri
from app.domain.identifiers import message_id
from app.domain.statuses import Status
from app.domain.times import moment
from app.store.tables.main import MESSAGE, RELEASE_VERSION

_OUT = frozenset({Status.SENDING, Status.SENT, Status.PRESUMED_DELIVERED, Status.HELD_BY_NETWORK})
_OVER = frozenset({Status.CANCELLED, Status.SUPPRESSED})
_GIVEN_UP = frozenset({Status.DEAD, Status.REJECTED})


@dataclass(frozen=True, slots=True)
class Record:
    """The messages of one release, locked until the transaction ends: `last` is the one that each ORI was told last.

    `untold` are those that can still be kept from being sent, or queued again by a person, and were certainly not told.
    """

    by_number: Mapping[int, Row[Any]]
    last: Mapping[str, Row[Any]]
    untold: tuple[Row[Any], ...]

    def references(self) -> dict[str, str]:
        """For each ORI told, the id of the message that a further one there refers to."""
        return {ori: message_id(row.number) for ori, row in self.last.items()}

    def standing(self) -> list[Row[Any]]:
        """The last message to each ORI where the release still stands as told: no CANCEL is out, or on its way there."""
        return [row for row in self.last.values() if row.type != "CANCEL" or row.status in _GIVEN_UP]

    def words(self, row: Row[Any]) -> Row[Any]:
        """The message whose words stand at an ORI: a CANCEL says what the message before it said."""
        while row.type == "CANCEL":
            row = self.by_number[row.refers_to]
        return row


def record_of(connection: Connection, release: int, *, lock: bool = True) -> Record:
    """What became of the messages of a release (its row id). Locks them; their lanes must be locked already.

    Without `lock` it only looks.
    """
    wanted = select(MESSAGE).where(MESSAGE.c.release == release).order_by(MESSAGE.c.number)
    rows = connection.execute(wanted.with_for_update() if lock else wanted)
    by_number = {row.number: row for row in rows}
    told = [row for row in by_number.values() if _may_be_told(row)]
    untold = [row for row in by_number.values() if not _may_be_told(row) and row.status not in _OVER]
    return Record(by_number, {row.ori: row for row in told}, tuple(untold))


def _may_be_told(row: Row[Any]) -> bool:
    return row.status in _OUT or (row.maybe_duplicate and row.status != Status.SUPPRESSED)


def told_by(row: Row[Any], words: Row[Any]) -> NotifiedOri:
    """A message as deciding sees it: `row` is the last one, `words` the one whose words stand."""
    at: datetime = moment(words.created_at)
    return NotifiedOri(
        message_id=message_id(row.number), audience=words.audience, copy=words.copy, state=words.state, ori=row.ori, at=at
    )


def overtaken(connection: Connection, numbers: Collection[int]) -> set[int]:
    """Those messages that must not be sent (again): one after it refers to it, or its release was corrected or cancelled since.

    A CANCEL is overtaken only by a message that refers to it: until then, what it withdraws stays withdrawn.
    """
    later, version = MESSAGE.alias(), RELEASE_VERSION
    followed = exists().where(
        later.c.release == MESSAGE.c.release,  # which has an index; `refers_to` has none
        later.c.refers_to == MESSAGE.c.number,
        later.c.status != Status.CANCELLED.value,
    )
    revised = exists().where(version.c.release == MESSAGE.c.release, version.c.first_message > MESSAGE.c.number)
    either = or_(followed, and_(MESSAGE.c.type != "CANCEL", revised))
    return set(connection.scalars(select(MESSAGE.c.number).where(MESSAGE.c.number.in_(numbers), either)))
