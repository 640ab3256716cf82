"""Looks through a folder of a rulebook: its files by name, without ever following a link out of it.

Every folder and file is opened below the descriptor of the folder it is in, with O_NOFOLLOW, so that nothing can be put in its
place between the look and the reading. Only regular files are read: a pipe or a device would hang, or be changed by it.

One kind of link is known: that of a mounted Kubernetes volume, `name -> ..data/name` with `..data -> ..2026_11_24`, all in one
folder. Those are read out of that folder, and it must be a real one.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

SIZE_LIMIT = 4 * 1024 * 1024
"""Bytes of one file at the most."""
TOTAL_LIMIT = 16 * 1024 * 1024
"""Bytes of all files of a rulebook at the most."""
FILES_LIMIT = 1000
_FOLDERS_DEEP = 20
_MOUNTED = "..data"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

Mark = tuple[int, ...]
"""Of an entry its size in bytes, when it was changed last and when anything about it was (ns), its inode and kind; else what the
system said of it, as a number."""


class NotRegular(Exception):
    """What stands here is no regular file. `link`: it is a link."""

    def __init__(self, *, link: bool) -> None:
        self.link = link
        super().__init__("not a regular file")


class Entry(NamedTuple):
    """A name that is no folder, where it is shown to be, and the descriptor of the folder it is really in, for as long as it is
    the last one that was given.
    """

    path: Path
    folder: int

    @property
    def mark(self) -> Mark:
        """What tells one state of it from another."""
        try:
            found = os.stat(self.path.name, dir_fd=self.folder, follow_symlinks=False)
        except OSError as error:
            return (error.errno or 0,)
        return (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, stat.S_IFMT(found.st_mode))

    @property
    def is_link(self) -> bool:
        """Whether it is a link, which is not followed."""
        return stat.S_ISLNK(self.mark[-1]) if len(self.mark) > 1 else False

    def read(self, limit: int) -> bytes:
        """Its content, or one byte more than `limit` of it. Raises NotRegular, OSError."""
        found = os.stat(self.path.name, dir_fd=self.folder, follow_symlinks=False)
        if not stat.S_ISREG(found.st_mode):
            raise NotRegular(link=stat.S_ISLNK(found.st_mode))
        try:
            file = os.open(self.path.name, _FILE, dir_fd=self.folder)
        except OSError as error:
            if error.errno == errno.ELOOP:  # it became a link since
                raise NotRegular(link=True) from None
            raise
        with os.fdopen(file, "rb") as stream:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise NotRegular(link=False)
            return stream.read(limit + 1)


def entries(top: Path, unread: Callable[[OSError], object]) -> Iterator[Entry]:
    """Every name below `top` that is neither hidden nor a folder, in order. `unread` is told of each folder that cannot be looked
    into, by its path.

    `top` itself may be a link: whoever runs LENS put it there.
    """
    with _opened(top, str(top), None, unread) as folder:
        if folder is not None:
            yield from _below(top, folder, unread, 0)


def entries_beside(folder: Path, names: tuple[str, ...]) -> Iterator[Entry]:
    """Of these names those that are in a folder, as `entries` gives them."""
    with _opened(folder, str(folder), None, lambda _: None) as found:
        if found is not None:
            yield from (entry for entry in _in_folder(folder, found) if entry.path.name in names)


def _below(path: Path, folder: int, unread: Callable[[OSError], object], depth: int) -> Iterator[Entry]:
    for entry in _in_folder(path, folder):
        name = entry.path.name
        if not _is_folder(name, entry.folder):
            yield entry
        elif depth == _FOLDERS_DEEP:
            unread(OSError(errno.ELOOP, "folders are nested too deep", str(entry.path)))
        else:
            with _opened(entry.path, name, entry.folder, unread) as inner:
                if inner is not None:
                    yield from _below(entry.path, inner, unread, depth + 1)


def _in_folder(path: Path, folder: int) -> Iterator[Entry]:
    """What is in a folder, by name, without what is hidden; the files of a mounted volume in the folder where they really are."""
    names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    with _mounted(folder) as volume:
        for name in names:
            is_mounted = volume is not None and _target(name, folder) == f"{_MOUNTED}/{name}"
            yield Entry(path / name, volume if is_mounted and volume is not None else folder)


@contextmanager
def _mounted(folder: int) -> Iterator[int | None]:
    """The folder that `..data` names, where it is one beside it."""
    target = _target(_MOUNTED, folder)
    if target is None or "/" in target or not target.startswith("..") or target == "..":
        yield None
        return
    with _opened(Path(target), target, folder, lambda _: None) as volume:
        yield volume


def _target(name: str, folder: int) -> str | None:
    try:
        return os.readlink(name, dir_fd=folder)
    except OSError:  # it is no link, or gone
        return None


def _is_folder(name: str, folder: int) -> bool:
    try:
        return stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return False


@contextmanager
def _opened(path: Path, name: str, within: int | None, unread: Callable[[OSError], object]) -> Iterator[int | None]:
    """The descriptor of a folder; None where it cannot be had, of which `unread` is told. Only one without `within` may be a link."""
    flags = _FOLDER if within is None else _FOLDER | os.O_NOFOLLOW
    try:
        folder = os.open(name, flags, dir_fd=within)
    except OSError as error:
        unread(OSError(error.errno, error.strerror, str(path)))
        yield None
        return
    try:
        yield folder
    finally:
        os.close(folder)
