"""The folder that a service on a single machine takes its rulebook from, as it is watched."""

from pathlib import Path

from app.rulebook.bundle import MANIFEST, SIGNATURE, SUFFIXES, TOPS, Bundle, read_bundle_folder

Marks = tuple[tuple[str, int, int, int], ...]
"""Name, size in bytes, time of the last change (ns) and inode of every file: what tells one state of a folder from another."""


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

        Raises OSError when it cannot be looked at; it is then looked at anew once it can be.
        """
        try:
            marks = self._marks()
        except OSError:
            self._seen = self._taken = None
            raise
        rests = marks == self._seen
        self._seen = marks
        return rests and marks != self._taken

    def read(self) -> Bundle | None:
        """What the folder holds, or None where it changed while it was read.

        Raises Refused with every fault of files that no rulebook may have, OSError when it cannot be read.
        """
        before = self._seen = self._marks()
        bundle = read_bundle_folder(self._folder, vouched=self._vouched)
        return bundle if self._marks() == before else None

    def taken(self) -> None:
        """Says that what was read last has been dealt with, so that only a change is looked at again."""
        self._taken = self._seen

    def _marks(self) -> Marks:
        files = [path for top in TOPS for path in (self._folder / top).rglob("*") if path.suffix in SUFFIXES]
        if self._vouched:
            files += [self._folder / MANIFEST, self._folder / SIGNATURE]
        return tuple(sorted((str(path), *_mark(path)) for path in files if path.is_file()))


def _mark(path: Path) -> tuple[int, int, int]:
    stat = path.stat()
    return (stat.st_size, stat.st_mtime_ns, stat.st_ino)
