"""What the checker is given: three accounts of one run, each by someone else, none of which knows the others.

The caller's: what it was acknowledged. The network's: what came to it, and what it did with that. The store's own, read row by
row with plain SQL.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from app.store.database.engine import Store
from tests.dispatch.outbox_rows import rows

Fate = Literal["kept", "will_forward", "refused", "rejected", "thrown_away", "lost"]
"""What the network did with a message that came: it has it; has it for later (SM .02.); NAK; ER or SM .01.; SM .04.; it never had
it whole, or lost it before it had taken it.
"""

HOLDS = frozenset({"kept", "will_forward"})
"""After these the network has the message, so one that comes again is an extra."""


class Told(NamedTuple):
    """A message as an acknowledgement named it."""

    message_id: str
    release_id: str
    state: str
    ori: str
    text: str


class Arrival(NamedTuple):
    """A message that came to the network, in the order it came. `acked`: its ACK left the network."""

    message_id: str
    ori: str
    text: str
    fate: Fate
    acked: bool


class Event(NamedTuple):
    """A line of a message's history."""

    status: str
    at: int
    cause: str
    attempt: int | None


class StoredMessage(NamedTuple):
    """A message as the store has it."""

    message_id: str
    release_id: str
    state: str
    ori: str
    text: str
    status: str
    attempts: int
    flagged: bool
    refers_to: str | None
    history: Sequence[Event]


class Stored(NamedTuple):
    """What the store has. `audited`: the releases whose acceptance is in the audit trail, each as often as it is there.

    `asked` are the messages that a work item asks a person about.
    """

    releases: Sequence[str]
    messages: Mapping[str, StoredMessage]
    audited: Sequence[str]
    asked: frozenset[str]


def told_by(answer: Mapping[str, Any]) -> list[Told]:
    """What a decision, as the API answered it, says of its messages."""
    release_id = str(answer["release_id"])
    return [
        Told(
            message_id=str(each["message_id"]),
            release_id=release_id,
            state=str(each["state"]),
            ori=str(each["ori"]),
            text=str(each["text"]),
        )
        for each in answer["messages"]
    ]


def stored_in(store: Store) -> Stored:
    """The store's account, as it is now."""
    histories: dict[int, list[Event]] = {}
    for number, status, at, cause, attempt in rows(
        store, "SELECT number, status, at, cause, attempt FROM message_event ORDER BY number, id"
    ):
        histories.setdefault(_int(number), []).append(
            Event(str(status), _int(at), str(cause), None if attempt is None else _int(attempt))
        )
    messages = {}
    for number, release_id, state, ori, text, status, attempts, flagged, refers_to in rows(
        store,
        "SELECT number, release_id, state, ori, text, status, attempts, maybe_duplicate, refers_to"
        " FROM message JOIN release ON release.id = message.release ORDER BY number",
    ):
        name = named(_int(number))
        to = None if refers_to is None else named(_int(refers_to))
        history = tuple(histories.pop(_int(number), ()))
        who = (name, str(release_id), str(state), str(ori), str(text))
        messages[name] = StoredMessage(*who, str(status), _int(attempts), bool(flagged), to, history)
    assert not histories, "a history without its message"
    releases = [str(row[0]) for row in rows(store, "SELECT release_id FROM release ORDER BY id")]
    accepted = rows(store, "SELECT object FROM audit WHERE action = 'accept_release' AND outcome <> 'conflict'")
    audited = [str(row[0]).removeprefix("release ") for row in accepted]
    asked = {named(_int(row[0])) for row in rows(store, "SELECT number FROM work_item WHERE number IS NOT NULL")}
    return Stored(releases, messages, audited, frozenset(asked))


_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def named(number: int) -> str:
    """A message number in the contract's form: LN and eight of 0-9A-Z. Said here again, so that a fault there is seen."""
    digits = ""
    for _ in range(8):
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return f"LN{digits}"


def answers_of(bodies: Iterable[bytes]) -> list[Told]:
    """What all these answers tell."""
    return [told for body in bodies for told in told_by(msgspec.json.decode(body))]


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value
