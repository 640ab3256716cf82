"""The last hour: what came in, what went out and how soon, and who sent it. Costs no more than an hour brings."""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection, func, select, text

from app.domain.times import SECOND
from app.store.database.engine import now_micros
from app.store.tables.main import LANE, RELEASE

_HOUR = 3600 * SECOND
SOON = 10 * SECOND
"""Micros within which a message should be with the network."""


class DispatcherActivity(NamedTuple):
    """A dispatcher that has a lane in hand, or sent something that was accepted in the last hour.

    `lanes` it has in hand now, `sent` messages of the hour, `since` the Micros since the last of them (None: none).
    """

    name: str
    lanes: int
    sent: int
    since: int | None


class LastHour(NamedTuple):
    """Releases accepted in the last hour by outcome, and their messages: how many, how many are with the network, how many of
    these were within SOON, and in or out of the time that their rule sets.
    """

    releases: Mapping[str, int]
    messages: int
    sent: int
    soon: int
    in_time: int
    overdue: int
    dispatchers: tuple[DispatcherActivity, ...]


def last_hour(connection: Connection) -> LastHour:
    """Looks at the hour that ends now, by the time of acceptance."""
    now = now_micros(connection)
    since = {"since": now - _HOUR}
    outcomes = select(RELEASE.c.outcome, func.count()).where(RELEASE.c.accepted_at > since["since"]).group_by(RELEASE.c.outcome)
    releases = {outcome: count for outcome, count in connection.execute(outcomes)}  # noqa: C416 - rows are no pairs to a type checker
    counts = connection.execute(_MESSAGES, {**since, "soon": SOON}).one()
    messages, sent, soon, in_time, overdue = (int(count or 0) for count in counts)
    return LastHour(
        releases=releases,
        messages=messages,
        sent=sent,
        soon=soon,
        in_time=in_time,
        overdue=overdue,
        dispatchers=_dispatchers(connection, now),
    )


_MESSAGES = text("""
    SELECT count(*), count(sent_at), sum(CASE WHEN sent_at - created_at <= :soon THEN 1 ELSE 0 END),
        sum(CASE WHEN sent_at <= due_at THEN 1 ELSE 0 END), sum(CASE WHEN sent_at > due_at THEN 1 ELSE 0 END)
    FROM (
        SELECT message.created_at, message.due_at, min(message_event.at) AS sent_at FROM message
        LEFT JOIN message_event ON message_event.number = message.number AND message_event.status = 'sent'
        WHERE message.created_at > :since GROUP BY message.number, message.created_at, message.due_at
    ) AS recent""")

_SENDERS = text("""
    SELECT message_event.worker, count(*), max(message_event.at) FROM message
    JOIN message_event ON message_event.number = message.number AND message_event.status = 'sent'
    WHERE message.created_at > :since AND message_event.worker IS NOT NULL GROUP BY message_event.worker""")


def _dispatchers(connection: Connection, now: int) -> tuple[DispatcherActivity, ...]:
    in_hand = select(LANE.c.owner, func.count()).where(LANE.c.owner.is_not(None), LANE.c.until > now).group_by(LANE.c.owner)
    lanes = {str(owner): int(count) for owner, count in connection.execute(in_hand)}
    sent = {
        str(name): (int(count), max(now - last, 0))
        for name, count, last in connection.execute(_SENDERS, {"since": now - _HOUR})
    }
    found = [DispatcherActivity(name, lanes.get(name, 0), *sent.get(name, (0, None))) for name in lanes.keys() | sent.keys()]
    return tuple(sorted(found))
