"""Texts from the network: stored, matched to their message and acted on, in one transaction, so each is taken once.

Reading a text is `dispatch/inbound.py`'s business; here stands what it does to the rows.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Row, select, text, update

from app.domain.statuses import READY, Status, may_become
from app.domain.times import SECOND
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


class Heard(NamedTuple):
    """A text from the network, read.

    `source`, `occurrence` and `stamped` name the arrival, as the channel has it. `numbers` are the message numbers it may be about, surest
    first, each with how it was found; `oris` the destinations it names, to match by when it names no number and only one message
    to them is open. `status` is what it makes of its message (None: nothing), for `cause`, in words; `network` says that it
    stops or resumes all sending. `delay` is Micros until a message waiting for its state is tried again. `origin` is the ORI it
    came from, if it says one; `fbi_numbers` are those that it names: with them the releases of a subject are found. `within` is
    how many Micros a person has for what it asks of one, None: no limit. `only_state` is the Nlets code of a state that speaks
    for itself: of messages to others, and of a rejection, it has no say.
    """

    source: str
    kind: Literal["ER", "SM", "AM", "other"]
    text: str
    cause: str
    numbers: tuple[tuple[int, str], ...] = ()
    oris: tuple[str, ...] = ()
    status: Status | None = None
    network: Literal["pause", "resume"] | None = None
    delay: int = 0
    origin: str | None = None
    fbi_numbers: tuple[str, ...] = ()
    within: int | None = None
    occurrence: str | None = None
    stamped: bool = True
    only_state: str | None = None

    def may_change(self, ori: str, status: str) -> bool:
        """Whether its origin has a say in what becomes of a message to `ori`, which has this status now."""
        if self.status is None:
            return False
        if self.only_state is None:
            return True
        # What the network has said that it will forward is in its hands, whatever the state says.
        return ori.startswith(self.only_state) and status != Status.HELD_BY_NETWORK

    def due(self, now: int) -> int | None:
        """When a person is to be done with it. `now` is Micros."""
        return None if self.within is None else now + self.within


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
    if known is not None and saying is not None and saying != known.occurrence and _meant_again(connection, heard, known):
        heard = heard._replace(source=saying)
        known = _known(connection, heard.source)
    if known is not None:
        return _answer(known.kind, known.matched_by)
    now = now_micros(connection)
    number, matched_by = _match(connection, heard)
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
        changed = _act(connection=connection, now=now, number=number, status=heard.status, heard=heard)
        if changed and in_doubt:
            run(connection, _DOUBT, (number,))
    return _answer(heard.kind, matched_by)


def _known(connection: Connection, source: str) -> Row[Any] | None:
    return connection.execute(select(INBOUND).where(INBOUND.c.source == source)).first()


def _meant_again(connection: Connection, heard: Heard, known: Row[Any]) -> bool:
    """Whether words heard before may be new ones.

    What the network says of a message is believed anew when there was a try since that it may be about, since a message that was
    thrown away and counts as delivered is lost; and once for a try, else it would undo what a person did about it. With a stamp,
    a try begun more than a minute after the words were first heard is not meant: what is said of that has a stamp of another
    minute. That the network is in service is always believed: else nothing would be sent again. Of anything else a person is
    asked once; without a stamp, once in two minutes.
    """
    if heard.network is not None:
        return heard.network == "resume" or not heard.stamped
    number, believed = (known.number, known.matched_by) if heard.stamped else _match(connection, heard)
    now = now_micros(connection)
    if heard.status is None or number is None or believed is None:
        return not heard.stamped and now > known.received_at + _ASKED_ONCE
    last = run(connection, _SAME_WORDS, (number, heard.text))[0][0]
    if last is None or (last > now and not heard.stamped):  # never about this message, or before a clock was set back
        return True
    until = known.received_at + 60 * SECOND if heard.stamped else _FOR_EVER
    return bool(run(connection, _TRIED_SINCE, (number, last, until)))


_ASKED_ONCE = 120 * SECOND
_FOR_EVER = 2**62
_TRIED_SINCE = "SELECT 1 FROM message_event WHERE number = ? AND status = 'sending' AND at >= ? AND at <= ? LIMIT 1"
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


def _match(connection: Connection, heard: Heard) -> tuple[int | None, str | None]:
    """The message that the network's word is about, which was tried at least once, and how that was found."""
    if heard.network is not None:
        return None, "network"
    if heard.kind in {"AM", "other"}:
        return None, None
    wanted = [number for number, _ in heard.numbers]
    tried = MESSAGE.c.number.in_(wanted), MESSAGE.c.attempts > 0
    columns = (MESSAGE.c.number, MESSAGE.c.ori, MESSAGE.c.status)
    found = {row.number: row for row in connection.execute(select(*columns).where(*tried))} if wanted else {}
    for number, how in heard.numbers:
        if number in found:
            return number, how if heard.may_change(found[number].ori, found[number].status) else None
    if heard.numbers:
        return None, None  # it names a message, and none that was tried: no other can be meant
    if heard.oris and heard.status is not None:
        under_way = MESSAGE.c.status.in_([Status.SENDING.value, Status.SENT.value])
        only = list(connection.scalars(select(MESSAGE.c.number).where(MESSAGE.c.ori.in_(heard.oris), under_way).limit(2)))
        if len(only) == 1:
            return only[0], "destination"
    return None, None


def _pause_or_resume(connection: Connection, heard: Heard) -> None:
    if heard.network == "pause":
        pause(connection, [Pause(EVERYTHING, "network", heard.cause)])
    else:
        resume(connection, [Resume(EVERYTHING, "network")])


def _act(connection: Connection, now: int, number: int, status: Status, heard: Heard) -> bool:
    """Gives the message its status, if its present one allows, and says whether it did. The lane is locked first, as everywhere."""
    of_message = MESSAGE.c.number == number
    ori = connection.scalar(select(MESSAGE.c.ori).where(of_message))
    lane = connection.execute(select(LANE.c.due, LANE.c.fails).where(LANE.c.ori == ori).with_for_update()).one()
    message = connection.execute(select(MESSAGE.c.status, MESSAGE.c.attempts).where(of_message).with_for_update()).one()
    cause = heard.cause
    if not heard.may_change(ori or "", message.status):
        return False  # it has become so since it was matched
    if message.status == Status.HELD_BY_NETWORK and status == Status.WAITING_FOR_STATE:
        # It was to forward it, now it has thrown it away. It must not be sent again, so a person has to see it.
        status, cause = Status.REJECTED, f"{cause}, after it had said that it would forward it"
    changed = may_become(message.status, status)
    if changed:
        _change(connection=connection, now=now, number=number, status=status, cause=cause, attempts=message.attempts)
        if status == Status.WAITING_FOR_STATE and overtaken(connection, [number]):
            # Sent again now, it would come after what corrects it.
            over = "overtaken by a correction or cancellation, so it is not sent again"
            _change(
                connection=connection, now=now, number=number, status=Status.CANCELLED, cause=over, attempts=message.attempts
            )
    if status == Status.WAITING_FOR_STATE and message.status in READY | {Status.SENT, Status.PRESUMED_DELIVERED}:
        # One message at a time from then on, to find out whether the state is back.
        resting = {"due": max(lane.due, now + heard.delay), "fails": max(lane.fails, 1)}
        connection.execute(update(LANE).where(LANE.c.ori == ori).values(**resting))
    return changed


def _change(connection: Connection, now: int, number: int, status: Status, cause: str, attempts: int) -> None:
    change(connection=connection, numbers=[number], status=status, at=now, cause=cause, attempt=attempts)
    if status == Status.REJECTED:
        raise_items(connection, now, [Raised("network-rejected", number, cause)])
