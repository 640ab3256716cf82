"""The life of rulebooks: drafts stored, approvals, publications, rollbacks; each in one transaction with its audit rows.

Each of these locks the one row that says what is live, so of two people who act at once the second sees what the first did. What
was refused is in the audit trail as well.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from sqlalchemy import Connection, select, update

from app.domain.times import rfc3339
from app.errors import Conflict, LensError, NotFound
from app.rulebook.bundle import Bundle
from app.rulebook.content import full_hash
from app.rulebook.versions import FOLDER, Way, approval_fault, publication_fault, step_back
from app.store.audit import AuditEntry, append
from app.store.rows import insert
from app.store.rulebook_reads import Pointer, lock_pointer, publication, standing
from app.store.tables import RULEBOOK, RULEBOOK_LIVE

_RULEBOOK = ("version", "sha256", "drafted_by", "drafted_at", "check_json", "manifest", "signature")
_FILE = ("version", "name", "content")
_PUBLICATION = ("seq", "version", "back_to", "way", "named", "published_by", "published_at", "live_at")

Kept = Literal["new", "signed", "known"]
"""What became of a draft: stored now; stored before, and now signed too; stored before."""


class Draft(NamedTuple):
    """A rulebook that passed its check, to be stored. `check_json` is its CheckResult, `by` who drafts it, `at` Micros."""

    bundle: Bundle
    check_json: str
    by: str
    at: int


class Approve(NamedTuple):
    """`by` approves a version after having seen the diff from `diff_seen` to it. `at` is Micros."""

    version: str
    diff_seen: str | None
    by: str
    at: int


class Publish(NamedTuple):
    """`by` puts an approved version live, `lead` Micros from now, so that every process can be ready for it. `at` is Micros."""

    version: str
    by: str
    at: int
    lead: int


class TakeIn(NamedTuple):
    """What is found in the folder is stored and put live, unless something was published since `seq`."""

    draft: Draft
    seq: int
    lead: int


class Published(NamedTuple):
    """What is live from `live_at` (Micros of the database's clock) on, by publication `seq`."""

    seq: int
    version: str
    live_at: int


def draft(connection: Connection, items: Sequence[Draft]) -> list[Kept | LensError]:
    """Stores versions; the same one again changes nothing. Has the shape `Writer.do` takes.

    A result is Conflict when another rulebook has the same short hash.
    """
    lock_pointer(connection)
    return [_kept(connection, item) for item in items]


def _kept(connection: Connection, item: Draft) -> Kept | Conflict:
    files, version = item.bundle.files, item.bundle.version
    whole = full_hash(files)
    row = connection.execute(select(RULEBOOK).where(RULEBOOK.c.version == version)).first()
    if row is not None and row.sha256 != whole:
        return Conflict(f"Another rulebook is stored as {version}; change anything in this one, and its hash changes.")
    signed = item.bundle.signature is not None
    if row is None:
        values = (version, whole, item.by, item.at, item.check_json, item.bundle.manifest, item.bundle.signature)
        insert(connection, "rulebook", _RULEBOOK, [values])
        insert(connection, "rulebook_file", _FILE, [(version, file.name, file.content) for file in files])
        kept: Kept = "new"
    elif signed and row.signature != item.bundle.signature:
        vouched = {"manifest": item.bundle.manifest, "signature": item.bundle.signature}
        connection.execute(update(RULEBOOK).where(RULEBOOK.c.version == version).values(vouched))
        kept = "signed"
    else:
        return "known"
    detail = {"files": len(files), "bytes": sum(len(file.content) for file in files), "sha256": whole, "signed": signed}
    append(connection, [_entry(item, "draft_rulebook", version, "stored" if kept == "new" else "signed", detail)])
    return kept


def approve(connection: Connection, items: Sequence[Approve]) -> list[LensError | None]:
    """Approves versions. A result is NotFound, or Conflict where that person may not, or saw another diff.

    Has the shape `Writer.do` takes.
    """
    live = lock_pointer(connection).version
    return [_approved(connection, item, live) for item in items]


def _approved(connection: Connection, item: Approve, live: str | None) -> LensError | None:
    try:
        place = standing(connection, item.version, live)
    except NotFound as error:
        return error
    fault = approval_fault(place, item.by, item.diff_seen)
    detail = {"diff_seen": item.diff_seen, "live": live, "drafted_by": place.drafted_by}
    if fault is None:
        approval = {"approved_by": item.by, "approved_at": item.at, "approved_against": live}
        connection.execute(update(RULEBOOK).where(RULEBOOK.c.version == item.version).values(approval))
    append(connection, [_entry(item, "approve_rulebook", item.version, "refused" if fault else "approved", detail)])
    return fault


def publish(connection: Connection, items: Sequence[Publish]) -> list[Published | LensError]:
    """Puts approved versions live; one that is live stays so. A result is NotFound, or Conflict where it is not approved as a
    change from what is live. Has the shape `Writer.do` takes.
    """
    return [_published(connection, item) for item in items]


def _published(connection: Connection, item: Publish) -> Published | LensError:
    live = lock_pointer(connection)
    try:
        place = standing(connection, item.version, live.version)
    except NotFound as error:
        return error
    if item.version == live.version:
        return Published(live.seq, item.version, live.live_at)
    fault = publication_fault(place)
    if fault is not None:
        append(connection, [_entry(item, "publish_rulebook", item.version, "refused", {"live": live.version})])
        return fault
    more = {"approved_by": place.approved_by}
    return _go_live(connection, item, live, _Step(item.version, live.seq or None, "publish", item.version), more)


def roll_back(connection: Connection, items: Sequence[Publish]) -> list[Published | LensError]:
    """Goes one step back from the live version; `version` is that one, or the one before it. A repeated request changes nothing.

    A result is NotFound, or Conflict where there is nothing to go back to. Has the shape `Writer.do` takes.
    """
    return [_rolled_back(connection, item) for item in items]


def _rolled_back(connection: Connection, item: Publish) -> Published | LensError:
    live = lock_pointer(connection)
    try:
        standing(connection, item.version, live.version)
    except NotFound as error:
        return error
    last = publication(connection, live.seq)
    target = publication(connection, last.back_to) if last is not None and last.back_to is not None else None
    undone = last.named if last is not None and last.way == "rollback" else None
    step = step_back(item.version, live.version, target.version if target is not None else None, undone)
    if isinstance(step, Conflict):
        append(connection, [_entry(item, "roll_back_rulebook", item.version, "refused", {"live": live.version})])
        return step
    if step.again or target is None:
        return Published(live.seq, step.to, live.live_at)
    lapsed = update(RULEBOOK).where(RULEBOOK.c.version == live.version).values(approved_against=None)
    connection.execute(lapsed)  # what was taken back does not come again unseen
    reached = _Step(step.to, target.back_to, "rollback", item.version)
    return _go_live(connection, item, live, reached, {"taken_back": live.version})


def take_in(connection: Connection, items: Sequence[TakeIn]) -> list[Published | LensError]:
    """Stores what the folder holds and puts it live, on nobody's approval: the simple way for one machine.

    A result is Conflict when something was published since: then the folder is looked at again. Has the shape `Writer.do` takes.
    """
    return [_taken_in(connection, item) for item in items]


def _taken_in(connection: Connection, item: TakeIn) -> Published | LensError:
    live = lock_pointer(connection)
    version = item.draft.bundle.version
    if live.seq != item.seq:
        return Conflict("Another rulebook went live meanwhile; look at the folder again.")
    kept = _kept(connection, item.draft)
    if isinstance(kept, Conflict):
        return kept
    connection.execute(update(RULEBOOK_LIVE).values(folder=version))
    if version == live.version:
        return Published(live.seq, version, live.live_at)
    wanted = Publish(version, item.draft.by, item.draft.at, item.lead)
    return _go_live(connection, wanted, live, _Step(version, live.seq or None, FOLDER, version), {})


class _Step(NamedTuple):
    """To which version, to which publication a later rollback leads, how, and which version was named for it."""

    version: str
    back_to: int | None
    way: Way
    named: str


_ACTIONS: dict[Way, str] = {"publish": "publish_rulebook", "rollback": "roll_back_rulebook", "folder": "take_in_rulebook"}


def _go_live(connection: Connection, item: Publish, live: Pointer, step: _Step, more: Mapping[str, object]) -> Published:
    seq, live_at = live.seq + 1, live.now + item.lead
    row = (seq, step.version, step.back_to, step.way, step.named, item.by, item.at, live_at)
    insert(connection, "rulebook_publication", _PUBLICATION, [row])
    connection.execute(update(RULEBOOK_LIVE).values(seq=seq, version=step.version, live_at=live_at))
    detail = {"seq": seq, "was_live": live.version, "live_at": rfc3339(live_at), **more}
    append(connection, [_entry(item, _ACTIONS[step.way], step.version, "live", detail)])
    return Published(seq, step.version, live_at)


def _entry(
    item: Draft | Approve | Publish, action: str, version: str, outcome: str, detail: Mapping[str, object]
) -> AuditEntry:
    return AuditEntry(item.at, item.by, action, f"rulebook {version}", outcome, detail)
