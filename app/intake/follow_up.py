"""Following up a release: corrected content is read and decided again; a cancellation takes back what was told.

Whom to tell what depends on what has been told, so deciding happens inside the writer's transaction, from what is read there.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from app.decide.decide import Decider
from app.domain.decision import Decision, Notice, NotifiedOri
from app.domain.release import read_release
from app.domain.times import moment
from app.errors import Fault, Refused
from app.intake.accept import fingerprint
from app.intake.guards import NO_GUARDS, Guards
from app.intake.surge import tell_trips
from app.store.accepted.follow_up import Followed, FollowUp, Wording, follow_up
from app.store.database.writer import Writer


def wording(decider: Decider, decide: Callable[[str, Mapping[str, str]], Decision]) -> Wording:
    """How the store decides and words what follows under this decider; `decide` as `Wording` has it."""

    def withdraw(body: str, told: NotifiedOri, others: tuple[NotifiedOri, ...]) -> Notice | None:
        # Whatever the tables say today of a state in it: it was told, and must be taken back.
        return decider.withdraw(read_release(body.encode(), {}), told, others)

    return Wording(decide, withdraw, decider.terms.message_format)


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

    how = wording(decider, decide)
    content = (fingerprint(release), raw.decode())
    guard = (guards.breaker, guards.mark(release))
    within = decider.terms.review_within
    item = FollowUp(release_id, "correction", *content, None, by.name, by.own, now, how, *guard, by.before, within)
    return await _follow_up(writer, item)


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

    how = wording(decider, decide)
    item = FollowUp(
        release_id=release_id,
        kind="cancellation",
        fingerprint="",
        body=None,
        reason=reason,
        by=by.name,
        own=by.own,
        at=now,
        wording=how,
        breaker=guards.breaker,
        review_within=decider.terms.review_within,
    )
    return await _follow_up(writer, item)


async def _follow_up(writer: Writer, item: FollowUp) -> Followed:
    followed = await writer.do(follow_up, item)
    tell_trips(followed.trips)
    return followed
