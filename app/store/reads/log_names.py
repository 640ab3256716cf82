"""What the log calls messages and texts from the network by: numbers and ids, and nothing of a person."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from app.domain.identifiers import message_id
from app.store.statements.rows import first_row, run_in


class LoggedMessage(NamedTuple):
    """A message as the log names it, with the status it has now."""

    number: int
    message_id: str
    release_id: str
    ori: str
    state: str
    status: str


class LoggedArrival(NamedTuple):
    """A text from the network as the log names it: its number, its work item if it opened one, and the message it is about."""

    id: int
    work_item: int | None
    message: LoggedMessage | None


_MESSAGES = """
    SELECT message.number, release.release_id, message.ori, message.state, message.status
    FROM message JOIN release ON release.id = message.release WHERE message.number IN"""

_ARRIVAL = """
    SELECT inbound.id, inbound.number, (SELECT min(work_item.id) FROM work_item WHERE work_item.inbound = inbound.id)
    FROM inbound WHERE inbound.source IN (?, ?) ORDER BY inbound.id DESC LIMIT 1"""


def name_messages(connection: Connection, wanted: Sequence[tuple[int, ...]]) -> list[tuple[LoggedMessage, ...]]:
    """The messages with these numbers, for each who asks. Has the shape `Writer.do` takes."""
    return [_messages(connection, numbers) for numbers in wanted]


def _messages(connection: Connection, numbers: Sequence[int]) -> tuple[LoggedMessage, ...]:
    rows = run_in(connection=connection, start=_MESSAGES, values=(), keys=sorted(numbers), end="ORDER BY message.number")
    return tuple(
        LoggedMessage(number=number, message_id=message_id(number), release_id=release_id, ori=ori, state=state, status=status)
        for number, release_id, ori, state, status in rows
    )


def name_arrivals(connection: Connection, wanted: Sequence[tuple[str, str]]) -> list[LoggedArrival | None]:
    """The newest text under either of two sources, for each who asks. Has the shape `Writer.do` takes."""
    return [_arrival(connection, sources) for sources in wanted]


def _arrival(connection: Connection, sources: tuple[str, str]) -> LoggedArrival | None:
    found = first_row(connection, _ARRIVAL, *sources)
    if found is None:
        return None
    key, number, work_item = found
    about = () if number is None else _messages(connection, [number])
    return LoggedArrival(id=key, work_item=work_item, message=about[0] if about else None)
