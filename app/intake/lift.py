"""Lifting a hold: the release is decided again as if no flag stood and a person had looked at it, and is then sent.

Or rejecting it: nothing of it is sent.
"""

from collections.abc import Callable, Mapping

import msgspec

from app.decide.decide import Decider
from app.decide.explain import explain
from app.domain.decision import Decision
from app.domain.surge import SURGE
from app.domain.times import moment
from app.intake.follow_up import wording
from app.intake.surge import carry_out_surge
from app.store.accepted.follow_up import Wording
from app.store.accepted.lifting import Explain, Lift, lift, reject
from app.store.accepted.releases import StoredRelease
from app.store.database.writer import Writer
from app.store.desk.work_items import Resolve, StoredWorkItem, resolve


def reviewed(decider: Decider, now: int) -> Wording:
    """How a release is decided at a time (Micros) once a person has looked at it: as if no flag stood."""

    def decide_again(body: str, told: Mapping[str, str]) -> Decision:
        release = decider.read(body.encode())
        return decider.decide(msgspec.structs.replace(release, holds=()), moment(now), reviewed=True, told=told)

    return wording(decider, decide_again)


def steps_of(decider: Decider) -> Explain:
    """How a stored release is decided under these rules, step by step."""
    return lambda body: explain(decider, decider.read(body.encode())).steps


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
    item = Lift(work_item=work_item, reason=reason, by=caller, at=now, wording=reviewed(decider, now), read=read)
    lifted: StoredRelease | StoredWorkItem = await writer.do(lift, item)
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
