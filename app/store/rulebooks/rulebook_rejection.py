"""A version of the rulebook is sent back to whoever drafted it."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, update

from app.errors import LensError, NotFound
from app.rulebook.bundles.versions import rejection_fault
from app.store.ledger.audit import AuditEntry, append
from app.store.rulebooks.rulebook_reads import identify, lock_pointer, standing
from app.store.tables.main import RULEBOOK


class Reject(NamedTuple):
    """`by` sends a version back to whoever drafted it, and says why. `at` is Micros."""

    version: str
    comment: str
    by: str
    at: int


def reject(connection: Connection, items: Sequence[Reject]) -> list[LensError | None]:
    """Sends versions back. A result is NotFound, or Conflict where that person may not. Has the shape `Writer.do` takes."""
    live = lock_pointer(connection).version
    return [_send_back(connection, item, live) for item in items]


def _send_back(connection: Connection, item: Reject, live: str | None) -> LensError | None:
    try:
        place = standing(connection, item.version, live)
    except NotFound as error:
        return error
    fault = rejection_fault(place, item.by)
    if fault is None:
        values = {
            "rejected_by": item.by,
            "rejected_at": item.at,
            "comment": item.comment,
            "approved_by": None,
            "approved_at": None,
            "approved_against": None,
        }
        connection.execute(update(RULEBOOK).where(RULEBOOK.c.version == place.version).values(values))
    detail = {"comment": item.comment, "sha256": identify(connection, place.version)}
    outcome = "refused" if fault else "rejected"
    append(
        connection,
        [
            AuditEntry(
                at=item.at,
                actor=item.by,
                action="reject_rulebook",
                target=f"rulebook {place.version}",
                outcome=outcome,
                detail=detail,
            )
        ],
    )
    return fault
