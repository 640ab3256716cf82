"""Lifting or rejecting a hold: what was kept for a person is sent, or never is, once, in the transaction that closes its work item."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, select, update

from app.decide.decide import TWO_PEOPLE
from app.decide.explain import RuleTrace, Step
from app.domain.decision import Answer, Message, Reason, dry_run_answer
from app.domain.identifiers import message_id
from app.domain.people import TOLD_APART, same_person
from app.domain.statuses import Status
from app.domain.surge import SURGE
from app.errors import Conflict, LensError, NotFound, Refused
from app.store.accepted.follow_up import Wording, with_withdrawals
from app.store.accepted.release_rows import Acceptance
from app.store.accepted.releases import StoredRelease, add_to_release, get_release
from app.store.desk.surges import Decide
from app.store.desk.work_items import Resolve, StoredWorkItem, changed_meanwhile, decide_surge, get_work_item
from app.store.ledger.audit import AuditEntry, append, items_changed
from app.store.ledger.closing import close_items
from app.store.ledger.held import ABOUT_INBOUND, cancel_held, lock_lanes_of_held
from app.store.ledger.history import change
from app.store.ledger.release_versions import versions_of
from app.store.ledger.told import record_of
from app.store.statements.locks import lock_lanes_of_releases, waits_for_lanes
from app.store.statements.rows import counters_first, lock_counters
from app.store.tables.main import MESSAGE, RELEASE, WORK_ITEM

HELD_RELEASES = frozenset({"review", "engine-disagreement"})
"""The codes of work items that hold back all that a release would have sent."""


class Lift(NamedTuple):
    """An operator lifts the hold of a work item. `by` is the name of the key, `reason` the person's own words, `at` Micros.

    `wording` decides a stored release as it is decided once a person has looked at it.
    """

    work_item: int
    reason: str
    by: str
    at: int
    wording: Wording
    read: frozenset[str] | None = None
    """The tags of the work item as the person has read it; None: whatever it is."""


@counters_first
@waits_for_lanes
def lift(connection: Connection, items: Sequence[Lift]) -> list[StoredRelease | StoredWorkItem | LensError]:
    """Lifts holds; each result is the release as it then stands. Has the shape `Writer.do` takes.

    Where two people must lift it, the first gets the work item, still open, and nothing is sent. Of a surge it is the work item, closed: that its messages are to be sent is decided, and `carry_out` does it.

    A result is NotFound, or Conflict where the work item is closed already, holds nothing back (it is resolved, not lifted), or must
    be lifted by another than its first person.
    Raises Refused where the rules in force no longer take a code that the release has.
    """
    lock_counters(connection)
    wanted = select(WORK_ITEM.c.release).where(WORK_ITEM.c.id.in_([item.work_item for item in items]))
    lock_lanes_of_releases(connection, [release for release in connection.scalars(wanted) if release is not None])
    return [_lift_one(connection, item) for item in items]


def _lift_one(connection: Connection, item: Lift) -> StoredRelease | StoredWorkItem | LensError:
    row = _open_hold(connection, item.work_item, item.read)
    if isinstance(row, LensError):
        return row
    if row.code == SURGE:
        return decide_surge(
            connection, Decide(work_item=item.work_item, choice="release", reason=item.reason, by=item.by, at=item.at)
        )
    if row.lift == TWO_PEOPLE and row.first_lift_by is None:
        return _lift_first(connection, item, row)
    if row.lift == TWO_PEOPLE and same_person(row.first_lift_by, item.by):
        told_apart = "" if row.first_lift_by == item.by else f" ({TOLD_APART})"
        lifted = f"{row.first_lift_by} lifted work item {item.work_item} already"
        return Conflict(f"{lifted}; another person must lift it too{told_apart}.")
    send = _queue_held if row.message_status == Status.HELD else _decide_again
    found = send(connection, item, row)
    if isinstance(found, LensError):
        return found
    sent, sums = found
    close_items(connection, WORK_ITEM.c.id == item.work_item, resolution="lifted", by=item.by, at=item.at, reason=item.reason)
    first = {} if row.first_lift_by is None else {"first_lift_by": row.first_lift_by}
    detail = {"code": row.code, "release": row.release_id, **first, **sent}
    entry = AuditEntry(
        at=item.at,
        actor=item.by,
        action="lift_hold",
        target=f"work item {item.work_item}",
        outcome="lifted",
        detail=detail,
        sums=sums,
    )
    append(connection, [entry])
    return get_release(connection, row.release_id)


def _lift_first(connection: Connection, item: Lift, row: Row[Any]) -> StoredWorkItem:
    """The first of two people lifts a hold: it is kept, and the work item stays open for the second. Nothing is sent."""
    first = {
        "first_lift_by": str(item.by),
        "first_lift_at": item.at,
        "first_lift_reason": item.reason,
        "changed_at": item.at,
        "changed_by": str(item.by),
    }
    connection.execute(update(WORK_ITEM).where(WORK_ITEM.c.id == item.work_item).values(first))
    items_changed(connection, [item.work_item], item.at)
    detail = {"code": row.code, "release": row.release_id}
    append(
        connection,
        [
            AuditEntry(
                at=item.at,
                actor=item.by,
                action="lift_hold",
                target=f"work item {item.work_item}",
                outcome="waits for a second person",
                detail=detail,
            )
        ],
    )
    return get_work_item(connection, item.work_item)


def _open_hold(connection: Connection, work_item: int, read: frozenset[str] | None) -> Row[Any] | LensError:
    """The open work item, locked, with the `release_id` and `mode` of its release and the `message_status` of its message, if it
    holds something back and is still as the person has `read` it.
    """
    changed = changed_meanwhile(connection, work_item, read)
    if changed is not None:
        return changed
    statement = select(WORK_ITEM, RELEASE.c.release_id, RELEASE.c.mode, MESSAGE.c.status.label("message_status"))
    statement = statement.join(RELEASE, RELEASE.c.id == WORK_ITEM.c.release, isouter=True)
    statement = statement.join(MESSAGE, MESSAGE.c.number == WORK_ITEM.c.number, isouter=True)
    row = connection.execute(statement.where(WORK_ITEM.c.id == work_item).with_for_update(of=WORK_ITEM)).first()
    if row is None:
        return NotFound(f"There is no work item {work_item}.")
    if row.status != "open":
        return Conflict(f"Work item {work_item} is {row.status}; nothing was sent again.")
    whole_release = row.code in HELD_RELEASES and row.number is None and row.release is not None
    one_message = row.message_status == Status.HELD and row.code not in ABOUT_INBOUND
    if row.code == SURGE or one_message or whole_release:
        return row
    return Conflict(f"Work item {work_item} ({row.code}) holds nothing back; resolve it instead.")


@counters_first
@waits_for_lanes
def reject(connection: Connection, items: Sequence[Resolve]) -> list[StoredRelease | StoredWorkItem | LensError]:
    """Rejects holds: what they keep back is never sent. Each result is the release as it then stands; of a surge, its work item.

    What states were told before stands. A result is NotFound, or Conflict where the work item is closed already or holds nothing
    back. Has the shape `Writer.do` takes.
    """
    lock_counters(connection)
    lock_lanes_of_held(connection, [item.id for item in items])
    return [_reject_one(connection, item) for item in items]


def _reject_one(connection: Connection, item: Resolve) -> StoredRelease | StoredWorkItem | LensError:
    row = _open_hold(connection, item.id, item.read)
    if isinstance(row, LensError):
        return row
    if row.code == SURGE:
        return decide_surge(connection, Decide(work_item=item.id, choice="drop", reason=item.reason, by=item.by, at=item.at))
    cancelled = cancel_held(connection, item.id, item.at, f"rejected by {item.by}: {item.reason}")
    close_items(connection, WORK_ITEM.c.id == item.id, resolution="rejected", by=item.by, at=item.at, reason=item.reason)
    numbers = [message_id(row.number)] if cancelled else []
    detail = {"code": row.code, "release": row.release_id, "cancelled": numbers}
    append(
        connection,
        [
            AuditEntry(
                at=item.at,
                actor=item.by,
                action="reject_hold",
                target=f"work item {item.id}",
                outcome="rejected",
                detail=detail,
            )
        ],
    )
    return get_release(connection, row.release_id)


class HeldBecause(Reason, frozen=True, kw_only=True):
    """A rule that holds a release, and the rules that nearly decided otherwise with the lines in which they failed."""

    nearest_misses: tuple[RuleTrace, ...] = ()
    """The rules that missed by the fewest conditions where this one decided."""


class WorkItemInFull(StoredWorkItem, frozen=True, kw_only=True):
    """A work item, and of one that holds a whole release what a person must read before lifting it.

    `flags` and `subject` are as the release was sent; `because` is why it is held, as it was decided, with the nearest misses of
    the rules in force; `preview` the messages that lifting would send, as things are now. The last two are None where nothing is
    held; `preview` also where the rules in force no longer take a code that the release has.
    """

    flags: tuple[str, ...] = ()
    """The flags of the release that it holds."""
    subject: dict[str, object] | None = None
    """The person in that release, as sent; null where nothing is held."""
    because: tuple[HeldBecause, ...] | None = None
    """Why it is held, as it was decided; null where nothing is held."""
    preview: tuple[Message, ...] | None = None
    """The messages that lifting would send as things are now; null where nothing is held, or where it cannot be decided now."""


class _Sent(msgspec.Struct):
    """What is shown of a release's JSON, as it was sent."""

    subject: dict[str, object]
    holds: tuple[str, ...] = ()


Explain = Callable[[str], tuple[Step, ...]]
"""The steps by which a release's JSON is decided under the rules in force. Raises Refused where they do not take a code in it."""


def look_in_full(connection: Connection, work_item: int, wording: Wording, steps_of: Explain) -> WorkItemInFull:
    """One work item with what lifting it would send. Changes nothing. Raises NotFound."""
    item = get_work_item(connection, work_item)
    full = WorkItemInFull(**{name: getattr(item, name) for name in item.__struct_fields__})
    wanted = select(WORK_ITEM.c.release).where(WORK_ITEM.c.id == work_item, WORK_ITEM.c.number.is_(None))
    release = connection.scalar(wanted)
    if item.status != "open" or item.code not in HELD_RELEASES or release is None:
        return full
    versions = versions_of(connection, release)
    newest = versions[-1]
    sent = msgspec.json.decode(newest.body, type=_Sent)
    decided = msgspec.json.decode(newest.answer, type=Answer).because
    told = record_of(connection, release, lock=False)
    try:
        steps = steps_of(newest.body)
        decision = wording.decide(newest.body, told.references())
    except Refused:
        because = _held_because(decided, ())
        return msgspec.structs.replace(full, flags=sent.holds, subject=sent.subject, because=because)
    because = _held_because(decided, steps)
    decision = with_withdrawals(decision, told, versions, wording)
    preview = dry_run_answer(decision).messages
    return msgspec.structs.replace(full, flags=sent.holds, subject=sent.subject, because=because, preview=preview)


def _held_because(decided: Sequence[Reason], steps: Sequence[Step]) -> tuple[HeldBecause, ...]:
    """Each reason with the nearest misses of the steps in which its rule gave the answer."""
    found = []
    for reason in decided:
        misses: dict[RuleTrace, None] = {}
        for step in steps:
            if any(trace.rule == reason.rule and trace.fate == "fired" for trace in step.rules):
                misses |= dict.fromkeys(step.nearest())
        fields = msgspec.structs.asdict(reason)
        found.append(HeldBecause(**fields, nearest_misses=tuple(misses)))
    return tuple(found)


class _Lifted(NamedTuple):
    """What a lift sent, for the audit trail, and the sums of the messages that it added."""

    detail: dict[str, object]
    sums: dict[str, str]


def _queue_held(connection: Connection, item: Lift, row: Row[Any]) -> _Lifted:
    change(connection=connection, numbers=[row.number], status=Status.QUEUED, at=item.at, cause=_cause(item))
    return _Lifted({"messages": [message_id(row.number)]}, {})


def _decide_again(connection: Connection, item: Lift, row: Row[Any]) -> _Lifted | LensError:
    """Sends what the rules now in force say. Its result names them: they may be others than first decided."""
    versions = versions_of(connection, row.release)
    told = record_of(connection, row.release)
    decision = item.wording.decide(versions[-1].body, told.references())
    if decision.outcome == "hold_for_review":
        return Conflict("The rules engine cannot be trusted with this release yet; nothing was sent.")
    decision = with_withdrawals(decision, told, versions, item.wording)
    again = Acceptance(
        decision=decision,
        fingerprint="",
        body="",
        caller=item.by,
        format=item.wording.format,
        accepted_at=item.at,
        backfill=row.mode == "backfill",
    )
    added = add_to_release(connection, row.release, again, _cause(item))
    detail: dict[str, object] = {
        "messages": [message.message_id for message in added.messages],
        "rulebook": decision.rulebook,
        "rulebook_sha256": decision.rulebook_sha256,
        "because": [reason.rule for reason in decision.because],
    }
    return _Lifted(detail, added.sums)


def _cause(item: Lift) -> str:
    return f"lifted by {item.by}: {item.reason}"
