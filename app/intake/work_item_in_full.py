"""What a person reads before lifting a hold: why the release is held, and word for word what lifting it would send."""

from collections.abc import Sequence

import msgspec

from app.decide.decide import Decider
from app.decide.explain import RuleTrace, Step, explain
from app.decide.follow_up import with_withdrawals
from app.domain.decision import Answer, Message, Reason, dry_run_answer
from app.errors import Refused
from app.intake.lift import reviewed
from app.store.accepted.lifting import held_release
from app.store.database.writer import Transaction
from app.store.desk.work_items import StoredWorkItem, get_work_item
from app.store.ledger.release_versions import versions_of
from app.store.ledger.told import record_of


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


def look_in_full(transaction: Transaction, work_item: int, decider: Decider, now: int) -> WorkItemInFull:
    """One work item with what lifting it would send now (Micros). Changes nothing. Raises NotFound."""
    item = get_work_item(transaction, work_item)
    full = WorkItemInFull(**{name: getattr(item, name) for name in item.__struct_fields__})
    release = held_release(transaction, item)
    if release is None:
        return full
    wording = reviewed(decider, now)
    versions = versions_of(transaction, release)
    newest = versions[-1]
    sent = msgspec.json.decode(newest.body, type=_Sent)
    decided = msgspec.json.decode(newest.answer, type=Answer).because
    told = record_of(transaction, release, lock=False)
    try:
        steps = explain(decider, decider.read(newest.body.encode())).steps
        decision = wording.decide(newest.body, told.references())
    except Refused:
        because = _held_because(decided, ())
        return msgspec.structs.replace(full, flags=sent.holds, subject=sent.subject, because=because)
    because = _held_because(decided, steps)
    decision = with_withdrawals(decision, told, versions, wording.withdraw)
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
