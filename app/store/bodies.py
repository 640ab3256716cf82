"""What came in, as it was stored: for deciding a recorded release again."""

from collections.abc import Iterator

from sqlalchemy import Connection, select

from app.store.release_versions import versions_of
from app.store.tables import RELEASE


def body_of(connection: Connection, release_id: str) -> str | None:
    """The JSON text of a stored release as last corrected, or None when there is none of that id."""
    key = connection.scalar(select(RELEASE.c.id).where(RELEASE.c.release_id == release_id))
    return None if key is None else versions_of(connection, key)[-1].body


def bodies(connection: Connection) -> Iterator[bytes]:
    """The JSON of every stored release as first sent, in the order they were accepted, a few at a time."""
    rows = connection.execution_options(yield_per=2_000).execute(select(RELEASE.c.body_json).order_by(RELEASE.c.id))
    for (body,) in rows:
        yield body.encode()
