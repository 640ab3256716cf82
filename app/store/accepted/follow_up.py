"""Following up a release: a correction or cancellation, carried out in one transaction.

What was certainly not told yet is cancelled and never sent. Who was told gets a CORRECTION or a CANCEL behind it in the same
lane; so what is under way at that moment may go out, and is followed at once. See docs/how-to/correct-a-release.md.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, select

from app.decide.addresses import Mark
from app.decide.decide import TOO_LONG, TWO_PEOPLE
from app.domain.decision import Decision, Errand, Notice, NotifiedOri, WorkItem, answer
from app.domain.identifiers import message_id
from app.domain.statuses import Status
from app.domain.surge import Breaker
from app.domain.times import rfc3339
from app.errors import Conflict, LensError, NotFound
from app.store.accepted.addresses import move_address, with_caution
from app.store.accepted.release_rows import Acceptance, evidence
from app.store.accepted.releases import Added, add_to_release
from app.store.desk.surge_gate import Trip
from app.store.desk.taken import TAKEN, Claim, refusal, refuse_taken
from app.store.ledger.audit import AuditEntry, append
from app.store.ledger.closing import close_items
from app.store.ledger.held import ABOUT_INBOUND
from app.store.ledger.history import change
from app.store.ledger.release_versions import Version, add_version, version_of, versions_of
from app.store.ledger.told import Record, record_of, told_by
from app.store.statements.locks import lock_lanes_of_releases, waits_for_lanes
from app.store.statements.rows import counters_first, lock_counters
from app.store.tables.main import MESSAGE, RELEASE, WORK_ITEM


class Wording(NamedTuple):
    """How to decide and word what follows, inside the transaction. Neither may raise anything but Refused.

    `decide` gets a release's JSON and, for each ORI told, the id of its last message. `withdraw` makes the CANCEL for an ORI
    from the JSON it was told by, what it was told, and whom else; None where it is too long. `format` is that of the messages.
    """

    decide: Callable[[str, Mapping[str, str]], Decision]
    withdraw: Callable[[str, NotifiedOri, tuple[NotifiedOri, ...]], Notice | None]
    format: Literal["legacy", "niem"]


class FollowUp(NamedTuple):
    """A correction (`fingerprint` and `body` are those of the corrected content) or a cancellation (`reason`, in words).

    `by` is the name of the key, `own` whether only a release that it sent itself may be followed up; `at` is Micros.
    `address` is that of the corrected residence, to be counted. `before` is the number of the version that stood as the request
    came in, None where nobody looked.
    """

    release_id: str
    kind: Literal["correction", "cancellation"]
    fingerprint: str
    body: str | None
    reason: str | None
    by: str
    own: bool
    at: int
    wording: Wording
    breaker: Breaker | None = None
    address: Mark | None = None
    before: int | None = None
    review_within: int | None = None


class Followed(NamedTuple):
    """What became of it: done now, or before. `answer_json` is the decision with the messages of this follow-up alone.

    `queued` says whether it put messages in their lanes, `trips` names the surges that began with it.
    """

    kind: Literal["new", "replay"]
    answer_json: bytes
    queued: bool = False
    trips: tuple[Trip, ...] = ()


@counters_first
@waits_for_lanes
def follow_up(connection: Connection, items: Sequence[FollowUp]) -> list[Followed | LensError]:
    """Corrects or cancels releases, in the order given. Has the shape that `Writer.do` takes.

    A result is NotFound, ReleaseIdTaken where another caller has stored it, or Conflict for a correction after a cancellation or one that a newer overtook. The content that stands
    already, or a second cancellation, gives the answer of then and sends nothing.
    """
    lock_counters(connection)
    ids = sorted({item.release_id for item in items})
    wanted = select(RELEASE).where(RELEASE.c.release_id.in_(ids)).order_by(RELEASE.c.id)
    found = connection.execute(wanted.with_for_update(key_share=True))  # rows may go on to refer to it
    releases = {row.release_id: row for row in found}
    lock_lanes_of_releases(connection, [row.id for row in releases.values()])
    return [_follow_one(connection, item, releases.get(item.release_id)) for item in items]


def _follow_one(connection: Connection, item: FollowUp, release: Row[Any] | None) -> Followed | LensError:
    if release is None:
        return NotFound("There is no release with this id.")
    if item.own and release.caller != item.by:
        refuse_taken(connection, [_claim(item, release)])
        return refusal()
    versions = versions_of(connection, release.id)
    now = versions[-1]
    conflict = _conflict(item, versions) if item.kind == "correction" else None
    if conflict is not None:
        return _refuse(connection, item, conflict)
    if item.kind == now.kind == "cancellation" or (item.kind == "correction" and item.fingerprint == now.fingerprint):
        return Followed("replay", now.answer.encode())
    by_another = item.kind == "correction" and item.by != release.caller
    if by_another and _takes_two_to_lift(connection, release.id, now) and not _held_for_two(item):
        return _refuse(connection, item, _FOR_TWO)
    return _carry_out(connection, item, release, versions)


def _refuse(connection: Connection, item: FollowUp, why: str) -> Conflict:
    """Notes in the trail that a correction was refused."""
    refused = AuditEntry(
        at=item.at, actor=item.by, action="correct_release", target=f"release {item.release_id}", outcome="conflict"
    )
    append(connection, [refused])
    return Conflict(why)


_FOR_TWO = (
    "The release has a flag that two people must lift, and the correction would take it away; nothing was changed. Have the sender "
    "of the release correct it, or have two people lift the hold; or keep the flag in the correction."
)


def _takes_two_to_lift(connection: Connection, release: int, now: Version) -> bool:
    """Whether the version that stands was held for two people, and they have not lifted it: it is open, or was closed and sent nothing."""
    mine = (WORK_ITEM.c.release == release, WORK_ITEM.c.lift == TWO_PEOPLE, WORK_ITEM.c.opened_at >= now.at)
    statuses = set(connection.scalars(select(WORK_ITEM.c.status).where(*mine)))
    if not statuses or "open" in statuses:
        return bool(statuses)
    sent = select(MESSAGE.c.number).where(MESSAGE.c.release == release, MESSAGE.c.number >= now.first_message)
    return connection.scalar(sent.limit(1)) is None


def _held_for_two(item: FollowUp) -> bool:
    """Whether the corrected content is held for two people as well."""
    decision = item.wording.decide(item.body or "", {})
    return decision.two_people and decision.outcome == "hold_for_review"


def _claim(item: FollowUp, release: Row[Any]) -> Claim:
    return Claim(
        release=release.id,
        release_id=item.release_id,
        owner=release.caller,
        caller=item.by,
        action=_ACTIONS[item.kind],
        at=item.at,
        within=item.review_within,
    )


_ACTIONS = {"correction": "correct_release", "cancellation": "cancel_release"}


def _conflict(item: FollowUp, versions: Sequence[Version]) -> str | None:
    """Why a correction cannot be taken any more, in words."""
    now = versions[-1]
    if now.kind == "cancellation":
        return "This release is cancelled, and cannot be corrected; send it anew under another id."
    # A sender that had no answer asked again, and went on to correct further. Its first request, held up, must not undo that.
    # Which came first is told by the version that stood then, and by no clock: those of two hosts differ, and one may be set back.
    overtaken = item.before is not None and item.before < now.version
    stood = any(version.fingerprint == item.fingerprint for version in versions[:-1])
    if overtaken and stood and item.fingerprint != now.fingerprint:
        return "A newer correction of this release overtook this one, which has stood before; if it is meant, send it again."
    return None


def _carry_out(connection: Connection, item: FollowUp, release: Row[Any], versions: list[Version]) -> Followed:
    told = record_of(connection, release.id)
    body = versions[-1].body if item.body is None else item.body
    decision = item.wording.decide(body, told.references())
    backfill = release.mode == "backfill"
    cause = f"{item.kind} by {item.by}" + (f": {item.reason}" if item.reason else "")
    cancelled = _cancel(connection, told, item.at, f"overtaken by a {cause}")
    decision, still_open = _supersede(connection, item, release.id, decision)
    decision = with_withdrawals(decision, told, versions, item.wording)
    decision = with_caution(connection, decision, item.address)
    move_address(connection, release.id, item.address)
    whole = Acceptance(
        decision=decision,
        fingerprint=item.fingerprint,
        body=body,
        caller=item.by,
        format=item.wording.format,
        accepted_at=item.at,
        backfill=backfill,
        breaker=item.breaker,
    )
    added = add_to_release(connection, release.id, whole, cause)
    answered = msgspec.json.encode(answer(decision, added.messages, (*still_open, *added.work_items)))
    version = len(versions) + 1
    head = (version, item.kind, item.fingerprint, str(item.by), decision.rulebook_sha256, body, item.reason)
    stored = Version(*head, answered.decode(), added.first_message, item.at)
    sums = add_version(connection, release.id, stored, evidence(decision))
    entry = _audit_entry(item=item, version=version, decision=decision, added=added, cancelled=cancelled)
    append(connection, [entry._replace(sums=sums | added.sums)])
    return Followed("new", answered, added.queued, added.trips)


def _audit_entry(item: FollowUp, version: int, decision: Decision, added: Added, cancelled: list[str]) -> AuditEntry:
    detail = {
        "version": version,
        "rulebook": decision.rulebook,
        "rulebook_sha256": decision.rulebook_sha256,
        "bytes": len(item.body or ""),
        "messages": [message.message_id for message in added.messages],
        "types": [message.type for message in added.messages],
        "destinations": [message.ori for message in added.messages],
        "cancelled": cancelled,
        "work_items": [each.id for each in added.work_items],
    }
    return AuditEntry(
        at=item.at,
        actor=item.by,
        action=_ACTIONS[item.kind],
        target=f"release {item.release_id}",
        outcome=decision.outcome,
        detail=detail,
    )


def with_withdrawals(decision: Decision, told: Record, versions: Sequence[Version], wording: Wording) -> Decision:
    """The decision with a CANCEL for each ORI that stands as told and is concerned no longer, in the order of the copies.

    While a person is to decide, or to tell a state in another way, what was told stands.
    """
    if decision.outcome == "hold_for_review":
        return decision
    reached = {notice.ori for notice in decision.notices}
    by_hand = {errand.state for errand in decision.errands if errand.code == TOO_LONG}
    standing = {row.ori: told_by(row, told.words(row)) for row in told.standing()}
    notices, errands = [], list(decision.errands)
    for ori, last in standing.items():
        if ori in reached or last.state in by_hand:
            continue
        others = tuple(each for each in standing.values() if each.ori != ori)
        body = version_of(versions, told.words(told.last[ori]).number).body
        notice = wording.withdraw(body, last, others)
        if notice is None:
            errands.append(Errand(TOO_LONG, "", last.audience, last.state))
        else:
            notices.append(notice)
    notices = sorted([*notices, *decision.notices], key=lambda notice: notice.copy == "receiving")
    return msgspec.structs.replace(decision, notices=tuple(notices), errands=tuple(errands))


def _cancel(connection: Connection, told: Record, at: int, cause: str) -> list[str]:
    """Cancels what was not told; the ids."""
    numbers = [row.number for row in told.untold]
    change(connection=connection, numbers=numbers, status=Status.CANCELLED, at=at, cause=cause)
    return [message_id(number) for number in numbers]


def _supersede(
    connection: Connection, item: FollowUp, release: int, decision: Decision
) -> tuple[Decision, tuple[WorkItem, ...]]:
    """Closes the release's work items that no longer apply; what still applies stays open and is not asked for twice."""
    where = (WORK_ITEM.c.release == release, WORK_ITEM.c.status == "open", WORK_ITEM.c.code.not_in({*ABOUT_INBOUND, TAKEN}))
    rows = connection.execute(select(WORK_ITEM).where(*where).order_by(WORK_ITEM.c.id).with_for_update()).all()
    # A review names no state: a person must look at the new content, so it is asked for anew.
    asked = {(errand.code, errand.audience, errand.state) for errand in decision.errands if errand.state is not None}
    still = [row for row in rows if row.number is None and (row.code, row.audience, row.state) in asked]
    over = [row.id for row in rows if row not in still]
    close_items(
        connection,
        WORK_ITEM.c.id.in_(over),
        resolution="superseded",
        by=item.by,
        at=item.at,
        reason=f"superseded by a {item.kind}",
    )
    known = {(row.code, row.audience, row.state) for row in still}
    errands = tuple(each for each in decision.errands if (each.code, each.audience, each.state) not in known)
    return msgspec.structs.replace(decision, errands=errands), tuple(_as_answered(row) for row in still)


def _as_answered(row: Row[Any]) -> WorkItem:
    due_at = None if row.due_at is None else rfc3339(row.due_at)
    return WorkItem(
        id=row.id,
        code=row.code,
        audience=row.audience,
        state=row.state,
        rule=row.rule,
        opened_at=rfc3339(row.opened_at),
        due_at=due_at,
        status=row.status,
    )
