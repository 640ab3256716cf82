"""Following up a release: corrected content is read and decided again; a cancellation takes back what was told.

Whom to tell what depends on what has been told, so deciding happens inside the writer's transaction, from what is read there.
"""

from collections.abc import Callable, Mapping

from app.decide.decide import Decider
from app.domain.decision import Decision, Notice, Told
from app.domain.release import read_release
from app.domain.times import moment
from app.errors import Fault, Refused
from app.intake.accept import fingerprint
from app.store.follow_up import Followed, FollowUp, Wording, follow_up
from app.store.writer import Writer


def wording(decider: Decider, decide: Callable[[str, Mapping[str, str]], Decision]) -> Wording:
    """How the store decides and words what follows under this decider; `decide` as `Wording` has it."""

    def withdraw(body: str, told: Told, others: tuple[Told, ...]) -> Notice | None:
        # Whatever the tables say today of a state in it: it was told, and must be taken back.
        return decider.withdraw(read_release(body.encode(), {}), told, others)

    return Wording(decide, withdraw, decider.terms.message_format)


async def correct(
    writer: Writer, decider: Decider, release_id: str, raw: bytes, caller: str, clock: Callable[[], int], *, own: bool
) -> Followed:
    """Corrects a release: `raw` is the whole of it as it should have been. With `own`, only one that `caller` sent itself.

    It is decided under the rules in force, as of its own day. Raises Refused (NotJson, TooLarge) with every fault, NotFound,
    Conflict when the release is cancelled, Unavailable.
    """
    release = decider.read(raw)
    if release.release_id != release_id:
        fault = Fault("/release_id", "other-release", "this must be the release_id of the address", (release_id,))
        raise Refused((fault,))
    now = clock()

    def decide(_: str, told: Mapping[str, str]) -> Decision:
        return decider.decide(release, moment(now), told=told)

    how = wording(decider, decide)
    item = FollowUp(release_id, "correction", fingerprint(release), raw.decode(), None, caller, own, now, how)
    return await writer.do(follow_up, item)


async def cancel(
    writer: Writer, decider: Decider, release_id: str, reason: str, caller: str, clock: Callable[[], int], *, own: bool
) -> Followed:
    """Cancels a release: whoever was told gets a CANCEL, what was not sent never is. With `own`, only one that `caller` sent.

    Raises NotFound, Unavailable.
    """
    now = clock()

    def decide(body: str, _: Mapping[str, str]) -> Decision:
        day = read_release(body.encode(), {}).stay.day
        return Decision(release_id, "do_not_notify", day, decider.book.hash, (), (), (), ())

    item = FollowUp(release_id, "cancellation", "", None, reason, caller, own, now, wording(decider, decide))
    return await writer.do(follow_up, item)
