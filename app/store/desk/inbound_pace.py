"""A breaker for what comes from the network: one origin opens so many work items an hour, and one more that counts the rest.

Six hundred administrative messages a second must not bury what people have to do. Every text is stored and linked all the same.
"""

from typing import NamedTuple

from sqlalchemy import Connection

from app.domain.times import SECOND
from app.store.desk.work_items import NewWorkItem, open_all
from app.store.ledger.held import FLOOD
from app.store.statements.rows import first_row, run

AN_HOUR = 60
"""Work items that the texts of one origin open in a clock hour; more than any state sends by hand."""

_HOUR = 3600 * SECOND
_PACE = "SELECT hour, asked, work_item, first, texts FROM inbound_pace WHERE origin = ?"
_BEGIN = "INSERT INTO inbound_pace (origin, hour, asked, texts) VALUES (?, ?, 1, 0)"
_ASKED = "UPDATE inbound_pace SET hour = ?, asked = ? WHERE origin = ?"
_COUNTED = "UPDATE inbound_pace SET work_item = ?, first = ?, texts = ? WHERE origin = ?"
_OPEN = "SELECT 1 FROM work_item WHERE id = ? AND status = 'open'"
_DETAIL = "UPDATE work_item SET detail = ? WHERE id = ?"


class Asking(NamedTuple):
    """A text (its row id) of which a person is to be asked. `origin` is empty where it says none; times are Micros."""

    key: int
    origin: str
    now: int
    due: int | None


def may_ask(connection: Connection, asking: Asking) -> bool:
    """Whether the text opens a work item of its own; if not, it is counted by that of the flood. The counters are locked."""
    hour = asking.now // _HOUR
    found = first_row(connection, _PACE, asking.origin)
    if found is None:
        run(connection, _BEGIN, (asking.origin, hour))
        return True
    known_hour, asked, work_item, first, texts = found
    asked = asked if known_hour == hour else 0
    if asked < AN_HOUR:
        run(connection, _ASKED, (hour, asked + 1, asking.origin))
        return True
    if work_item is not None and first_row(connection, _OPEN, work_item) is not None:
        texts += 1
        run(connection, _DETAIL, (_detail(asking, first, texts), work_item))
    else:
        first, texts = asking.key, 1
        detail = _detail(asking, first, texts)
        opened = NewWorkItem(FLOOD, asking.now, detail=detail, due_at=asking.due, inbound=asking.key)
        work_item = open_all(connection, [opened])[0]
    run(connection, _COUNTED, (work_item, first, texts, asking.origin))
    return False


def _detail(asking: Asking, first: int, texts: int) -> str:
    sender = asking.origin or "an unknown ORI"
    which = f"inbound {first}" if texts == 1 else f"inbound {first} to {asking.key}"
    return (
        f"{which}: more than {AN_HOUR} texts of {sender} in an hour that a person must read; those after them are stored and"
        f" open no work item each; so far {texts}"
    )
