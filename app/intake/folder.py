"""The folder that a service on a single machine takes its rulebook from, as it is watched."""

import os
from pathlib import Path

from app.errors import Refused
from app.rulebook.bundle import MANIFEST, SIGNATURE, TOPS, Bundle, read_bundle_folder
from app.rulebook.source import rulebook_paths

Mark = tuple[int, ...]
"""Of a file its size in bytes, when it was changed last and when anything about it was (ns), and its inode; else what the system
said of it, as a number."""
Marks = tuple[tuple[str, Mark], ...]
"""Of every name that `lens check` would look at: what tells one state of a folder from another."""


class FolderWatch:
    """Tells when the folder has changed and has come to rest: files that are still being saved are left alone.

    With `vouched` the folder is an unpacked bundle: its manifest and signature are read and watched too.
    """

    def __init__(self, folder: Path, *, vouched: bool = False) -> None:
        self._folder = folder
        self._vouched = vouched
        self._seen: Marks | None = None
        self._taken: Marks | None = None

    def at_rest(self) -> bool:
        """Whether the folder has changed since it was `taken`, and not since the last time this was asked.

        That something in it cannot be looked at, or can be again, is a change like any other.
        """
        marks = self._marks()
        rests = marks == self._seen
        self._seen = marks
        return rests and marks != self._taken

    def read(self) -> Bundle | None:
        """What the folder holds, or None where it changed while it was read.

        Raises Refused with every fault of files that no rulebook may have, OSError when it cannot be read.
        """
        before = self._seen = self._marks()
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
        paths = [
            path for top in TOPS for path in rulebook_paths(self._folder / top, lambda error: unread.append(_unread(error)))
        ]
        if self._vouched:
            paths += [self._folder / MANIFEST, self._folder / SIGNATURE]
        return tuple(sorted(unread + [(str(path), _mark(path)) for path in paths]))


def _mark(path: Path) -> Mark:
    """Of what a link leads to, if it leads anywhere: a file, a pipe or nothing all tell when they change."""
    try:
        stat = path.stat()
    except OSError as error:
        return (error.errno or 0,)
    return (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)


def _unread(error: OSError) -> tuple[str, Mark]:
    return os.fsdecode(error.filename), (error.errno or 0,)
