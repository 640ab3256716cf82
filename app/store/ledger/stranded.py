"""Messages in a state that LENS never leaves them in, so that they would wait for ever, or go out though they must not.

Somebody has changed them, or what they depend on, by SQL. `lens audit verify` and `/readyz` tell of them.
"""

from typing import NamedTuple

from sqlalchemy import Connection

from app.domain.identifiers import message_id
from app.domain.statuses import READY, Status
from app.domain.times import SECOND
from app.store.ledger.held import ABOUT_INBOUND
from app.store.statements.rows import run

MOST = 1000
"""How many messages of a kind are looked for."""


class Stranded(NamedTuple):
    """What is wrong with some messages, in words, and their numbers."""

    what: str
    numbers: tuple[int, ...]


def find_stranded(connection: Connection, now: int) -> tuple[Stranded, ...]:
    """All of them, by what is wrong. `now` is Micros. Costs no more than what is unsent or held is long."""
    found = []
    for what, statement, values in _asked(now):
        numbers = tuple(sorted(number for (number,) in run(connection, f"{statement} LIMIT {MOST}", values)))
        if numbers:
            found.append(Stranded(what, numbers))
    return tuple(found)


def in_words(found: tuple[Stranded, ...]) -> str | None:
    """The first thing that is wrong with messages, and how many there are in all; None where nothing is."""
    if not found:
        return None
    numbers = sorted({number for each in found for number in each.numbers})
    many = f"{MOST} or more messages" if len(numbers) >= MOST else f"{len(numbers)} messages"
    whole = f"message {message_id(found[0].numbers[0])} {found[0].what}"
    return whole if len(numbers) == 1 else f"{many} are not as LENS left them; {whole}"


def _asked(now: int) -> tuple[tuple[str, str, tuple[object, ...]], ...]:
    return (
        (
            "is to be sent, but not marked as ready, and nothing would make it so",
            _NEVER_READY,
            (*_TO_SEND, Status.QUEUED.value),
        ),
        ("is marked as ready, though one of its status must not be sent", _READY_THOUGH, _TO_SEND),
        ("is marked as ready before its day", _TOO_EARLY, (now + _CLOCKS_APART,)),
        ("is to be sent, but its lane is missing", _WITHOUT_LANE, ()),
        ("is held, and no open work item asks a person about it", _WITHOUT_ITEM, (Status.HELD.value, *_INBOUND)),
    )


_CLOCKS_APART = 3600 * SECOND
"""By how much the clocks of two hosts may differ, or one be set back, without a false alarm."""

_TO_SEND = tuple(sorted(status.value for status in READY))
_INBOUND = tuple(sorted(ABOUT_INBOUND))


def _marks(values: tuple[str, ...]) -> str:
    return ", ".join("?" * len(values))


# The order of `ori, number` is that of the partial index of what is ready, or SQLite does not use it.
_NEVER_READY = f"""
    SELECT number FROM message
    WHERE status IN ({_marks(_TO_SEND)}) AND NOT ready AND (status <> ? OR not_before IS NULL)"""  # noqa: S608
_READY_THOUGH = f"SELECT number FROM message WHERE ready AND status NOT IN ({_marks(_TO_SEND)}) ORDER BY ori, number"  # noqa: S608
_TOO_EARLY = "SELECT number FROM message WHERE ready AND not_before > ? ORDER BY ori, number"
_WITHOUT_LANE = """
    SELECT number FROM message
    WHERE ready AND NOT EXISTS (SELECT 1 FROM lane WHERE lane.ori = message.ori) ORDER BY ori, number"""
_WITHOUT_ITEM = f"""
    SELECT number FROM message WHERE status = ?
    AND NOT EXISTS (
        SELECT 1 FROM work_item WHERE work_item.number = message.number AND work_item.status = 'open'
        AND work_item.code NOT IN ({_marks(_INBOUND)}))
    AND NOT EXISTS (
        SELECT 1 FROM surge_hold WHERE surge_hold.number = message.number AND surge_hold.surge IN (
            SELECT surge.work_item FROM surge JOIN work_item ON work_item.id = surge.work_item
            WHERE surge.finished_at IS NULL AND (surge.decision IS NOT NULL OR work_item.status = 'open')))"""  # noqa: S608 - the values come from the code
