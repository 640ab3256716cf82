"""Texts from the network: stored, matched to their message and acted on, in one transaction, so each is taken once.

Reading a text is `dispatch/inbound.py`'s business; what it may change is decided in `domain/inbound.py`, and carried out here.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Row, select, text, update

from app.domain.inbound import About, Before, Heard, Tried, about, consequence, meant_again
from app.domain.statuses import Status
from app.store.database.engine import now_micros
from app.store.desk.inbound_pace import Asking, may_ask
from app.store.desk.pauses import EVERYTHING, Pause, Resume, pause, resume
from app.store.desk.raised import Raised, raise_items
from app.store.desk.subjects import BY_SUBJECT, releases_of
from app.store.ledger.held import INQUIRY, UNMATCHED
from app.store.ledger.history import change
from app.store.ledger.told import overtaken
from app.store.statements.locks import lock_lanes_of_messages, waits_for_lanes
from app.store.statements.rows import counters_first, insert, lock_counters, run
from app.store.tables.main import INBOUND, LANE, MESSAGE

_LINKS_AT_MOST = 50

Match = Literal["matched", "unmatched"]


class _Link(NamedTuple):
    """A release (its row id) that a text may be about, the message of it that is named, if one is, and how that was found."""

    release: int
    number: int | None
    found_by: str


@counters_first
@waits_for_lanes
def take_in(connection: Connection, texts: Sequence[Heard]) -> list[Match]:
    """Stores each text and does what it says, once for each source; the same source again gives the first answer.

    `matched`: it was understood and what it is about was found. For anything else a work item is opened.
    """
    lock_counters(connection)  # most of what is not about a message opens a work item
    telling = [heard for heard in texts if heard.status is not None]
    if len(telling) > 1:
        numbers = {number for heard in telling for number, _ in heard.numbers}
        lock_lanes_of_messages(connection, numbers, {ori for heard in telling for ori in heard.oris})
    return [_take_in(connection, heard) for heard in texts]


def _take_in(connection: Connection, heard: Heard) -> Match:
    saying = heard.occurrence
    known = _known(connection, heard.source)
    if known is not None and saying is not None and saying != known.occurrence:
        before = _before(connection, heard, known)
        if meant_again(heard, before, now_micros(connection)):
            heard = heard._replace(source=saying)
            known = _known(connection, heard.source)
    if known is not None:
        return _answer(known.kind, known.matched_by)
    now = now_micros(connection)
    number, matched_by = _about(connection, heard)
    in_doubt = number is not None and run(connection, _SAME_WORDS, (number, heard.text))[0][0] is not None
    links = _links(connection, heard) if heard.kind in {"AM", "other"} else []
    if links:
        number, matched_by = links[0].number, links[0].found_by if heard.kind == "AM" else None
    row = {
        "source": heard.source,
        "occurrence": heard.occurrence,
        "kind": heard.kind,
        "text": heard.text,
        "number": number,
        "matched_by": matched_by,
        "origin": heard.origin,
        "at": now,
    }
    key = connection.scalar(_STORE, row)
    if key is None:  # another process took the same source meanwhile, and answers for it
        return _answer(heard.kind, matched_by)
    if heard.network is not None:
        _pause_or_resume(connection, heard)
    elif number is None or matched_by is None or heard.status is None:
        _ask(connection=connection, now=now, key=key, heard=heard, number=number, links=links)
    else:
        changed = _act(connection, now, number, heard)
        if changed and in_doubt:
            run(connection, _DOUBT, (number,))
    return _answer(heard.kind, matched_by)


def _known(connection: Connection, source: str) -> Row[Any] | None:
    return connection.execute(select(INBOUND).where(INBOUND.c.source == source)).first()


def _before(connection: Connection, heard: Heard, known: Row[Any]) -> Before:
    """What is stored of words that were heard before, to tell whether they are meant again."""
    meant = About(known.number, known.matched_by) if heard.stamped else _about(connection, heard)
    last = run(connection, _SAME_WORDS, (meant.number, heard.text))[0][0]
    tried_at = [int(at) for (at,) in run(connection, _TRIED_AT, (meant.number,))]
    return Before(about=meant, first_at=known.received_at, last_at=last, tried_at=tried_at)


_TRIED_AT = "SELECT at FROM message_event WHERE number = ? AND status = 'sending'"
_SAME_WORDS = "SELECT max(received_at) FROM inbound WHERE number = ? AND text = ?"
"""When they were heard last about the same message, under whatever name: the network may mean them again, or only have repeated
itself. So what they change now is in doubt, and the message may have arrived.
"""
_DOUBT = "UPDATE message SET maybe_duplicate = true WHERE number = ?"


_STORE = text(
    "INSERT INTO inbound (source, occurrence, kind, text, number, matched_by, origin, received_at)"
    " VALUES (:source, :occurrence, :kind, :text, :number, :matched_by, :origin, :at) ON CONFLICT (source) DO NOTHING RETURNING id"
)


def _ask(connection: Connection, now: int, key: int, heard: Heard, number: int | None, links: Sequence[_Link]) -> None:
    """Opens the work item of a text that a person must read, for the first of the releases it may be about; keeps all of them.

    In a flood one work item counts what has none of its own.
    """
    columns = ("inbound", "release", "found_by")
    insert(connection, "inbound_release", columns, [(key, link.release, link.found_by) for link in links[:_LINKS_AT_MOST]])
    detail = f"inbound {key}: {heard.cause}{_found(heard, links)}"
    if not may_ask(connection, Asking(key, heard.origin or "", now, heard.due(now))):
        return
    release = links[0].release if links else None
    code = INQUIRY if heard.kind == "AM" else UNMATCHED
    raise_items(
        connection, now, [Raised(code=code, number=number, detail=detail, release=release, inbound=key, due_at=heard.due(now))]
    )


def _found(heard: Heard, links: Sequence[_Link]) -> str:
    """How many releases were found, and which comes first, in words."""
    if not links:
        return "; it names no message or subject that is known here" if heard.kind == "AM" else ""
    if len(links) == 1:
        return f"; release found by {links[0].found_by}"
    chosen = "newest of the subject" if links[0].number is None else f"one of the {links[0].found_by}"
    return f"; {len(links)} releases found, linked to the {chosen}"


def _links(connection: Connection, heard: Heard) -> list[_Link]:
    """The releases that an AM, or a text that cannot be read, may be about, each once.

    By the messages it names, surest first, then by subject, newest first.
    """
    wanted = [number for number, _ in heard.numbers]
    found = {
        row.number: row.release
        for row in connection.execute(select(MESSAGE.c.number, MESSAGE.c.release).where(MESSAGE.c.number.in_(wanted)))
    }
    links: dict[int, _Link] = {}
    for number, how in heard.numbers:
        if number in found:
            links.setdefault(found[number], _Link(found[number], number, how))
    for release in releases_of(connection, heard.fbi_numbers):
        links.setdefault(release, _Link(release, None, BY_SUBJECT))
    return list(links.values())


def _answer(kind: str, matched_by: str | None) -> Match:
    return "matched" if kind == "AM" or matched_by is not None else "unmatched"


def _about(connection: Connection, heard: Heard) -> About:
    """The message that the network's word is about, and how that was found."""
    wanted = [number for number, _ in heard.numbers] if heard.kind in {"ER", "SM"} else []
    tried, under_way = {}, []
    if wanted:
        columns = (MESSAGE.c.number, MESSAGE.c.ori, MESSAGE.c.status)
        rows = connection.execute(select(*columns).where(MESSAGE.c.number.in_(wanted), MESSAGE.c.attempts > 0))
        tried = {row.number: Tried(row.ori, row.status) for row in rows}
    elif heard.oris and heard.status is not None:
        may_be_meant = MESSAGE.c.ori.in_(heard.oris), MESSAGE.c.status.in_([Status.SENDING.value, Status.SENT.value])
        under_way = list(connection.scalars(select(MESSAGE.c.number).where(*may_be_meant).limit(2)))
    return about(heard, tried, under_way)


def _pause_or_resume(connection: Connection, heard: Heard) -> None:
    if heard.network == "pause":
        pause(connection, [Pause(EVERYTHING, "network", heard.cause)])
    else:
        resume(connection, [Resume(EVERYTHING, "network")])


def _act(connection: Connection, now: int, number: int, heard: Heard) -> bool:
    """Gives the message what the text makes of it, and says whether that changed it. The lane is locked first, as everywhere."""
    of_message = MESSAGE.c.number == number
    ori = connection.scalar(select(MESSAGE.c.ori).where(of_message)) or ""
    lane = connection.execute(select(LANE.c.due, LANE.c.fails).where(LANE.c.ori == ori).with_for_update()).one()
    message = connection.execute(select(MESSAGE.c.status, MESSAGE.c.attempts).where(of_message).with_for_update()).one()
    late = heard.status == Status.WAITING_FOR_STATE and bool(overtaken(connection, [number]))
    statuses, rests = consequence(heard, Tried(ori, message.status), overtaken=late)
    for status, cause in statuses:
        change(connection=connection, numbers=[number], status=status, at=now, cause=cause, attempt=message.attempts)
        if status == Status.REJECTED:
            raise_items(connection, now, [Raised("network-rejected", number, cause)])
    if rests:
        resting = {"due": max(lane.due, now + heard.delay), "fails": max(lane.fails, 1)}
        connection.execute(update(LANE).where(LANE.c.ori == ori).values(**resting))
    return bool(statuses)
