"""Messages that cannot go out because the link has had their number before, with other words: the database is an older one."""

from sqlalchemy import Connection

from app.domain.identifiers import message_id
from app.store.statements.rows import run

USED_BEFORE = "this number was used before: run `lens db recovered`"
"""Stands in the history of such a message, at each try. The network would drop it for the one that had its number first."""


def used_before(connection: Connection) -> tuple[str, ...]:
    """The message at the head of each lane that fails for this reason."""
    return tuple(message_id(number) for (number,) in run(connection, _STUCK, (f"%{USED_BEFORE}",)))


def used_before_words(stuck: tuple[str, ...]) -> str | None:
    """What a person must know of them, in words; None where there is none."""
    if not stuck:
        return None
    named = f"message {stuck[0]}" if len(stuck) == 1 else f"{len(stuck)} messages, the first {stuck[0]}"
    return f"{named}: {USED_BEFORE}"


# Only lanes that fail are looked at, and of each only what was last said of its first message.
_STUCK = """
    SELECT head.number FROM (
        SELECT min(message.number) AS number FROM message JOIN lane ON lane.ori = message.ori
        WHERE message.ready AND lane.fails > 0 GROUP BY message.ori
    ) AS head
    JOIN message_event AS event ON event.id = (
        SELECT max(id) FROM message_event WHERE message_event.number = head.number AND message_event.status <> 'sending'
    )
    WHERE event.cause LIKE ? ORDER BY head.number"""
