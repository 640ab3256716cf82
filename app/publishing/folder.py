"""The folder that a service on a single machine takes its rulebook from, as it is watched."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from app.errors import Refused
from app.rulebook.bundles.bundle import MANIFEST, SIGNATURE, TOPS, Bundle, read_bundle_folder
from app.rulebook.files.folder_files import Mark, entries_beside
from app.rulebook.files.source import rulebook_entries

Marks = tuple[tuple[str, Mark], ...]
"""Of every name that `lens check` would look at: what tells one state of a folder from another."""


REST_SECONDS = 2.0
"""How long nothing in a folder may change before a change of it is taken: who saves two files needs a moment between them."""


class FolderWatch:
    """Tells when the folder has changed and has come to rest: files that are still being saved are left alone.

    With `vouched` the folder is an unpacked bundle: its manifest and signature are read and watched too. `rest`: for how many
    seconds of `clock`, which is never set back, it must have been seen unchanged.
    """

    def __init__(
        self,
        folder: Path,
        *,
        vouched: bool = False,
        rest: float = REST_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._vouched = vouched
        self._rest = rest
        self._clock = clock
        self._seen: Marks | None = None
        self._since = 0.0
        self._taken: Marks | None = None

    def at_rest(self) -> bool:
        """Whether the folder has changed since it was `taken`, and has been seen at two looks and for `rest` as it is now.

        That something in it cannot be looked at, or can be again, is a change like any other.
        """
        marks = self._marks()
        if self._changed(marks):
            return False
        rested = self._clock() - self._since >= self._rest
        return rested and marks != self._taken

    def _changed(self, marks: Marks) -> bool:
        """Notes what is seen now: whether it is something else than before, whose rest begins with this look."""
        if marks == self._seen:
            return False
        self._seen, self._since = marks, self._clock()
        return True

    def read(self) -> Bundle | None:
        """What the folder holds, or None where it changed while it was read, or since it was last looked at.

        Raises Refused with every fault of files that no rulebook may have, OSError when it cannot be read.
        """
        is_first_look = self._seen is None
        before = self._marks()
        if self._changed(before) and not is_first_look:
            return None
        try:
            bundle = read_bundle_folder(self._folder, vouched=self._vouched)
        except Refused:
            if self._marks() != before:  # a file that was being replaced was not there for a moment
                return None
            raise
        return bundle if self._marks() == before else None

    def taken(self) -> None:
        """Says that what was read last has been dealt with, so that only a change is looked at again."""
        self._taken = self._seen

    def _marks(self) -> Marks:
        unread: list[tuple[str, Mark]] = []
        found: list[tuple[str, Mark]] = []
        for top in TOPS:
            entries = rulebook_entries(self._folder / top, lambda error: unread.append(_unread(error)))
            found += ((str(entry.path), entry.mark) for entry in entries)
        if self._vouched:
            beside = entries_beside(self._folder, (MANIFEST, SIGNATURE))
            found += ((str(entry.path), entry.mark) for entry in beside)
        return tuple(sorted(unread + found))


def _unread(error: OSError) -> tuple[str, Mark]:
    return os.fsdecode(error.filename), (error.errno or 0,)
