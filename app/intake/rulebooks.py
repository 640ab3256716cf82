"""What people do with rulebooks: draft, approve, publish, roll back, compare. Each may take a second or some: never on an event loop.

The same for the API and for the command line, which differ only in who is asking.
"""

import time
from collections.abc import Callable

import msgspec

from app.decide.decide import Decider
from app.domain.times import SECOND
from app.errors import Conflict
from app.intake.following import lead_for
from app.intake.opening import Desk
from app.rulebook.bundle import Bundle
from app.rulebook.changes import Changes, compare
from app.rulebook.file_changes import FileChange, file_changes
from app.store.reading import look
from app.store.rulebook_reads import Pointer, RulebookVersion, get_version, pointer, publication
from app.store.rulebooks import Approve, Draft, Kept, Publish, Published, approve, draft, publish, roll_back


class Rulebooks:
    """The lives of rulebooks. `until_live` returns once a publication is in force here, or after a while; None where nothing decides."""

    def __init__(self, desk: Desk, until_live: Callable[[Published], object] | None = None) -> None:
        self._desk = desk
        self._until_live = until_live or self._sleep_until

    def draft(self, bundle: Bundle, by: str) -> tuple[RulebookVersion, Kept]:
        """Checks a rulebook and stores it. Raises Refused with every error, when nothing is stored; Conflict; Unavailable."""
        check = self._desk.library.examine(bundle)
        item = Draft(bundle, msgspec.json.encode(check).decode(), by, self._desk.clock())
        kept: Kept = self._desk.writer.do_and_wait(draft, item)
        return self.version(bundle.version), kept

    def approve(self, version: str, diff_seen: str | None, by: str) -> RulebookVersion:
        """Approves the change from `diff_seen` to a version. Raises NotFound, Conflict, Unavailable."""
        self._desk.writer.do_and_wait(approve, Approve(version, diff_seen, by, self._desk.clock()))
        return self.version(version)

    def publish(self, version: str, by: str) -> RulebookVersion:
        """Puts an approved version live in every process. Raises NotFound, Conflict (also when it cannot be used), Unavailable."""
        lead = lead_for(self._desk.library.seconds(version))
        published: Published = self._desk.writer.do_and_wait(publish, Publish(version, by, self._desk.clock(), lead))
        self._until_live(published)
        return self.version(version)

    def roll_back(self, version: str, by: str) -> RulebookVersion:
        """Goes one step back from the live version, which `version` names (or the one before it); the version live then.

        Raises NotFound, Conflict, Unavailable.
        """
        target = self._one_back()
        if target is not None:
            self._desk.library.decider(target)  # what cannot be used is not gone back to
        # Most processes have it still, and it is urgent: no time is given for loading.
        reached: Published = self._desk.writer.do_and_wait(roll_back, Publish(version, by, self._desk.clock(), lead_for(0)))
        self._until_live(reached)
        return self.version(reached.version)

    def version(self, version: str) -> RulebookVersion:
        """A version as it stands. Raises NotFound, Unavailable."""
        return look(self._desk.store, lambda connection: get_version(connection, version))

    def decider(self, version: str) -> Decider:
        """The decider of any stored version. Raises NotFound, Conflict when it cannot be used, Unavailable."""
        return self._desk.library.decider(version)

    def live(self) -> Pointer:
        """What is live. Raises Unavailable."""
        return look(self._desk.store, pointer)

    def diff(self, old: str, new: str) -> tuple[Changes, tuple[FileChange, ...]]:
        """Everything that changes between two versions, in cases and in files.

        Raises NotFound, Conflict when one cannot be read, Unavailable.
        """
        before, after = self._desk.library.content(old), self._desk.library.content(new)
        return compare(before, after), file_changes(before.files, after.files)

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
