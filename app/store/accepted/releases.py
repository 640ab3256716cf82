"""Accepting releases: decision, messages, their history, lanes, work items and audit trail, all in one transaction.

Also reading one back. A release is stored once for its `release_id`; the same content again gives the stored answer.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec
from sqlalchemy import Connection, select

from app.domain.decision import Answer, Errand, Message, Mode, WorkItem, tasks
from app.domain.times import Timestamp, rfc3339
from app.errors import Conflict, NotFound
from app.store.accepted.addresses import with_cautions
from app.store.accepted.release_rows import Acceptance, add_messages, add_release, add_work_items, insert_rows, no_rows
from app.store.desk.surge_gate import Trip
from app.store.desk.taken import TAKEN, Claim, refusal, refuse_taken
from app.store.desk.work_items import StoredWorkItem, WorkItemFilter, list_work_items
from app.store.ledger.audit import AuditEntry, append
from app.store.ledger.messages import MessageWithHistory, messages_of_release
from app.store.ledger.release_versions import Correction, corrections, versions_of
from app.store.statements.paging import LONGEST_PAGE
from app.store.statements.rows import counters_first, lock_counters, run_in, take_all_numbers
from app.store.tables.main import RELEASE


class Accepted(NamedTuple):
    """What became of it: stored now, or stored before. `answer_json` is the public decision, the same bytes each time.

    `queued` says whether this acceptance put messages in their lanes, `trips` names the surges that began with it, `outcome` is
    that of a decision stored now.
    """

    kind: Literal["new", "replay"]
    answer_json: bytes
    queued: bool = False
    trips: tuple[Trip, ...] = ()
    outcome: str | None = None


_Fresh = tuple[Acceptance, list[tuple[Errand, int | None]]]


@counters_first
def accept_many(connection: Connection, items: Sequence[Acceptance]) -> list[Accepted | Conflict]:
    """Stores each release that is new; of several with one id, the first. Has the shape that `Writer.do` takes.

    An id stored with other content gives Conflict, one that another caller has stored ReleaseIdTaken; the audit trail says so.
    """
    lock_counters(connection)
    ids = sorted({item.decision.release_id for item in items})
    rows = run_in(connection, _STORED, (), ids)
    stored = {str(name): _Stored(key, caller, found, str(answer).encode()) for name, key, caller, found, answer in rows}
    fresh: dict[str, _Fresh] = {}
    for item in items:
        release_id = item.decision.release_id
        if release_id not in stored and release_id not in fresh:
            fresh[release_id] = (item, tasks(item.decision, backfill=item.backfill))
    new = _store(connection, list(fresh.values()))
    results: list[Accepted | Conflict] = []
    refused: list[AuditEntry] = []
    claims: list[Claim] = []
    for item in items:
        release_id = item.decision.release_id
        if release_id in fresh and fresh[release_id][0] is item:
            accepted, key = new[release_id]
            results.append(accepted)
            stored[release_id] = _Stored(key, item.caller, item.fingerprint, accepted.answer_json)
            continue
        there = stored[release_id]
        if there.caller != item.caller:
            results.append(refusal())
            claims.append(_claim(item, there))
        elif there.fingerprint == item.fingerprint:
            results.append(Accepted("replay", there.answer_json))
        else:
            results.append(Conflict("This release_id is stored with other content; send a correction."))
            refused.append(
                AuditEntry(
                    at=item.accepted_at,
                    actor=item.caller,
                    action="accept_release",
                    target=f"release {release_id}",
                    outcome="conflict",
                )
            )
    append(connection, refused)
    refuse_taken(connection, claims)
    return results


class _Stored(NamedTuple):
    id: int
    caller: str
    fingerprint: str
    answer_json: bytes


_STORED = "SELECT release_id, id, caller, fingerprint, answer_json FROM release WHERE release_id IN"


def _claim(item: Acceptance, there: _Stored) -> Claim:
    release_id = item.decision.release_id
    return Claim(
        release=there.id,
        release_id=release_id,
        owner=there.caller,
        caller=item.caller,
        action="accept_release",
        at=item.accepted_at,
        within=item.review_within,
    )


def _store(connection: Connection, fresh: list[_Fresh]) -> dict[str, tuple[Accepted, int]]:
    """Gathers the rows of new releases and inserts them table by table; what became of each and its row id, by its release_id."""
    if not fresh:
        return {}
    numbers = sum(len(item.decision.notices) for item, _ in fresh)
    counts = {"release": len(fresh), "message": numbers, "work_item": sum(len(todo) for _, todo in fresh)}
    first = take_all_numbers(connection, counts)
    key, number, task = first["release"], first["message"], first["work_item"]
    rows = no_rows(connection, fresh[0][0])
    results: dict[str, tuple[Accepted, int]] = {}
    items_warned = with_cautions(connection, [item for item, _ in fresh])
    for item, (_, todo) in zip(items_warned, fresh, strict=True):
        became = add_messages(rows, item, key, number)
        items = add_work_items(rows=rows, item=item, todo=todo, key=key, number=number, task=task)
        answered = add_release(rows=rows, item=item, key=key, became=became, items=(*items, *became.surges))
        results[item.decision.release_id] = (Accepted("new", answered, became.queued, became.trips, item.decision.outcome), key)
        key, number, task = key + 1, number + len(became.messages), task + len(items)
    insert_rows(connection, rows)
    return results


class Added(NamedTuple):
    """What a further decision became. `first_message` is the number of its first message, or of the next one anywhere.

    `sums` are what the audit trail is to keep of the messages.
    """

    messages: tuple[Message, ...]
    work_items: tuple[WorkItem, ...]
    first_message: int
    queued: bool
    trips: tuple[Trip, ...]
    sums: dict[str, str]


def add_to_release(connection: Connection, key: int, item: Acceptance, cause: str) -> Added:
    """Adds the messages and work items of a further decision to a stored release (its row id).

    `cause` is the first word of their history. Nothing of the release itself changes.
    """
    todo = tasks(item.decision, backfill=item.backfill)
    counts = {"message": len(item.decision.notices), "work_item": len(todo)}
    first = take_all_numbers(connection, counts)
    rows = no_rows(connection, item)
    became = add_messages(rows=rows, item=item, key=key, number=first["message"], first_cause=cause)
    work_items = add_work_items(rows=rows, item=item, todo=todo, key=key, number=first["message"], task=first["work_item"])
    insert_rows(connection, rows)
    return Added(
        messages=became.messages,
        work_items=(*work_items, *became.surges),
        first_message=first["message"],
        queued=became.queued,
        trips=became.trips,
        sums=became.sums,
    )


class StoredRelease(Answer, frozen=True, kw_only=True):
    """A release as it is now: the decision as first made, its messages and work items as they stand, what followed it up."""

    messages: tuple[MessageWithHistory, ...]
    """Every message of it, as it stands now, with its history."""
    work_items: tuple[StoredWorkItem, ...]
    """Every work item of it, as it stands now."""
    mode: Mode
    """`backfill` where it was stored and nothing was sent."""
    accepted_at: Timestamp
    """When it was stored."""
    corrections: tuple[Correction, ...]
    """What followed it up, in order."""


def get_release(connection: Connection, release_id: str, caller: str | None = None) -> StoredRelease:
    """One release. Raises NotFound, also when `caller` is given and is not who sent it.

    Who sent it is not told that another caller has used its id: that would tell of the other.
    """
    row = connection.execute(select(RELEASE).where(RELEASE.c.release_id == release_id)).first()
    if row is None or (caller is not None and row.caller != caller):
        raise NotFound("There is no release with this id.")
    first = msgspec.json.decode(row.answer_json, type=Answer)
    work_items = list_work_items(connection, WorkItemFilter(release=row.id), LONGEST_PAGE).items
    if caller is not None:
        work_items = tuple(item for item in work_items if item.code != TAKEN)
    return StoredRelease(
        release_id=first.release_id,
        outcome=first.outcome,
        as_of=first.as_of,
        rulebook=first.rulebook,
        because=first.because,
        messages=messages_of_release(connection, row.id),
        work_items=work_items,
        warnings=first.warnings,
        mode=row.mode,
        accepted_at=rfc3339(row.accepted_at),
        corrections=corrections(versions_of(connection, row.id)),
    )
