"""What becomes of messages, with the history that explains it: each status with its time and cause, in the caller's transaction."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from app.domain.statuses import AT_REST, READY, Status
from app.store.ledger.audit import came_to_rest
from app.store.statements.rows import insert, run_in


class HistoryLine(NamedTuple):
    """One line of a message's history: a status it got. `cause` is in words, without personal data."""

    number: int
    status: str
    at: int
    cause: str
    worker: str | None = None
    attempt: int | None = None


def record(connection: Connection, events: Sequence[HistoryLine]) -> None:
    """Writes statuses into the history of their messages."""
    insert(connection, "message_event", HistoryLine._fields, events)
    came_to_rest(connection, {event.number: event.at for event in events if event.status in AT_REST})


LATER = "changed_at = CASE WHEN changed_at > ? THEN changed_at ELSE ? END"
"""Sets the time of a status, given twice, never before that of the one before: they may be by the clocks of two hosts, or one of them
may have waited for the other. So a history goes forward only.
"""

_CHANGE = f"""
    UPDATE message SET status = ?, ready = CASE WHEN not_before > ? THEN false ELSE ? END, {LATER}
    WHERE number IN"""  # noqa: S608 - all from here


def change(
    connection: Connection, numbers: Sequence[int], status: Status, at: int, cause: str, attempt: int | None = None
) -> None:
    """Gives messages a status and records it. Whoever asks has locked them, and seen that the law lets them become so.

    One that must not go out before a time still to come is queued and not ready; `set_ready` makes it so then.
    """
    changed = run_in(
        connection=connection,
        start=_CHANGE,
        values=(status.value, at, status in READY, at, at),
        keys=numbers,
        end="RETURNING number, changed_at",
    )
    record(connection, [HistoryLine(number, status.value, when, cause, attempt=attempt) for number, when in sorted(changed)])
