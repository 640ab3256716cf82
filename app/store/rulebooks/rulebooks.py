"""The life of rulebooks: drafts stored, approvals, publications, rollbacks; each in one transaction with its audit rows.

Each of these locks the one row that says what is live, so of two people who act at once the second sees what the first did. What
was refused is in the audit trail as well.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from sqlalchemy import Connection, select, update

from app.domain.times import rfc3339
from app.errors import Conflict, LensError, NotFound
from app.rulebook.bundles.bundle import Bundle
from app.rulebook.bundles.versions import (
    FOLDER,
    VersionState,
    Way,
    age_fault,
    approval_fault,
    publication_fault,
    scenario_fault,
    step_back,
)
from app.store.ledger.audit import AuditEntry, append
from app.store.rulebooks.rulebook_reads import Pointer, identify, lock_pointer, newest_sequence, publication, standing
from app.store.statements.rows import insert
from app.store.tables.main import RULEBOOK, RULEBOOK_LIVE

_RULEBOOK = (
    "version",
    "sha256",
    "drafted_by",
    "drafted_at",
    "check_json",
    "manifest",
    "signature",
    "sequence",
    "title",
    "reason",
    "corrects_past",
)
_FILE = ("version", "name", "content")
_PUBLICATION = ("seq", "version", "back_to", "way", "named", "published_by", "published_at", "live_at", "reason")

Kept = Literal["new", "again", "signed", "known"]
"""What became of a draft: stored now; stored before and sent back, and now a draft again; stored before, and now signed too;
stored before."""

LABEL_TAKEN = "label-taken"
OLDER_BUNDLE = "older-bundle"


class Barred(Conflict):
    """A rulebook may not be stored, or not go live by itself. `why` is the code of the fault."""

    def __init__(self, why: str, detail: str) -> None:
        self.why = why
        super().__init__(detail)


class Draft(NamedTuple):
    """A rulebook that passed its check, to be stored. `check_json` is its CheckResult, `by` who drafts it, `at` Micros.

    `title` and `reason` are in that person's words; `corrects_past` says why days before today may change.
    """

    bundle: Bundle
    check_json: str
    by: str
    at: int
    title: str | None = None
    reason: str | None = None
    corrects_past: str | None = None


class Approve(NamedTuple):
    """`by` approves a version after having seen the diff from `diff_seen` to it. `at` is Micros.

    `failing_too`: also one whose scenarios fail. `corrects_past` as in a draft; `past_cases` of days before today change, and
    `past_fault` says why they may not; so many safeguards are gone or weaker (`losses`).
    """

    version: str
    diff_seen: str | None
    by: str
    at: int
    comment: str | None = None
    corrects_past: str | None = None
    failing_too: bool = False
    past_cases: int = 0
    losses: int = 0
    past_fault: str | None = None


class Publish(NamedTuple):
    """`by` puts an approved version live, `lead` Micros from now, so that every process can be ready for it. `at` is Micros.

    `failing_too`: also one whose scenarios fail. `in_order`: not one whose signed bundle is older than one that was live, unless
    `older` says why. `reason` is that of a rollback, `past_fault` as in an approval.
    """

    version: str
    by: str
    at: int
    lead: int
    reason: str | None = None
    failing_too: bool = False
    in_order: bool = False
    older: str | None = None
    past_fault: str | None = None


class TakeIn(NamedTuple):
    """What is found in the folder is stored and put live, unless something was published since `seq`.

    `in_order`: not a signed bundle that is older than one that was live. `losses` as in an approval.
    """

    draft: Draft
    seq: int
    lead: int
    in_order: bool = False
    losses: int = 0


class Published(NamedTuple):
    """What is live from `live_at` (Micros of the database's clock) on, by publication `seq`."""

    seq: int
    version: str
    live_at: int


def draft(connection: Connection, items: Sequence[Draft]) -> list[Kept | LensError]:
    """Stores versions; the same one again changes nothing. Has the shape `Writer.do` takes.

    A result is Barred when another rulebook has the same label: then nothing of this one is stored.
    """
    lock_pointer(connection)
    return [_keep_draft(connection, item) for item in items]


def _keep_draft(connection: Connection, item: Draft) -> Kept | Barred:
    version, sha256 = item.bundle.version, item.bundle.sha256
    row = connection.execute(select(RULEBOOK).where(RULEBOOK.c.version == version)).first()
    if row is None:
        return _store(connection, item, version, sha256)
    if row.sha256 != sha256:
        detail = {"sha256": sha256, "why": LABEL_TAKEN, "stored_sha256": row.sha256}
        append(connection, [entry_of(item, "draft_rulebook", version, "refused", detail)])
        words = f"Another rulebook is stored under the label {version}; change anything in this one, and its label changes."
        return Barred(LABEL_TAKEN, words)
    if row.rejected_by is not None:
        # Whoever drafts it again is its drafter: the approval must be another person's.
        drafter = {"drafted_by": item.by, "drafted_at": item.at}
        fresh = {**drafter, "title": item.title, "reason": item.reason, "corrects_past": item.corrects_past}
        no_more = dict.fromkeys(("rejected_by", "rejected_at", "comment", "approved_by", "approved_at", "approved_against"))
        connection.execute(update(RULEBOOK).where(RULEBOOK.c.version == version).values(**fresh, **no_more))
        append(connection, [entry_of(item, "draft_rulebook", version, "again", _said(item, sha256))])
        return "again"
    sequence = item.bundle.sequence
    # A signature made earlier, of the same files, must not take the place of a later one.
    if sequence is None or row.signature == item.bundle.signature or sequence < (row.sequence or 0):
        return "known"
    vouched = {"manifest": item.bundle.manifest, "signature": item.bundle.signature, "sequence": sequence}
    connection.execute(update(RULEBOOK).where(RULEBOOK.c.version == version).values(vouched))
    append(connection, [entry_of(item, "draft_rulebook", version, "signed", {"sha256": sha256, "sequence": sequence})])
    return "signed"


def _store(connection: Connection, item: Draft, version: str, sha256: str) -> Kept:
    bundle = item.bundle
    row = (
        version,
        sha256,
        item.by,
        item.at,
        item.check_json,
        bundle.manifest,
        bundle.signature,
        bundle.sequence,
        item.title,
        item.reason,
        item.corrects_past,
    )
    insert(connection, "rulebook", _RULEBOOK, [row])
    insert(connection, "rulebook_file", _FILE, [(version, file.name, file.content) for file in bundle.files])
    append(connection, [entry_of(item, "draft_rulebook", version, "stored", _said(item, sha256))])
    return "new"


def _said(item: Draft, sha256: str) -> dict[str, object]:
    """What the trail keeps of a draft that was taken."""
    files = item.bundle.files
    size = sum(len(file.content) for file in files)
    said = {"title": item.title, "reason": item.reason, "corrects_past": item.corrects_past, "sequence": item.bundle.sequence}
    detail = {"files": len(files), "bytes": size, "sha256": sha256, "signed": item.bundle.signature is not None}
    return detail | _given(said)


def _given(said: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in said.items() if value is not None}


def approve(connection: Connection, items: Sequence[Approve]) -> list[LensError | None]:
    """Approves versions. A result is NotFound, or Conflict where that person may not, or saw another diff.

    Has the shape `Writer.do` takes.
    """
    live = lock_pointer(connection)
    return [_approve_one(connection, item, live) for item in items]


def _approve_one(connection: Connection, item: Approve, live: Pointer) -> LensError | None:
    try:
        place = standing(connection, item.version, live.version)
    except NotFound as error:
        return error
    seen = live.version if item.diff_seen == live.sha256 else item.diff_seen
    fault = approval_fault(place, item.by, seen)
    if fault is None and not item.failing_too:
        fault = scenario_fault(place.version, place.failing, untried=place.untried)
    if fault is None and item.past_fault is not None:
        fault = Conflict(item.past_fault)
    said = _given(
        {
            "comment": item.comment,
            "corrects_past": item.corrects_past,
            "past_cases": item.past_cases or None,
            "losses": item.losses or None,
        }
    )
    detail = {
        "diff_seen": seen,
        "live": live.version,
        "drafted_by": place.drafted_by,
        "sha256": identify(connection, place.version),
        **said,
    }
    if fault is None:
        approval = {"approved_by": item.by, "approved_at": item.at, "approved_against": live.version}
        row = update(RULEBOOK).where(RULEBOOK.c.version == place.version)
        connection.execute(row.values(**approval, comment=item.comment))
        if item.corrects_past is not None:
            connection.execute(row.values(corrects_past=item.corrects_past))
    append(connection, [entry_of(item, "approve_rulebook", place.version, "refused" if fault else "approved", detail)])
    return fault


def publish(connection: Connection, items: Sequence[Publish]) -> list[Published | LensError]:
    """Puts approved versions live; one that is live stays so. A result is NotFound, or Conflict where it is not approved as a
    change from what is live. Has the shape `Writer.do` takes.
    """
    return [_publish_one(connection, item) for item in items]


def _publish_one(connection: Connection, item: Publish) -> Published | LensError:
    live = lock_pointer(connection)
    try:
        place = standing(connection, item.version, live.version)
    except NotFound as error:
        return error
    version = place.version
    if version == live.version:
        return Published(live.seq, version, live.live_at)
    sha256 = identify(connection, version)
    fault = _publication_fault(place, item)
    if fault is not None:
        append(connection, [entry_of(item, "publish_rulebook", version, "refused", {"live": live.version, "sha256": sha256})])
        return fault
    more = {"approved_by": place.approved_by, **_given({"older": item.older, "reason": item.reason})}
    if item.failing_too and place.failing.count:
        more["failed_scenarios"] = place.failing.count
    return _go_live(connection, item, live, _Step(version, live.seq or None, "publish", version), more)


def _publication_fault(place: VersionState, item: Publish) -> Conflict | None:
    fault = publication_fault(place)
    if fault is None and not item.failing_too:
        fault = scenario_fault(place.version, place.failing, untried=place.untried)
    if fault is None and item.in_order and item.older is None:
        fault = age_fault(place)
    if fault is None and item.past_fault is not None:
        fault = Conflict(item.past_fault)
    return fault


def roll_back(connection: Connection, items: Sequence[Publish]) -> list[Published | LensError]:
    """Goes one step back from the live version; `version` is that one, or the one before it. A repeated request changes nothing.

    A result is NotFound, or Conflict where there is nothing to go back to. Has the shape `Writer.do` takes.
    """
    return [_roll_back_one(connection, item) for item in items]


def _roll_back_one(connection: Connection, item: Publish) -> Published | LensError:
    live = lock_pointer(connection)
    try:
        named = standing(connection, item.version, live.version).version
    except NotFound as error:
        return error
    last = publication(connection, live.seq)
    target = publication(connection, last.back_to) if last is not None and last.back_to is not None else None
    undone = last.named if last is not None and last.way == "rollback" else None
    step = step_back(named, live.version, target.version if target is not None else None, undone)
    if isinstance(step, Conflict):
        append(connection, [entry_of(item, "roll_back_rulebook", named, "refused", {"live": live.version})])
        return step
    if step.again or target is None:
        return Published(live.seq, step.to, live.live_at)
    lapsed = update(RULEBOOK).where(RULEBOOK.c.version == live.version).values(approved_against=None)
    connection.execute(lapsed)  # what was taken back does not come again unseen
    reached = _Step(step.to, target.back_to, "rollback", named)
    more = {"taken_back": live.version, **_given({"reason": item.reason})}
    return _go_live(connection, item, live, reached, more)


def take_in(connection: Connection, items: Sequence[TakeIn]) -> list[Published | LensError]:
    """Stores what the folder holds and puts it live, on nobody's approval: the simple way for one machine.

    A result is Barred where it may not go live; Conflict when something was published since: then the folder is looked at again.
    Has the shape `Writer.do` takes.
    """
    return [_take_in_one(connection, item) for item in items]


def _take_in_one(connection: Connection, item: TakeIn) -> Published | LensError:
    live = lock_pointer(connection)
    version = item.draft.bundle.version
    if live.seq != item.seq:
        return Conflict("Another rulebook went live meanwhile; look at the folder again.")
    kept = _keep_draft(connection, item.draft)
    if isinstance(kept, Barred):
        return kept
    newest = newest_sequence(connection)
    sequence = item.draft.bundle.sequence or 0
    if item.in_order and sequence < newest and version != live.version:
        words = (
            f"sequence {sequence} is older than {newest}, which was live: a person publishes it (lens rulebook publish --older)"
        )
        return Barred(OLDER_BUNDLE, words)
    connection.execute(update(RULEBOOK_LIVE).values(folder=version))
    if version == live.version:
        return Published(live.seq, version, live.live_at)
    wanted = Publish(version, item.draft.by, item.draft.at, item.lead, reason=item.draft.corrects_past)
    more = _given({"corrects_past": item.draft.corrects_past, "losses": item.losses or None})
    return _go_live(connection, wanted, live, _Step(version, live.seq or None, FOLDER, version), more)


class _Step(NamedTuple):
    """To which version, to which publication a later rollback leads, how, and which version was named for it."""

    version: str
    back_to: int | None
    way: Way
    named: str


_ACTIONS: dict[Way, str] = {"publish": "publish_rulebook", "rollback": "roll_back_rulebook", "folder": "take_in_rulebook"}


def _go_live(connection: Connection, item: Publish, live: Pointer, step: _Step, more: Mapping[str, object]) -> Published:
    seq, live_at = live.seq + 1, live.now + item.lead
    reason = item.older or item.reason
    row = (seq, step.version, step.back_to, step.way, step.named, item.by, item.at, live_at, reason)
    insert(connection, "rulebook_publication", _PUBLICATION, [row])
    connection.execute(update(RULEBOOK_LIVE).values(seq=seq, version=step.version, live_at=live_at))
    sha256 = identify(connection, step.version)
    detail = {"seq": seq, "was_live": live.version, "live_at": rfc3339(live_at), "sha256": sha256, **more}
    entry = entry_of(item, _ACTIONS[step.way], step.version, "live", detail)
    append(connection, [entry._replace(covers=(f"rulebook_publication {seq}",))])
    return Published(seq, step.version, live_at)


def entry_of(
    item: Draft | Approve | Publish, action: str, version: str, outcome: str, detail: Mapping[str, object]
) -> AuditEntry:
    """What the trail keeps of something done to a version."""
    return AuditEntry(item.at, item.by, action, f"rulebook {version}", outcome, detail)
