"""Accepting releases: decision, messages, their history, lanes, work items and audit trail, all in one transaction.

Also reading one back. A release is stored once for its `release_id`; the same content again gives the stored answer.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec
from sqlalchemy import Connection, select

from app.domain.decision import Answer, Decision, Errand, Message, WorkItem, answer, message_of, tasks
from app.domain.identifiers import message_id, message_number
from app.domain.times import SECOND, rfc3339
from app.errors import Conflict, NotFound
from app.store.audit import AuditEntry, append
from app.store.messages import MessageWithHistory, messages_of_release
from app.store.paging import LONGEST_PAGE
from app.store.release_versions import Correction, corrections, versions_of
from app.store.rows import insert, insert_absent, lock_counters, select_in, take_all_numbers
from app.store.tables import RELEASE
from app.store.work_items import NewWorkItem, StoredWorkItem, WorkItemFilter, insert_all, list_work_items

_RELEASE = (
    "id",
    "release_id",
    "fingerprint",
    "mode",
    "caller",
    "outcome",
    "as_of",
    "rulebook",
    "body_json",
    "evidence_json",
    "answer_json",
    "accepted_at",
)
_MESSAGE = (
    "number",
    "release",
    "type",
    "copy",
    "audience",
    "state",
    "ori",
    "format",
    "text",
    "status",
    "ready",
    "attempts",
    "failures",
    "maybe_duplicate",
    "created_at",
    "changed_at",
    "due_at",
    "refers_to",
)
_EVENT = ("number", "status", "at", "cause")
_LANE = ("ori", "until", "token", "due", "fails")

Row = tuple[object, ...]


class Acceptance(NamedTuple):
    """A release decided, to be stored.

    `fingerprint` is the SHA-256 of its canonical content, `body` the JSON as it came, `caller` the name of the key that sent
    it, `accepted_at` Micros. `backfill`: store the decision, send nothing and ask nobody to do anything.
    """

    decision: Decision
    fingerprint: str
    body: str
    caller: str
    format: Literal["legacy", "niem"]
    accepted_at: int
    backfill: bool = False


class Accepted(NamedTuple):
    """What became of it: stored now, or stored before. `answer_json` is the public decision, the same bytes each time.

    `queued` says whether this acceptance put messages in their lanes.
    """

    kind: Literal["new", "replay"]
    answer_json: bytes
    queued: bool = False


def accept_many(connection: Connection, items: Sequence[Acceptance]) -> list[Accepted | Conflict]:
    """Stores each release that is new; of several with one id, the first. Has the shape that `Writer.do` takes.

    An id stored with other content gives Conflict, and an audit row that says so.
    """
    lock_counters(connection)
    ids = sorted({item.decision.release_id for item in items})
    stored = {str(row[0]): (str(row[1]), str(row[2]).encode()) for row in select_in(connection, _STORED, ids)}
    fresh: dict[str, tuple[Acceptance, list[tuple[Errand, int | None]]]] = {}
    for item in items:
        release_id = item.decision.release_id
        if release_id not in stored and release_id not in fresh:
            fresh[release_id] = (item, [] if item.backfill else tasks(item.decision))
    answers = _store(connection, list(fresh.values()))
    results: list[Accepted | Conflict] = []
    refused: list[AuditEntry] = []
    for item in items:
        release_id = item.decision.release_id
        if release_id in fresh and fresh[release_id][0] is item:
            results.append(Accepted("new", answers[release_id], not item.backfill and _sends(item.decision)))
            stored[release_id] = (item.fingerprint, answers[release_id])
        elif stored[release_id][0] == item.fingerprint:
            results.append(Accepted("replay", stored[release_id][1]))
        else:
            results.append(Conflict(f"Release {release_id} is stored with other content; send a correction."))
            refused.append(AuditEntry(item.accepted_at, item.caller, "accept_release", f"release {release_id}", "conflict"))
    append(connection, refused)
    return results


_STORED = "SELECT release_id, fingerprint, answer_json FROM release WHERE release_id IN"


def _sends(decision: Decision) -> bool:
    return any(notice.held_because is None for notice in decision.notices)


class _Rows(NamedTuple):
    releases: list[Row]
    messages: list[Row]
    events: list[Row]
    work_items: list[tuple[int, NewWorkItem]]
    audit: list[AuditEntry]


def _store(connection: Connection, fresh: list[tuple[Acceptance, list[tuple[Errand, int | None]]]]) -> dict[str, bytes]:
    """Gathers the rows of new releases and inserts them table by table; the answers by release id."""
    if not fresh:
        return {}
    numbers = sum(len(item.decision.notices) for item, _ in fresh)
    counts = {"release": len(fresh), "message": numbers, "work_item": sum(len(todo) for _, todo in fresh)}
    first = take_all_numbers(connection, counts)
    key, number, task = first["release"], first["message"], first["work_item"]
    rows = _Rows([], [], [], [], [])
    answers: dict[str, bytes] = {}
    for item, todo in fresh:
        messages = _add_messages(rows, item, key, number)
        items = _add_work_items(rows, item, todo, key, number, task)
        answers[item.decision.release_id] = _add_release(rows, item, key, messages, items)
        key, number, task = key + 1, number + len(messages), task + len(items)
    _insert(connection, rows)
    return answers


class Added(NamedTuple):
    """What a further decision became. `first_message` is the number of its first message, or of the next one anywhere."""

    messages: tuple[Message, ...]
    work_items: tuple[WorkItem, ...]
    first_message: int


def add_to_release(connection: Connection, key: int, item: Acceptance, cause: str) -> Added:
    """Adds the messages and work items of a further decision to a stored release (its row id).

    `cause` is the first word of their history. Nothing of the release itself changes.
    """
    todo = [] if item.backfill else tasks(item.decision)
    counts = {"message": len(item.decision.notices), "work_item": len(todo)}
    first = take_all_numbers(connection, counts)
    rows = _Rows([], [], [], [], [])
    messages = _add_messages(rows, item, key, first["message"], cause)
    work_items = _add_work_items(rows, item, todo, key, first["message"], first["work_item"])
    _insert(connection, rows)
    return Added(messages, work_items, first["message"])


def _insert(connection: Connection, rows: _Rows) -> None:
    insert(connection, "release", _RELEASE, rows.releases)
    insert(connection, "message", _MESSAGE, rows.messages)
    insert(connection, "message_event", _EVENT, rows.events)
    insert_all(connection, rows.work_items)
    oris = sorted({str(row[_MESSAGE.index("ori")]) for row in rows.messages})
    insert_absent(connection, "lane", _LANE, [(ori, 0, 0, 0, 0) for ori in oris])
    append(connection, rows.audit)


def _add_messages(rows: _Rows, item: Acceptance, key: int, number: int, first_cause: str = "accepted") -> tuple[Message, ...]:
    messages = []
    at = item.accepted_at
    for place, notice in enumerate(item.decision.notices):
        if item.backfill:
            status, cause = "suppressed", "backfill: stored and not sent"
        elif notice.held_because is not None:
            status, cause = "held", f"kept for a person: {notice.held_because}"
        else:
            status, cause = "queued", first_cause
        m = message_of(notice, message_id(number + place), status)
        messages.append(m)
        due = None if notice.within is None else at + notice.within * SECOND
        ready = status == "queued"
        start = (number + place, key, m.type, m.copy, notice.audience, m.state, m.ori, item.format, m.text, status, ready)
        refers_to = None if notice.refers_to is None else message_number(notice.refers_to)
        rows.messages.append((*start, 0, 0, False, at, at, due, refers_to))
        rows.events.append((number + place, status, at, cause))
    return tuple(messages)


def _add_work_items(
    rows: _Rows, item: Acceptance, todo: list[tuple[Errand, int | None]], key: int, number: int, task: int
) -> tuple[WorkItem, ...]:
    items = []
    at = item.accepted_at
    for place, (errand, about) in enumerate(todo):
        due = None if errand.within is None else at + errand.within * SECOND
        about_number = None if about is None else number + about
        row = NewWorkItem(errand.code, at, key, about_number, errand.audience, errand.state, errand.rule, "", due)
        rows.work_items.append((task + place, row))
        due_at = None if due is None else rfc3339(due)
        items.append(
            WorkItem(task + place, errand.code, errand.audience, errand.state, errand.rule, rfc3339(at), due_at, "open")
        )
    return tuple(items)


def _add_release(rows: _Rows, item: Acceptance, key: int, messages: tuple[Message, ...], items: tuple[WorkItem, ...]) -> bytes:
    decision, at = item.decision, item.accepted_at
    mode = "backfill" if item.backfill else "normal"
    answered = msgspec.json.encode(answer(decision, messages, items))
    start = (key, decision.release_id, item.fingerprint, mode, item.caller, decision.outcome, decision.as_of.isoformat())
    rows.releases.append((*start, decision.rulebook, item.body, evidence(decision), answered.decode(), at))
    detail = {
        "mode": mode,
        "rulebook": decision.rulebook,
        "bytes": len(item.body),
        "messages": [message.message_id for message in messages],
        "destinations": [message.ori for message in messages],
        "work_items": [work_item.id for work_item in items],
    }
    rows.audit.append(AuditEntry(at, item.caller, "accept_release", f"release {decision.release_id}", decision.outcome, detail))
    return answered


def evidence(decision: Decision) -> str:
    """What a decision rests on, as JSON: facts as the rules saw them, rules beaten, rules that gave the answer. Nothing personal."""
    rules = [reason.rule for reason in decision.because]
    found = {"facts": decision.facts, "beaten": decision.beaten, "because": rules}
    return msgspec.json.encode(found, order="sorted").decode()


class StoredRelease(Answer, frozen=True, kw_only=True):
    """A release as it is now: the decision as first made, its messages and work items as they stand, what followed it up."""

    messages: tuple[MessageWithHistory, ...]
    work_items: tuple[StoredWorkItem, ...]
    mode: Literal["normal", "backfill"]
    accepted_at: str
    corrections: tuple[Correction, ...]


def get_release(connection: Connection, release_id: str, caller: str | None = None) -> StoredRelease:
    """One release. Raises NotFound, also when `caller` is given and is not who sent it."""
    row = connection.execute(select(RELEASE).where(RELEASE.c.release_id == release_id)).first()
    if row is None or (caller is not None and row.caller != caller):
        raise NotFound("There is no release with this id.")
    first = msgspec.json.decode(row.answer_json, type=Answer)
    work_items = list_work_items(connection, WorkItemFilter(release=row.id), LONGEST_PAGE)
    return StoredRelease(
        release_id=first.release_id,
        outcome=first.outcome,
        as_of=first.as_of,
        rulebook=first.rulebook,
        because=first.because,
        messages=messages_of_release(connection, row.id),
        work_items=work_items.items,
        warnings=first.warnings,
        mode=row.mode,
        accepted_at=rfc3339(row.accepted_at),
        corrections=corrections(versions_of(connection, row.id)),
    )
