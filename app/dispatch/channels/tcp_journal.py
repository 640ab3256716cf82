"""Texts that came over tcp and are not stored yet, kept in files: they outlive their process, for the link has no receipt for them."""

import contextlib
import fcntl
import json
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple, Self

import structlog

from app.dispatch.channel import Arrival
from app.errors import BadSetting
from app.store.database.folders import changeable, close_to_others, make_folder, sync_folder

_log = structlog.get_logger(__name__)

_END = ".texts"
_FULL = 8 * 1024 * 1024
"""Bytes from which on a new file is begun, so that none grows without end while there is always a text that waits."""


class _File:
    """Lines of JSON: a number and the fields of an arrival, and the number alone once that is stored. Locked while its process lives.

    Names begin with a number above those of the files there, so their order is that of the files, whatever a clock says.
    """

    def __init__(self, folder: Path) -> None:
        name = f"{_above(folder):012}-{os.getpid()}-{secrets.token_hex(4)}{_END}"
        self._path = folder / name
        self._fd = os.open(folder / f".{name}", os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        (folder / f".{name}").rename(self._path)  # only now, for a file without a lock counts as left behind
        self.size = 0
        self.waiting = 0
        """Texts in it that are not stored yet."""

    def write(self, line: list[object]) -> None:
        """All of a line or nothing of it. Raises OSError."""
        data, written = json.dumps(line).encode() + b"\n", 0
        try:
            while rest := data[written:]:  # a disk that is full takes a part of it, and says so the next time
                written += os.write(self._fd, rest)
        except OSError:
            os.ftruncate(self._fd, self.size)
            raise
        self.size += len(data)

    def empty(self) -> None:
        """Forgets what is in it."""
        os.ftruncate(self._fd, 0)
        self.size = 0

    def sync(self) -> None:
        """Has it on the disk. Raises OSError."""
        os.fsync(self._fd)

    def end(self) -> None:
        """Unlocks it, and removes it unless a text in it still waits."""
        if not self.waiting:
            self._path.unlink(missing_ok=True)
        os.close(self._fd)


def _above(folder: Path) -> int:
    """A number above that of every file in a folder. Files of processes that begin at once may share one: none of them is older."""
    begun = (path.name.partition("-")[0] for path in folder.glob(f"*-*{_END}"))
    return 1 + max((int(each) for each in begun if each.isdecimal()), default=0)


class JournalText(NamedTuple):
    """A text that is in a file of the journal under a number, or in none (`file` is None)."""

    arrival: Arrival
    file: _File | None = None
    number: int = 0


class Journal:
    """The texts of this process that are not stored yet. Use as a `with` block, from one thread.

    A text is in the system's hands once `keep` returns, so kill -9 does not lose it; a power cut may, unless `sync` came between.
    Where the disk takes nothing more, a text waits in memory alone, since it cannot be refused.
    """

    def __init__(self, folder: Path) -> None:
        """Raises BadSetting when `folder`, which is made if it is missing, cannot hold files of ours, or others can change it."""
        self._folder = folder
        self._files: list[_File] = []
        self._passed_over: set[str] = set()
        self._last = 0
        self.problem: str | None = None
        """Why the last text could not be kept, in words, or None."""
        try:
            make_folder(folder)
            exposed = changeable(folder)
            if exposed is not None:
                raise BadSetting(f"LENS_ARRIVALS_DIR: {exposed}")
            close_to_others(folder)
            _File(folder).end()
        except OSError as error:
            told = (
                f"LENS_ARRIVALS_DIR: the folder {folder} cannot be written: {error.strerror}; texts from the network wait there"
            )
            raise BadSetting(told) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.end()
        self._files.clear()

    def keep(self, arrival: Arrival) -> JournalText:
        """Keeps a text until `stored`."""
        try:
            if not self._files or self._files[-1].size >= _FULL:
                self._files.append(_File(self._folder))
            file = self._files[-1]
            file.write([self._last + 1, *arrival])
        except OSError as error:
            self.problem = f"texts from the network wait in memory alone: {error.strerror}"
            return JournalText(arrival)
        self.problem = None
        self._last += 1
        file.waiting += 1
        return JournalText(arrival, file, self._last)

    def stored(self, kept: JournalText) -> None:
        """Lets go of a text that is stored."""
        file = kept.file
        if file is None:
            return
        file.waiting -= 1
        if file.waiting:
            with contextlib.suppress(OSError):  # then it is met again after a crash, and known
                file.write([kept.number])
        elif file is self._files[-1]:
            file.empty()
        else:
            self._files.remove(file)
            file.end()

    def sync(self) -> None:
        """Has every text on the disk. Blocking. Raises OSError."""
        for file in tuple(self._files):
            file.sync()
        sync_folder(self._folder)

    def take_over(self) -> list[JournalText]:
        """The texts that processes left which are gone, in the order they came.

        Each is kept here before its old file goes; where the disk has no room for that, it stays there for another time. A file
        that another account could have written is left where it is, and told.
        """
        taken: list[JournalText] = []
        for path in sorted(self._folder.glob(f"[!.]*{_END}")):
            try:
                with open(path, "rb", opener=_no_link) as file:
                    if self._is_ours(file, path):
                        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        taken += self._take_over(file, path)
            except (FileNotFoundError, BlockingIOError):
                continue  # its process lives, or another takes it over
            except OSError as error:
                _log.error("arrivals_left_behind", file=path.name, cause=error.strerror)
        return taken

    def _is_ours(self, file: IO[bytes], path: Path) -> bool:
        """Whether this account alone can have written it, as LENS makes its files."""
        status = os.fstat(file.fileno())
        if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077:
            return True
        if path.name not in self._passed_over:  # told once
            self._passed_over.add(path.name)
            _log.error(
                "arrivals_not_believed",
                file=path.name,
                cause="other accounts could have written it; look at it, then: chmod 600, or remove it",
            )
        return False

    def _take_over(self, file: IO[bytes], path: Path) -> list[JournalText]:
        left = [self.keep(arrival) for arrival in _texts_left(file)]
        if all(kept.file is not None for kept in left):
            path.unlink()
            return left
        for kept in left:
            self.stored(kept)
        return []


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


def _texts_left(file: IO[bytes]) -> Iterator[Arrival]:
    """The texts in a file that were not stored. A last line that a power cut has torn is passed over, and told."""
    waiting: dict[int, Arrival] = {}
    for line in file:
        try:
            number, *of_arrival = json.loads(line)
            if of_arrival:
                waiting[number] = Arrival(*of_arrival)
            else:
                waiting.pop(number, None)
        except (ValueError, TypeError):
            _log.warning("arrival_torn", consequence="a text from the network was not all on the disk when the power went")
    yield from waiting.values()
