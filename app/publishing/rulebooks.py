"""What people do with rulebooks: draft, approve, publish, roll back, compare. Each may take a second or some: never on an event loop.

The same for the API and for the command line, which differ only in who is asking.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from app.decide.decide import Decider
from app.domain.times import SECOND, moment
from app.errors import Conflict, Refused, Unavailable
from app.publishing.desk import Desk
from app.publishing.following import lead_for
from app.publishing.past import Changed, find_changed, past_fault
from app.publishing.refusals import codes_of
from app.rulebook.bundles.bundle import Bundle
from app.rulebook.bundles.versions import NO_SCENARIO
from app.rulebook.comparing.change_report import Compared
from app.store.database.reading import look
from app.store.ledger.audit import AuditEntry, note
from app.store.rulebooks.rulebook_reads import Pointer, RulebookVersion, get_version, pointer, publication
from app.store.rulebooks.rulebook_rejection import Reject, reject
from app.store.rulebooks.rulebooks import (
    Approve,
    Draft,
    Kept,
    Publish,
    Published,
    approve,
    draft,
    publish,
    roll_back,
)
from app.trials.rewording import compare_whole

AT_ONCE = 3
"""Rulebooks that are read or checked at once, at the most."""


class Said(NamedTuple):
    """What people say of a version, in words: whoever drafts it `title` and `reason`, whoever approves it `comment`; either of
    them, in `corrects_past`, why it may change what is decided of days before today.
    """

    title: str | None = None
    reason: str | None = None
    comment: str | None = None
    corrects_past: str | None = None


NOTHING_SAID = Said()


class Rulebooks:
    """The lives of rulebooks. `until_live` returns once a publication is in force here, or after a while; None where nothing decides."""

    def __init__(self, desk: Desk, until_live: Callable[[Published], object] | None = None) -> None:
        self._desk = desk
        self._until_live = until_live or self._sleep_until
        self._places = BoundedSemaphore(AT_ONCE)

    @contextmanager
    def taking_one(self) -> Iterator[None]:
        """Room for one rulebook to be read and checked. Raises Unavailable when there is none: they wait elsewhere, not here."""
        if not self._places.acquire(blocking=False):
            raise Unavailable(
                f"{AT_ONCE} rulebooks are being read and checked already; nothing was stored. Try again in a moment."
            )
        try:
            yield
        finally:
            self._places.release()

    def draft(self, bundle: Bundle, by: str, said: Said = NOTHING_SAID) -> tuple[RulebookVersion, Kept]:
        """Checks a rulebook and stores it. Raises Refused with every error, when nothing is stored; Conflict; Unavailable."""
        try:
            examined = self._desk.library.examine(bundle, moment(self._desk.clock()).date())
        except Refused as refused:
            self.note_refusal(refused, by, bundle)
            raise
        item = Draft(
            bundle=bundle,
            check_json=msgspec.json.encode(examined.check).decode(),
            by=by,
            at=self._desk.clock(),
            title=said.title,
            reason=said.reason,
            corrects_past=said.corrects_past,
        )
        kept: Kept = self._desk.writer.do_and_wait(draft, item)
        self._desk.library.keep(examined.loaded)
        return self._told(bundle.sha256, self.changed(bundle.sha256)), kept

    def changed(self, version: str, against: str | None = None) -> Changed:
        """What a stored version changes that cases alone do not say, against what is live, or against another stored one.

        Raises NotFound, Conflict when it cannot be read, Unavailable.
        """
        content = self._desk.library.content(version)
        other = against or self.live().version
        if other is None or content.hash == other:
            return Changed()
        return find_changed(self._desk, other, content)

    def _told(self, version: str, changed: Changed) -> RulebookVersion:
        """A version as it stands, with what it changes and what there is to warn of."""
        found = self.version(version)
        return replace(
            found,
            past=changed.past,
            losses=changed.losses,
            handling=changed.handling,
            warnings=(*changed.warnings, *_untrustworthy(found)),
        )

    def note_refusal(self, refused: Refused, by: str, bundle: Bundle | None = None) -> None:
        """Puts a draft that was not taken into the audit trail: which it was, if it could be read, and the codes of its faults."""
        detail = codes_of(refused)
        target = "rulebook"
        if bundle is not None:
            size = sum(len(file.content) for file in bundle.files)
            detail |= {"sha256": bundle.sha256, "files": len(bundle.files), "bytes": size}
            target = f"rulebook {bundle.version}"
        entry = AuditEntry(
            at=self._desk.clock(), actor=by, action="draft_rulebook", target=target, outcome="refused", detail=detail
        )
        self._desk.writer.do_and_wait(note, entry)

    def approve(self, version: str, diff_seen: str | None, by: str, said: Said = NOTHING_SAID) -> RulebookVersion:
        """Approves the change from `diff_seen` to a version. Raises NotFound, Conflict, Unavailable.

        One that changes days before today needs a reason, its draft's or the approver's.
        """
        changed = self.changed(version)
        past = changed.past
        why = said.corrects_past or self.version(version).corrects_past
        item = Approve(
            version=version,
            diff_seen=diff_seen,
            by=by,
            at=self._desk.clock(),
            comment=said.comment,
            corrects_past=said.corrects_past,
            failing_too=self._desk.failing_too,
            past_cases=0 if past is None else past.cases,
            losses=len(changed.losses),
            past_fault=past_fault(past, why),
        )
        self._desk.writer.do_and_wait(approve, item)
        return self._told(version, changed)

    def reject(self, version: str, comment: str, by: str) -> RulebookVersion:
        """Sends a version back to whoever drafted it. Raises NotFound, Conflict, Unavailable."""
        self._desk.writer.do_and_wait(reject, Reject(version, comment, by, self._desk.clock()))
        return self.version(version)

    def publish(self, version: str, by: str, older: str | None = None) -> RulebookVersion:
        """Puts an approved version live in every process. `older` says why one whose signed bundle is older than one that was
        live may go live all the same. Raises NotFound, Conflict (also when it cannot be used), Unavailable.
        """
        changed = self.changed(version)
        item = Publish(
            version=version,
            by=by,
            at=self._desk.clock(),
            lead=lead_for(self._desk.library.seconds(version)),
            failing_too=self._desk.failing_too,
            in_order=self._desk.library.in_order,
            older=older,
            # Days may have passed since it was approved: what was to begin then would begin before today now.
            past_fault=past_fault(changed.past, self.version(version).corrects_past),
        )
        published: Published = self._desk.writer.do_and_wait(publish, item)
        self._until_live(published)
        return self._told(version, changed)

    def roll_back(self, version: str, by: str, reason: str) -> RulebookVersion:
        """Goes one step back from the live version, which `version` names (or the one before it); the version live then.

        What that changes is told, and stops nothing: it is looked at after the step, which is urgent.

        Raises NotFound, Conflict, Unavailable.
        """
        was = self.live().version
        target = self._one_back()
        if target is not None:
            self._desk.library.decider(target)  # what cannot be used is not gone back to
        # Most processes have it still, and it is urgent: no time is given for loading.
        item = Publish(version, by, self._desk.clock(), lead_for(0), reason=reason)
        reached: Published = self._desk.writer.do_and_wait(roll_back, item)
        self._until_live(reached)
        return self._told(reached.version, self.changed(reached.version, against=was))

    def version(self, version: str) -> RulebookVersion:
        """A version as it stands. Raises NotFound, Unavailable."""
        return look(self._desk.store, lambda connection: get_version(connection, version))

    def decider(self, version: str) -> Decider:
        """The decider of any stored version. Raises NotFound, Conflict when it cannot be used, Unavailable."""
        return self._desk.library.decider(version)

    def live(self) -> Pointer:
        """What is live. Raises Unavailable."""
        return look(self._desk.store, pointer)

    def diff(self, old: str, new: str) -> Compared:
        """Everything that changes between two versions, in cases, words and files.

        Raises NotFound, Conflict when one cannot be read, Unavailable.
        """
        before, after = self._desk.library.content(old), self._desk.library.content(new)
        return compare_whole(before, after, moment(self._desk.clock()).date(), (old, new))

    def _one_back(self) -> str | None:
        live = self.live()
        last = look(self._desk.store, lambda connection: publication(connection, live.seq))
        if last is None or last.back_to is None:
            return None
        target = look(self._desk.store, lambda connection: publication(connection, last.back_to))
        if target is None:
            raise Conflict("What was live before is not known any more; publish another version instead.")
        return str(target.version)

    def _sleep_until(self, published: Published) -> None:
        time.sleep(max(0, published.live_at - self.live().now) / SECOND)


def _untrustworthy(version: RulebookVersion) -> Iterator[str]:
    """What of a version's scenarios there is to warn of."""
    scenarios = version.check.scenarios
    if scenarios.failed:
        yield scenarios.failing.in_words()
    if not scenarios.run:
        yield f"{version.version}: {NO_SCENARIO}"
