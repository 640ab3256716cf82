"""Following up a release: what is read of it to plan a correction or cancellation, and the plan carried out in one transaction.

What was certainly not told yet is cancelled and never sent. Who was told gets a CORRECTION or a CANCEL after it in the same
lane; so what is under way at that moment may go out, and is followed at once. See docs/how-to/correct-a-release.md.
"""

from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

import msgspec
from sqlalchemy import Connection, select

from app.decide.addresses import Mark
from app.decide.decide import TWO_PEOPLE
from app.decide.follow_up import OpenItem, Plan, TwoPeopleHold
from app.domain.decision import Decision, WorkItem, answer
from app.domain.identifiers import message_id
from app.domain.statuses import Status
from app.domain.surge import Breaker
from app.domain.times import rfc3339
from app.domain.versions import Version
from app.errors import Conflict, LensError
from app.store.accepted.addresses import move_address, with_caution
from app.store.accepted.release_rows import Acceptance, evidence
from app.store.accepted.releases import Added, add_to_release
from app.store.desk.surge_gate import Trip
from app.store.desk.taken import TAKEN, Claim, refusal, refuse_taken
from app.store.ledger.audit import AuditEntry, append
from app.store.ledger.closing import close_items
from app.store.ledger.held import ABOUT_INBOUND
from app.store.ledger.history import change
from app.store.ledger.release_versions import add_version
from app.store.statements.locks import lock_lanes_of_releases
from app.store.statements.rows import lock_counters
from app.store.tables.main import MESSAGE, RELEASE, WORK_ITEM


class FollowUp(NamedTuple):
    """A correction (`fingerprint` and `body` are those of the corrected content) or a cancellation (`reason`, in words).

    `by` is the name of the key, `own` whether only a release that it sent itself may be followed up; `at` is Micros. `format` is
    that of the messages.
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
    format: Literal["legacy", "niem"]
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


class ReleaseHead(NamedTuple):
    """A stored release: its row id, who sent it, and how."""

    id: int
    release_id: str
    caller: str
    mode: str


def lock_releases(connection: Connection, release_ids: Collection[str]) -> dict[str, ReleaseHead]:
    """Those of these releases that are stored, by their ids. Locks the counters, then the releases, then their lanes."""
    lock_counters(connection)
    columns = [RELEASE.c[name] for name in ReleaseHead._fields]
    wanted = select(*columns).where(RELEASE.c.release_id.in_(sorted(set(release_ids)))).order_by(RELEASE.c.id)
    found = connection.execute(wanted.with_for_update(key_share=True))  # rows may go on to refer to it
    releases = {row.release_id: ReleaseHead(*row) for row in found}
    lock_lanes_of_releases(connection, [release.id for release in releases.values()])
    return releases


def refuse(connection: Connection, item: FollowUp, why: str) -> Conflict:
    """Notes in the trail that a correction was refused."""
    refused = AuditEntry(
        at=item.at, actor=item.by, action="correct_release", target=f"release {item.release_id}", outcome="conflict"
    )
    append(connection, [refused])
    return Conflict(why)


def refuse_stranger(connection: Connection, item: FollowUp, release: ReleaseHead) -> LensError:
    """Notes that a caller meant a release which another has stored, for a person to look at."""
    claim = Claim(
        release=release.id,
        release_id=item.release_id,
        owner=release.caller,
        caller=item.by,
        action=_ACTIONS[item.kind],
        at=item.at,
        within=item.review_within,
    )
    refuse_taken(connection, [claim])
    return refusal()


_ACTIONS = {"correction": "correct_release", "cancellation": "cancel_release"}


def hold_for_two(connection: Connection, release: int, now: Version) -> TwoPeopleHold:
    """What two people were to lift of the version that stands."""
    mine = (WORK_ITEM.c.release == release, WORK_ITEM.c.lift == TWO_PEOPLE, WORK_ITEM.c.opened_at >= now.at)
    statuses = set(connection.scalars(select(WORK_ITEM.c.status).where(*mine)))
    sent = select(MESSAGE.c.number).where(MESSAGE.c.release == release, MESSAGE.c.number >= now.first_message)
    return TwoPeopleHold(statuses, connection.scalar(sent.limit(1)) is not None)


def lock_open_items(connection: Connection, release: int) -> list[OpenItem]:
    """The open work items of a release (its row id) that a follow-up may settle, locked: of what a state asks it settles nothing."""
    columns = [WORK_ITEM.c[name] for name in OpenItem._fields]
    mine = (WORK_ITEM.c.release == release, WORK_ITEM.c.status == "open", WORK_ITEM.c.code.not_in({*ABOUT_INBOUND, TAKEN}))
    rows = connection.execute(select(*columns).where(*mine).order_by(WORK_ITEM.c.id).with_for_update())
    return [OpenItem(*row) for row in rows]


def carry_out(
    connection: Connection, item: FollowUp, release: ReleaseHead, versions: Sequence[Version], plan: Plan
) -> Followed:
    """Does what was planned, and stores it as the next version of the release."""
    cause = f"{item.kind} by {item.by}" + (f": {item.reason}" if item.reason else "")
    over = f"overtaken by a {cause}"
    change(connection=connection, numbers=plan.unsent, status=Status.CANCELLED, at=item.at, cause=over)
    close_items(
        connection,
        WORK_ITEM.c.id.in_(plan.over),
        resolution="superseded",
        by=item.by,
        at=item.at,
        reason=f"superseded by a {item.kind}",
    )
    decision = with_caution(connection, plan.decision, item.address)
    move_address(connection, release.id, item.address)
    body = versions[-1].body if item.body is None else item.body
    whole = Acceptance(
        decision=decision,
        fingerprint=item.fingerprint,
        body=body,
        caller=item.by,
        format=item.format,
        accepted_at=item.at,
        backfill=release.mode == "backfill",
        breaker=item.breaker,
    )
    added = add_to_release(connection, release.id, whole, cause)
    still_open = tuple(_as_answered(each) for each in plan.still_open)
    answered = msgspec.json.encode(answer(decision, added.messages, (*still_open, *added.work_items)))
    stored = Version(
        version=len(versions) + 1,
        kind=item.kind,
        fingerprint=item.fingerprint,
        caller=str(item.by),
        rulebook=decision.rulebook_sha256,
        body=body,
        reason=item.reason,
        answer=answered.decode(),
        first_message=added.first_message,
        at=item.at,
    )
    sums = add_version(connection, release.id, stored, evidence(decision))
    cancelled = [message_id(number) for number in plan.unsent]
    entry = _audit_entry(item=item, version=stored.version, decision=decision, added=added, cancelled=cancelled)
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


def _as_answered(item: OpenItem) -> WorkItem:
    due_at = None if item.due_at is None else rfc3339(item.due_at)
    return WorkItem(
        id=item.id,
        code=item.code,
        audience=item.audience,
        state=item.state,
        rule=item.rule,
        opened_at=rfc3339(item.opened_at),
        due_at=due_at,
        status="open",
    )
