"""What a correction or a cancellation changes: who gets a CANCEL, what is not sent, which work items are over.

Pure: from what is stored of the release and what was decided about its new content.
"""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import msgspec

from app.decide.decide import TOO_LONG
from app.decide.told import Record
from app.domain.decision import Decision, Errand, Notice, NotifiedOri
from app.domain.versions import Version, version_of


def stands_already(version: Version, kind: str, fingerprint: str) -> bool:
    """Whether a follow-up was carried out before, as the version that stands: a second cancellation, or the same content."""
    if kind == "cancellation":
        return version.kind == "cancellation"
    return fingerprint == version.fingerprint


def conflict(versions: Sequence[Version], fingerprint: str, before: int | None) -> str | None:
    """Why a correction cannot be taken any more, in words. `before` is the number of the version that stood as it was sent."""
    now = versions[-1]
    if now.kind == "cancellation":
        return "This release is cancelled, and cannot be corrected; send it anew under another id."
    # A sender that had no answer asked again, and went on to correct further. Its first request, held up, must not undo that.
    # Which came first is told by the version that stood then, and by no clock: those of two hosts differ, and one may be set back.
    overtaken = before is not None and before < now.version
    stood = any(version.fingerprint == fingerprint for version in versions[:-1])
    if overtaken and stood and fingerprint != now.fingerprint:
        return "A newer correction of this release overtook this one, which has stood before; if it is meant, send it again."
    return None


class TwoPeopleHold(NamedTuple):
    """What two people were to lift of a version: the statuses of its work items, and whether anything of it became a message."""

    statuses: Collection[str]
    sent: bool

    @property
    def stands(self) -> bool:
        """Whether they have not lifted it: it is open, or was closed and sent nothing."""
        return "open" in self.statuses or (bool(self.statuses) and not self.sent)


def is_held_for_two(decision: Decision) -> bool:
    """Whether a release decided so waits for two people."""
    return decision.two_people and decision.outcome == "hold_for_review"


class Withdrawal(NamedTuple):
    """An ORI that must get a CANCEL: what it was told last, whom else that release stands as told, and the content it had then."""

    last: NotifiedOri
    others: tuple[NotifiedOri, ...]
    body: str


Withdraw = Callable[[Withdrawal], Notice | None]
"""The CANCEL for an ORI; None where it is too long to send."""


def withdrawals(decision: Decision, told: Record, versions: Sequence[Version]) -> list[Withdrawal]:
    """Who must get a CANCEL: each ORI that stands as told and is concerned no longer.

    While a person is to decide, or to tell a state in another way, what was told stands.
    """
    if decision.outcome == "hold_for_review":
        return []
    reached = {notice.ori for notice in decision.notices}
    by_hand = {errand.state for errand in decision.errands if errand.code == TOO_LONG}
    standing = {message.ori: (message, told.notified(message)) for message in told.standing()}
    found = []
    for ori, (message, last) in standing.items():
        if ori in reached or last.state in by_hand:
            continue
        others = tuple(other for each, (_, other) in standing.items() if each != ori)
        body = version_of(versions, told.words(message).number).body
        found.append(Withdrawal(last, others, body))
    return found


def with_withdrawals(decision: Decision, told: Record, versions: Sequence[Version], withdraw: Withdraw) -> Decision:
    """The decision with a CANCEL for each ORI that must get one, in the order of the copies; one too long is for a person."""
    notices, errands = [], list(decision.errands)
    for each in withdrawals(decision, told, versions):
        notice = withdraw(each)
        if notice is None:
            errands.append(Errand(TOO_LONG, "", each.last.audience, each.last.state))
        else:
            notices.append(notice)
    notices = sorted([*notices, *decision.notices], key=lambda notice: notice.copy == "receiving")
    return msgspec.structs.replace(decision, notices=tuple(notices), errands=tuple(errands))


class OpenItem(NamedTuple):
    """An open work item of a release; `number` is that of the message it is about, times are Micros."""

    id: int
    code: str
    audience: str | None
    state: str | None
    rule: str
    number: int | None
    opened_at: int
    due_at: int | None


class Plan(NamedTuple):
    """What a follow-up does: these messages are never sent, these work items (their ids) are over, those stay open.

    `decision` has what is told and asked now: with the CANCELs, and without what is asked already.
    """

    unsent: tuple[int, ...]
    over: tuple[int, ...]
    still_open: tuple[OpenItem, ...]
    decision: Decision


def plan_follow_up(
    decision: Decision,
    told: Record,
    versions: Sequence[Version],
    items: Sequence[OpenItem],
    withdraw: Withdraw,
) -> Plan:
    """What follows from new content that was decided so, with what is told of the old and open about it."""
    # A review names no state: a person must look at the new content, so it is asked for anew.
    asked = {(each.code, each.audience, each.state) for each in decision.errands if each.state is not None}
    still_open = [item for item in items if item.number is None and (item.code, item.audience, item.state) in asked]
    over = [item.id for item in items if item not in still_open]
    known = {(item.code, item.audience, item.state) for item in still_open}
    new = tuple(each for each in decision.errands if (each.code, each.audience, each.state) not in known)
    # With all its errands: what a person was asked before, and still is, keeps a state from its CANCEL as well.
    whole = with_withdrawals(decision, told, versions, withdraw)
    too_long = whole.errands[len(decision.errands) :]
    unsent = tuple(message.number for message in told.untold)
    return Plan(
        unsent=unsent,
        over=tuple(over),
        still_open=tuple(still_open),
        decision=msgspec.structs.replace(whole, errands=(*new, *too_long)),
    )
