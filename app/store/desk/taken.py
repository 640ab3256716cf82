"""A release_id that two callers use: whoever comes second is refused, and a person is told, naming both.

The second may be the true feed, whose states would otherwise go without their notice and nobody would know.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select

from app.domain.times import SECOND
from app.errors import ReleaseIdTaken
from app.store.desk.work_items import NewWorkItem, open_all
from app.store.ledger.audit import AuditEntry, append
from app.store.tables.main import WORK_ITEM

TAKEN = "release-id-taken"
"""The work item's code. It belongs to the release that stands, but it is no business of who sent that."""


class Claim(NamedTuple):
    """A caller's use of an id under which another has stored a release (`release`: its row id, `owner`: who stored it).

    `action` is what the caller asked for, as the audit trail names it; `within` how many seconds a person has; `at` is Micros.
    """

    release: int
    release_id: str
    owner: str
    caller: str
    action: str
    at: int
    within: int | None


def refuse_taken(connection: Connection, claims: Sequence[Claim]) -> None:
    """Opens a work item for each release and caller that has none yet, however often the caller tries, and writes the audit trail.

    The counters must be locked: so two processes do not open one each.
    """
    if not claims:
        return
    told = {(claim.release, _in_words(claim)) for claim in claims}
    wanted = select(WORK_ITEM.c.release, WORK_ITEM.c.detail).where(
        WORK_ITEM.c.code == TAKEN, WORK_ITEM.c.release.in_({release for release, _ in told})
    )
    known = {(row.release, row.detail) for row in connection.execute(wanted)}
    fresh: dict[tuple[int, str], Claim] = {}
    for claim in claims:
        pair = (claim.release, _in_words(claim))
        if pair not in known:
            fresh.setdefault(pair, claim)
    items = []
    for (release, detail), claim in fresh.items():
        due_at = None if claim.within is None else claim.at + claim.within * SECOND
        items.append(NewWorkItem(TAKEN, claim.at, release, detail=detail, due_at=due_at))
    open_all(connection, items)
    append(connection, [_entry(claim) for claim in claims])


def refusal() -> ReleaseIdTaken:
    """What the caller is told: nothing of the other."""
    return ReleaseIdTaken("Another caller has used this release_id. Nothing was stored; people at LENS are told of it.")


def _in_words(claim: Claim) -> str:
    return f"stored by {claim.owner}; {claim.caller} sent a release under the same release_id"


def _entry(claim: Claim) -> AuditEntry:
    return AuditEntry(at=claim.at, actor=claim.caller, action=claim.action, target=f"release {claim.release_id}", outcome=TAKEN)
