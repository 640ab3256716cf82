"""What of a release is stored as told, and which messages were overtaken since; what counts as told: `decide/told.py`."""

from collections.abc import Collection

from sqlalchemy import Connection, and_, exists, or_, select

from app.decide.told import Record, ReleaseMessage, record
from app.domain.statuses import Status
from app.store.tables.main import MESSAGE, RELEASE_VERSION

_COLUMNS = [MESSAGE.c[name] for name in ReleaseMessage._fields]


def record_of(connection: Connection, release: int, *, lock: bool = True) -> Record:
    """What became of the messages of a release (its row id). Locks them until the transaction ends; their lanes must be locked
    already. Without `lock` it only looks.
    """
    wanted = select(*_COLUMNS).where(MESSAGE.c.release == release).order_by(MESSAGE.c.number)
    rows = connection.execute(wanted.with_for_update() if lock else wanted)
    return record(ReleaseMessage(*row) for row in rows)


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
