"""What becomes of messages, with the history that explains it: each status with its time and cause, in the caller's transaction."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from app.domain.statuses import READY, Status
from app.store.rows import insert, run_in


class Event(NamedTuple):
    """One line of a message's history: a status it got. `cause` is in words, without personal data."""

    number: int
    status: str
    at: int
    cause: str
    worker: str | None = None
    attempt: int | None = None


def record(connection: Connection, events: Sequence[Event]) -> None:
    """Writes statuses into the history of their messages."""
    insert(connection, "message_event", Event._fields, events)


_CHANGE = "UPDATE message SET status = ?, ready = ?, changed_at = ? WHERE number IN"


def change(
    connection: Connection, numbers: Sequence[int], status: Status, at: int, cause: str, attempt: int | None = None
) -> None:
    """Gives messages a status and records it. Whoever asks has locked them, and seen that the law lets them become so."""
    run_in(connection, _CHANGE, (status.value, status in READY, at), numbers)
    record(connection, [Event(number, status.value, at, cause, attempt=attempt) for number in numbers])
