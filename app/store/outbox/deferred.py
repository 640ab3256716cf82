"""Messages that wait for their day: queued, and not ready before a time that was set when they were decided."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from app.store.database.engine import now_micros
from app.store.statements.rows import row_lock, run, run_in


class SetReady(NamedTuple):
    """To make ready what has waited long enough: at most `limit` messages."""

    limit: int


def set_ready(connection: Connection, sweeps: Sequence[SetReady]) -> list[int]:
    """Makes messages ready whose time has come; how many, for each sweep. Has the shape `Writer.do` takes.

    A message that somebody else has locked is being corrected or cancelled; it is left to the next sweep.
    """
    return [_set_ready(connection, now_micros(connection), sweep.limit) for sweep in sweeps]


_DUE = """
    SELECT number FROM message
    WHERE not_before IS NOT NULL AND NOT ready AND status = 'queued' AND not_before <= ?
    ORDER BY not_before, number LIMIT ?"""
# The first two conditions are word for word those of the partial index, or SQLite does not use it.


def _set_ready(connection: Connection, now: int, limit: int) -> int:
    lock = row_lock(connection, skip_locked=True)
    numbers = [number for (number,) in run(connection, _DUE + lock, (now, limit))]
    run_in(connection, "UPDATE message SET ready = true WHERE number IN", (), numbers)
    return len(numbers)
