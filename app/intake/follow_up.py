"""Following up a release: corrected content is read and decided again; a cancellation takes back what was told.

Whom to tell what depends on what has been told, so deciding happens inside the writer's transaction: what is stored is read and
locked, what follows is planned from it (`decide/follow_up.py`), and the plan is carried out.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from app.decide.decide import Decider
from app.decide.follow_up import Withdraw, Withdrawal, conflict, is_held_for_two, plan_follow_up, stands_already
from app.domain.decision import Decision, Notice
from app.domain.release import read_release
from app.domain.times import moment
from app.errors import Fault, LensError, NotFound, Refused
from app.intake.accept import fingerprint
from app.intake.guards import NO_GUARDS, Guards
from app.intake.surge import tell_trips
from app.store.accepted.follow_up import (
    Followed,
    FollowUp,
    ReleaseHead,
    carry_out,
    hold_for_two,
    lock_open_items,
    lock_releases,
    refuse,
    refuse_stranger,
)
from app.store.database.writer import Transaction, Writer
from app.store.ledger.release_versions import versions_of
from app.store.ledger.told import record_of
from app.store.statements.locks import waits_for_lanes
from app.store.statements.rows import counters_first


class Wording(NamedTuple):
    """How to decide and word what follows, inside the transaction. Neither may raise anything but Refused.

    `decide` gets a release's JSON and, for each ORI told, the id of its last message. `withdraw` makes the CANCEL for an ORI.
    """

    decide: Callable[[str, Mapping[str, str]], Decision]
    withdraw: Withdraw


def wording(decider: Decider, decide: Callable[[str, Mapping[str, str]], Decision]) -> Wording:
    """How to decide and word what follows under this decider; `decide` as `Wording` has it."""

    def withdraw(each: Withdrawal) -> Notice | None:
        # Whatever the tables say today of a state in it: it was told, and must be taken back.
        return decider.withdraw(read_release(each.body.encode(), {}), each.last, each.others)

    return Wording(decide, withdraw)


class FollowUpRequest(NamedTuple):
    """A correction or cancellation, and how what follows from it is decided."""

    item: FollowUp
    wording: Wording


@counters_first
@waits_for_lanes
def follow_up(transaction: Transaction, requests: Sequence[FollowUpRequest]) -> list[Followed | LensError]:
    """Corrects or cancels releases, in the order given. Has the shape that `Writer.do` takes.

    A result is NotFound, ReleaseIdTaken where another caller has stored it, or Conflict for a correction after a cancellation or
    one that a newer overtook. The content that stands already, or a second cancellation, gives the answer of then and sends
    nothing.
    """
    releases = lock_releases(transaction, [each.item.release_id for each in requests])
    return [_follow_one(transaction, each, releases.get(each.item.release_id)) for each in requests]


def _follow_one(transaction: Transaction, request: FollowUpRequest, release: ReleaseHead | None) -> Followed | LensError:
    item, wording = request
    if release is None:
        return NotFound("There is no release with this id.")
    if item.own and release.caller != item.by:
        return refuse_stranger(transaction, item, release)
    versions = versions_of(transaction, release.id)
    now = versions[-1]
    why = conflict(versions, item.fingerprint, item.before) if item.kind == "correction" else None
    if why is not None:
        return refuse(transaction, item, why)
    if stands_already(now, item.kind, item.fingerprint):
        return Followed("replay", now.answer.encode())
    by_another = item.kind == "correction" and item.by != release.caller
    if by_another and hold_for_two(transaction, release.id, now).stands:
        new = wording.decide(item.body or "", {})
        if not is_held_for_two(new):
            return refuse(transaction, item, _FOR_TWO)
    told = record_of(transaction, release.id)
    body = now.body if item.body is None else item.body
    decision = wording.decide(body, told.references())
    items = lock_open_items(transaction, release.id)
    plan = plan_follow_up(decision, told, versions, items=items, withdraw=wording.withdraw)
    return carry_out(transaction, item, release, versions=versions, plan=plan)


_FOR_TWO = (
    "The release has a flag that two people must lift, and the correction would take it away; nothing was changed. Have the sender "
    "of the release correct it, or have two people lift the hold; or keep the flag in the correction."
)


class Requester(NamedTuple):
    """Who follows up, and what they could know: the name of the key; with `own`, only what it sent itself.

    `before` is the number of the version of the release that stood as they asked, None where nobody looked.
    """

    name: str
    own: bool
    before: int | None = None


async def correct(
    writer: Writer,
    decider: Decider,
    release_id: str,
    raw: bytes,
    by: Requester,
    clock: Callable[[], int],
    guards: Guards = NO_GUARDS,
) -> Followed:
    """Corrects a release: `raw` is the whole of it as it should have been. `guards` look out for what is not normal.

    It is decided under the rules in force, as of its own day. Raises Refused (NotJson, TooLarge) with every fault, NotFound,
    Conflict when the release is cancelled or another caller's, Unavailable.
    """
    release = decider.read(raw)
    if release.release_id != release_id:
        fault = Fault("/release_id", "other-release", "this must be the release_id of the address")
        raise Refused((fault,))
    now = clock()

    def decide(_: str, told: Mapping[str, str]) -> Decision:
        return decider.decide(release, moment(now), told=told)

    item = FollowUp(
        release_id=release_id,
        kind="correction",
        fingerprint=fingerprint(release),
        body=raw.decode(),
        reason=None,
        by=by.name,
        own=by.own,
        at=now,
        format=decider.terms.message_format,
        breaker=guards.breaker,
        address=guards.mark(release),
        before=by.before,
        review_within=decider.terms.review_within,
    )
    return await _follow_up(writer, FollowUpRequest(item, wording(decider, decide)))


async def cancel(
    writer: Writer,
    decider: Decider,
    release_id: str,
    reason: str,
    by: Requester,
    clock: Callable[[], int],
    guards: Guards = NO_GUARDS,
) -> Followed:
    """Cancels a release: whoever was told gets a CANCEL, what was not sent never is.

    Raises NotFound, Conflict when the release is another caller's, Unavailable.
    """
    now = clock()

    def decide(body: str, _: Mapping[str, str]) -> Decision:
        day = read_release(body.encode(), {}).stay.day
        book = decider.book
        return Decision(
            release_id=release_id,
            outcome="do_not_notify",
            as_of=day,
            rulebook=book.hash,
            rulebook_sha256=book.sha256,
            because=(),
            notices=(),
            errands=(),
            warnings=(),
        )

    item = FollowUp(
        release_id=release_id,
        kind="cancellation",
        fingerprint="",
        body=None,
        reason=reason,
        by=by.name,
        own=by.own,
        at=now,
        format=decider.terms.message_format,
        breaker=guards.breaker,
        review_within=decider.terms.review_within,
    )
    return await _follow_up(writer, FollowUpRequest(item, wording(decider, decide)))


async def _follow_up(writer: Writer, request: FollowUpRequest) -> Followed:
    followed: Followed = await writer.do(follow_up, request)
    tell_trips(followed.trips)
    return followed
