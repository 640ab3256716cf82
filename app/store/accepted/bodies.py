"""What came in, as it was stored: for deciding a recorded release again."""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection, and_, func, or_, select

from app.store.ledger.release_versions import versions_of
from app.store.tables.main import RELEASE, RELEASE_VERSION


class Decided(NamedTuple):
    """The JSON text of a release, and the version of the rulebook that decided about it."""

    body: str
    rulebook: str


def decided_last(connection: Connection, release_id: str) -> Decided | None:
    """A stored release as last corrected, or None when there is none of that id. What was cancelled is as it was before that."""
    key = connection.scalar(select(RELEASE.c.id).where(RELEASE.c.release_id == release_id))
    if key is None:
        return None
    last = next(version for version in reversed(versions_of(connection, key)) if version.kind != "cancellation")
    return Decided(last.body, last.rulebook)


def bodies(connection: Connection) -> Iterator[bytes]:
    """The JSON of every stored release as last corrected, in the order they were accepted, a few at a time.

    What was cancelled is left out: no decision about it stands.
    """
    yield from _bodies(connection, newest=False)


def newest_bodies(connection: Connection, limit: int) -> Iterator[bytes]:
    """The same of the newest releases, newest first, and no more than `limit` of them."""
    yield from _bodies(connection, newest=True, limit=limit)


def _bodies(connection: Connection, *, newest: bool, limit: int | None = None) -> Iterator[bytes]:
    later = RELEASE_VERSION.alias()
    last = select(func.max(later.c.version)).where(later.c.release == RELEASE.c.id).correlate(RELEASE).scalar_subquery()
    rows = connection.execution_options(yield_per=2_000).execute(
        select(func.coalesce(RELEASE_VERSION.c.body_json, RELEASE.c.body_json))
        .select_from(RELEASE)
        .join(
            RELEASE_VERSION,
            and_(RELEASE_VERSION.c.release == RELEASE.c.id, RELEASE_VERSION.c.version == last),
            isouter=True,
        )
        .where(or_(RELEASE_VERSION.c.kind.is_(None), RELEASE_VERSION.c.kind != "cancellation"))
        .order_by(RELEASE.c.id.desc() if newest else RELEASE.c.id)
        .limit(limit)
    )
    for (body,) in rows:
        yield body.encode()
