"""Lifting a hold: the release is decided again as if no flag stood and a person had looked at it, and is then sent.

Or rejecting it: nothing of it is sent.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from app.decide.decide import TWO_PEOPLE, Decider
from app.decide.follow_up import with_withdrawals
from app.domain.decision import Decision
from app.domain.people import TOLD_APART, same_person
from app.domain.statuses import Status
from app.domain.surge import SURGE
from app.domain.times import moment
from app.errors import Conflict, LensError
from app.intake.follow_up import Wording, wording
from app.intake.surge import carry_out_surge
from app.store.accepted.lifting import Hold, Lift, lift_first, lock_holds, open_hold, queue_held, reject, send_anew
from app.store.accepted.releases import StoredRelease
from app.store.database.writer import Transaction, Writer
from app.store.desk.surges import Decide
from app.store.desk.work_items import Resolve, StoredWorkItem, decide_surge, resolve
from app.store.ledger.release_versions import versions_of
from app.store.ledger.told import record_of
from app.store.statements.locks import waits_for_lanes
from app.store.statements.rows import counters_first


def reviewed(decider: Decider, now: int) -> Wording:
    """How a release is decided at a time (Micros) once a person has looked at it: as if no flag stood."""

    def decide_again(body: str, told: Mapping[str, str]) -> Decision:
        release = decider.read(body.encode())
        return decider.decide(msgspec.structs.replace(release, holds=()), moment(now), reviewed=True, told=told)

    return wording(decider, decide_again)


class LiftRequest(NamedTuple):
    """A hold to be lifted, and how a stored release is decided once a person has looked at it."""

    item: Lift
    wording: Wording


@counters_first
@waits_for_lanes
def lift(transaction: Transaction, requests: Sequence[LiftRequest]) -> list[StoredRelease | StoredWorkItem | LensError]:
    """Lifts holds; each result is the release as it then stands. Has the shape `Writer.do` takes.

    Where two people must lift it, the first gets the work item, still open, and nothing is sent. Of a surge it is the work item,
    closed: that its messages are to be sent is decided, and `carry_out` does it.

    A result is NotFound, or Conflict where the work item is closed already, holds nothing back (it is resolved, not lifted), or must
    be lifted by another than its first person.
    Raises Refused where the rules in force no longer take a code that the release has.
    """
    lock_holds(transaction, [each.item.work_item for each in requests])
    return [_lift_one(transaction, each) for each in requests]


def _lift_one(transaction: Transaction, request: LiftRequest) -> StoredRelease | StoredWorkItem | LensError:
    item = request.item
    hold = open_hold(transaction, item.work_item, item.read)
    if isinstance(hold, LensError):
        return hold
    if hold.code == SURGE:
        choice = Decide(work_item=item.work_item, choice="release", reason=item.reason, by=item.by, at=item.at)
        return decide_surge(transaction, choice)
    if hold.lift == TWO_PEOPLE and hold.first_lift_by is None:
        return lift_first(transaction, item, hold)
    if hold.lift == TWO_PEOPLE and same_person(hold.first_lift_by or "", item.by):
        told_apart = "" if hold.first_lift_by == item.by else f" ({TOLD_APART})"
        lifted = f"{hold.first_lift_by} lifted work item {item.work_item} already"
        return Conflict(f"{lifted}; another person must lift it too{told_apart}.")
    if hold.message_status == Status.HELD:
        return queue_held(transaction, item, hold)
    return _decide_again(transaction, request, hold)


def _decide_again(transaction: Transaction, request: LiftRequest, hold: Hold) -> StoredRelease | LensError:
    item, wording = request
    versions = versions_of(transaction, hold.release)
    told = record_of(transaction, hold.release)
    decision = wording.decide(versions[-1].body, told.references())
    if decision.outcome == "hold_for_review":
        return Conflict("The rules engine cannot be trusted with this release yet; nothing was sent.")
    decision = with_withdrawals(decision, told, versions, wording.withdraw)
    return send_anew(transaction, item, hold, decision)


async def lift_hold(
    writer: Writer,
    decider: Decider,
    work_item: int,
    reason: str,
    caller: str,
    clock: Callable[[], int],
    read: frozenset[str] | None = None,
) -> StoredRelease | StoredWorkItem:
    """Lifts the hold of an open work item; the release as it then stands. `clock` tells the time in Micros.

    Lifting a surge queues all that it held back, as it is, in order; the answer is its work item.

    A message kept back for its ORI is queued as it is. A release kept back for review is decided under the rules in force, as of
    its own day; where these owe no notice, none is sent. Whoever was told before, by an earlier version of it, gets a CORRECTION
    or a CANCEL. `read` are the tags of the work item as the person has read it; None: whatever it is. Raises NotFound,
    ChangedMeanwhile, Conflict (lifted or resolved before, or nothing is held back), Unavailable.
    """
    now = clock()
    item = Lift(work_item=work_item, reason=reason, by=caller, at=now, format=decider.terms.message_format, read=read)
    request = LiftRequest(item, reviewed(decider, now))
    lifted: StoredRelease | StoredWorkItem = await writer.do(lift, request)
    if isinstance(lifted, StoredWorkItem) and lifted.code == SURGE:
        await carry_out_surge(writer, work_item)
    return lifted


async def reject_hold(writer: Writer, item: Resolve) -> StoredRelease | StoredWorkItem:
    """Rejects the hold of an open work item: what it keeps back is never sent. The release as it then stands; of a surge, whose
    messages are cancelled, its work item. Raises NotFound, ChangedMeanwhile, Conflict (closed before, or nothing is held back), Unavailable.
    """
    rejected: StoredRelease | StoredWorkItem = await writer.do(reject, item)
    if isinstance(rejected, StoredWorkItem):
        await carry_out_surge(writer, item.id)
    return rejected


async def resolve_item(writer: Writer, item: Resolve) -> StoredWorkItem:
    """Closes a work item; nothing is sent. What a surge held back is then cancelled. Raises NotFound, ChangedMeanwhile, Conflict,
    Unavailable.
    """
    resolved = await writer.do(resolve, item)
    if resolved.code == SURGE:
        await carry_out_surge(writer, item.id)
    return resolved
