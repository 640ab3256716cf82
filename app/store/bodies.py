"""What came in, as it was stored: for deciding a recorded release again."""

from collections.abc import Iterator

from sqlalchemy import Connection, select

from app.store.tables import RELEASE


def body_of(connection: Connection, release_id: str) -> str | None:
    """The JSON text of a stored release, or None when there is none of that id."""
    found: str | None = connection.execute(select(RELEASE.c.body_json).where(RELEASE.c.release_id == release_id)).scalar()
    return found


def bodies(connection: Connection) -> Iterator[bytes]:
    """The JSON of every stored release, in the order they were accepted, a few at a time."""
    rows = connection.execution_options(yield_per=2_000).execute(select(RELEASE.c.body_json).order_by(RELEASE.c.id))
    for (body,) in rows:
        yield body.encode()
