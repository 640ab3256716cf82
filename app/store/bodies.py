"""What came in, as it was stored: for deciding a recorded release again."""

from sqlalchemy import Connection, select

from app.store.tables import RELEASE


def body_of(connection: Connection, release_id: str) -> str | None:
    """The JSON text of a stored release, or None when there is none of that id."""
    found: str | None = connection.execute(select(RELEASE.c.body_json).where(RELEASE.c.release_id == release_id)).scalar()
    return found
