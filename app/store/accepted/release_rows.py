"""The rows that decisions become: releases, messages with their history, lanes, work items, the audit trail."""

from operator import itemgetter
from typing import Literal, NamedTuple

import msgspec
from sqlalchemy import Connection

from app.decide.addresses import Mark
from app.decide.decide import TWO_PEOPLE
from app.domain.decision import Decision, Errand, Message, Notice, WorkItem, answer, message_of
from app.domain.identifiers import message_id, message_number
from app.domain.statuses import Status
from app.domain.surge import Breaker, kind_of
from app.domain.times import SECOND, micros, rfc3339
from app.store.desk.surge_gate import SurgeBreaker, Trip
from app.store.desk.work_items import NewWorkItem, insert_all
from app.store.ledger.audit import AuditEntry, append, came_to_rest
from app.store.ledger.sums import MESSAGE_COLUMNS, RELEASE_COLUMNS, sum_of
from app.store.statements.rows import Row, insert, insert_absent, run_in

_RELEASE = (*RELEASE_COLUMNS, "residence_digest")
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
    "rulebook",
    "not_before",
)
_RELEASE_VALUES = itemgetter(*[_RELEASE.index(name) for name in RELEASE_COLUMNS])
_MESSAGE_VALUES = itemgetter(*[_MESSAGE.index(name) for name in MESSAGE_COLUMNS])
_EVENT = ("number", "status", "at", "cause")
_LANE = ("ori", "until", "token", "due", "fails")


class Acceptance(NamedTuple):
    """A release decided, to be stored.

    `fingerprint` is the SHA-256 of its canonical content, `body` the JSON as it came, `caller` the name of the key that sent
    it, `accepted_at` Micros. `backfill`: store the decision and send nothing.
    `breaker`: when more than is normal must wait for a person; None where a person has looked already.
    `address`: that of the residence, to be counted.
    """

    decision: Decision
    fingerprint: str
    body: str
    caller: str
    format: Literal["legacy", "niem"]
    accepted_at: int
    backfill: bool = False
    breaker: Breaker | None = None
    address: Mark | None = None
    review_within: int | None = None


class Rows(NamedTuple):
    """What one transaction adds. `gate` says which messages must wait for a person because there are too many."""

    gate: SurgeBreaker
    releases: list[Row]
    messages: list[Row]
    events: list[tuple[int, str, int, str]]
    work_items: list[tuple[int, NewWorkItem]]
    audit: list[AuditEntry]


def no_rows(connection: Connection, item: Acceptance) -> Rows:
    """Nothing yet. `item` is the first of those to come, whose breaker and hour are those of all."""
    return Rows(
        gate=SurgeBreaker(connection, item.breaker, item.accepted_at),
        releases=[],
        messages=[],
        events=[],
        work_items=[],
        audit=[],
    )


def insert_rows(connection: Connection, rows: Rows) -> None:
    """Inserts them, table by table."""
    insert(connection, "release", _RELEASE, rows.releases)
    insert(connection, "message", _MESSAGE, rows.messages)
    insert(connection, "message_event", _EVENT, rows.events)
    at_rest = {number: at for number, status, at, _ in rows.events if status == Status.SUPPRESSED}
    came_to_rest(connection, at_rest)
    insert_all(connection, rows.work_items)
    _begin_lanes(connection, {str(row[_MESSAGE.index("ori")]) for row in rows.messages})
    rows.gate.close()
    append(connection, rows.audit)


def _begin_lanes(connection: Connection, oris: set[str]) -> None:
    """Inserts the lanes that are not there yet. An insert that met one there would wait for whoever has changed it and not
    committed, on a host that is gone perhaps, and all who accept would wait with it.
    """
    there = {str(ori) for (ori,) in run_in(connection, "SELECT ori FROM lane WHERE ori IN", (), sorted(oris))}
    insert_absent(connection, "lane", _LANE, [(ori, 0, 0, 0, 0) for ori in sorted(oris - there)])


class Became(NamedTuple):
    """The messages that a decision became, the work items of surges that hold some of them back, and the surges that began.

    `sums` are what the audit trail is to keep of the messages.
    """

    messages: tuple[Message, ...]
    surges: tuple[WorkItem, ...]
    trips: tuple[Trip, ...]
    sums: dict[str, str]

    @property
    def queued(self) -> bool:
        """Whether any of them is in its lane."""
        return "queued" in [message.status for message in self.messages]


def add_messages(rows: Rows, item: Acceptance, key: int, number: int, first_cause: str = "accepted") -> Became:
    """Adds the messages of a release (its row id), from a message number on."""
    messages, sums = [], {}
    at, sha256 = item.accepted_at, item.decision.rulebook_sha256
    before = len(rows.gate.trips)
    surges = {} if item.backfill else rows.gate.admit(item.decision.notices)
    for place, notice in enumerate(item.decision.notices):
        surge = surges.get(kind_of(notice.type)) if surges and not notice.held_because else None
        if surge is not None:
            rows.gate.hold(kind_of(notice.type), number + place)
        status, cause = _beginning(item, notice, surge, first_cause)
        m = message_of(notice, message_id(number + place), status)
        messages.append(m)
        not_before = None if notice.not_before is None else micros(notice.not_before)
        waits = not_before is not None and not_before > at
        due = None if notice.within is None else max(at, not_before or at) + notice.within * SECOND
        ready = status == "queued" and not waits
        if status == "queued" and not_before is not None and waits:
            cause = f"{cause}; it goes out from {rfc3339(not_before)} on"
        start = (number + place, key, m.type, m.copy, notice.audience, m.state, m.ori, item.format, m.text, status, ready)
        refers_to = None if notice.refers_to is None else message_number(notice.refers_to)
        row = (*start, 0, 0, False, at, at, due, refers_to, sha256, not_before)
        rows.messages.append(row)
        kept = _MESSAGE_VALUES(row) if not_before is None else (*_MESSAGE_VALUES(row), not_before)
        sums[f"message {number + place}"] = sum_of(kept)
        rows.events.append((number + place, status, at, cause))
    return Became(tuple(messages), tuple(surges.values()), tuple(rows.gate.trips[before:]), sums)


def _beginning(item: Acceptance, notice: Notice, surge: WorkItem | None, first_cause: str) -> tuple[str, str]:
    """The first status of a message, and its cause in words."""
    if item.backfill:
        return "suppressed", "backfill: stored and not sent"
    if notice.held_because is not None:
        return "held", f"kept for a person: {notice.held_because}"
    if surge is not None:
        return "held", f"kept for a person: {surge.code}, work item {surge.id}"
    return "queued", first_cause


def add_work_items(
    rows: Rows, item: Acceptance, todo: list[tuple[Errand, int | None]], key: int, number: int, task: int
) -> tuple[WorkItem, ...]:
    """Adds the work items of a release (its row id), from a work item id on; `number` is that of its first message."""
    items = []
    at = item.accepted_at
    for place, (errand, about) in enumerate(todo):
        due = None if errand.within is None else at + errand.within * SECOND
        about_number = None if about is None else number + about
        takes_two = item.decision.two_people and item.decision.outcome == "hold_for_review"
        row = NewWorkItem(
            code=errand.code,
            opened_at=at,
            release=key,
            number=about_number,
            audience=errand.audience,
            state=errand.state,
            rule=errand.rule,
            due_at=due,
            lift=TWO_PEOPLE if takes_two else None,
        )
        rows.work_items.append((task + place, row))
        due_at = None if due is None else rfc3339(due)
        items.append(
            WorkItem(
                id=task + place,
                code=errand.code,
                audience=errand.audience,
                state=errand.state,
                rule=errand.rule,
                opened_at=rfc3339(at),
                due_at=due_at,
                status="open",
            )
        )
    return tuple(items)


def add_release(rows: Rows, item: Acceptance, key: int, became: Became, items: tuple[WorkItem, ...]) -> bytes:
    """Adds a release that became these messages; the public decision."""
    messages = became.messages
    decision, at = item.decision, item.accepted_at
    mode = "backfill" if item.backfill else "normal"
    digest = None if item.address is None else item.address.digest
    answered = msgspec.json.encode(answer(decision, messages, items))
    caller = str(item.caller)
    start = (key, decision.release_id, item.fingerprint, mode, caller, decision.outcome, decision.as_of.isoformat())
    row = (*start, decision.rulebook_sha256, item.body, evidence(decision), answered.decode(), at, digest)
    rows.releases.append(row)
    sums = {f"release {key}": sum_of(_RELEASE_VALUES(row)), **became.sums}
    detail = {
        "mode": mode,
        "rulebook": decision.rulebook,
        "rulebook_sha256": decision.rulebook_sha256,
        "bytes": len(item.body),
        "messages": [message.message_id for message in messages],
        "destinations": [message.ori for message in messages],
        "work_items": [work_item.id for work_item in items],
    }
    target = f"release {decision.release_id}"
    rows.audit.append(
        AuditEntry(
            at=at, actor=item.caller, action="accept_release", target=target, outcome=decision.outcome, detail=detail, sums=sums
        )
    )
    return answered


def evidence(decision: Decision) -> str:
    """What a decision rests on, as JSON: facts as the rules saw them, rules beaten, rules that gave the answer. Nothing personal."""
    rules = [reason.rule for reason in decision.because]
    found = {"facts": decision.facts, "beaten": decision.beaten, "because": rules}
    return msgspec.json.encode(found, order="sorted").decode()
