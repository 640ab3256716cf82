"""The spool's `in/`: each file there is handed over once and then moved to `in/done/` or `in/unmatched/`."""

import contextlib
import hashlib
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from app.dispatch.channel import Arrival
from app.dispatch.channels.frames import LIMIT

_OURS = ("done", "unmatched")

_NAME_LIMIT = 100
"""Characters of a file's name in `Arrival.source`, which the store keeps in 200."""


class IncomingFile(NamedTuple):
    """A file of `in/`, ready to be handed over. `stamp` tells this content of it from a later one."""

    name: str
    stamp: tuple[int, int, int]


class In:
    """Reads one folder. Blocking: call from a thread, one call at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[str, tuple[int, int, int]] = {}

    def steady(self) -> list[IncomingFile]:
        """The files that have not changed since the last call, oldest first: one still being written is left alone.

        Passed over: folders, and names that begin with a dot or end in `.tmp`. Raises OSError.
        """
        now: dict[str, tuple[int, int, int]] = {}
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name.endswith(".tmp") or entry.name in _OURS:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    continue
                with contextlib.suppress(FileNotFoundError):  # another process has just moved it
                    status = entry.stat(follow_symlinks=False)
                    now[entry.name] = (status.st_mtime_ns, status.st_size, status.st_ino)
        same = [IncomingFile(name, stamp) for name, stamp in now.items() if self._seen.get(name) == stamp]
        self._seen = now
        return sorted(same, key=lambda found: (found.stamp[0], found.name))

    def read(self, found: IncomingFile) -> tuple[Arrival, bool]:
        """What the file says, and whether that is its text (or a note in its stead, for a file that cannot be taken as text).

        The text is decoded as UTF-8, wrong bytes replaced, so nothing is lost. A file over the limit, one that may not be
        read, and what is no ordinary file (a link, a pipe) becomes a note for a person. Raises FileNotFoundError.
        """
        path = self._folder / found.name
        try:
            if not stat.S_ISREG(path.lstat().st_mode):
                return _note(found, "not an ordinary file"), False
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            raise
        except OSError as error:
            return _note(found, f"a file that cannot be read ({error.strerror})"), False
        with os.fdopen(fd, "rb") as file:
            content = file.read(LIMIT + 1)
        if len(content) > LIMIT:
            return _note(found, f"a file of {found.stamp[1]} bytes, over the limit of {LIMIT}", content), False
        # No database takes a NUL in text, so it counts as a wrong byte too.
        return Arrival(_source(found.name, content), content.replace(b"\0", b"\xff").decode(errors="replace")), True

    def put_away(self, found: IncomingFile, where: Literal["done", "unmatched"]) -> None:
        """Moves the file to `in/done` or `in/unmatched`; never over another of the same name. Raises OSError."""
        (self._folder / where).mkdir(mode=0o700, exist_ok=True)
        target = self._folder / where / found.name
        copies = 0
        while os.path.lexists(target):
            copies += 1
            target = self._folder / where / f"{found.name}.{copies}"
        with contextlib.suppress(FileNotFoundError):  # another process has just moved it
            (self._folder / found.name).rename(target)

    def sweep(self, before: float) -> int:
        """Removes from `done` and `unmatched` what was put there before this time (seconds since 1970); how many files.

        What was not taken as text stays, since it stands nowhere else: a person is asked about it. Raises OSError.
        """
        gone = 0
        for where in _OURS:
            with os.scandir(self._folder / where) as entries:
                for entry in entries:
                    status = entry.stat(follow_symlinks=False)
                    is_text = stat.S_ISREG(status.st_mode) and status.st_size <= LIMIT and os.access(entry.path, os.R_OK)
                    if is_text and max(status.st_mtime, status.st_ctime) < before:
                        Path(entry.path).unlink(missing_ok=True)
                        gone += 1
        return gone


def folders_of(spool: Path) -> Sequence[Path]:
    """The folders a spool has, outermost first."""
    return (spool, spool / "out", spool / "in", spool / "in" / "done", spool / "in" / "unmatched")


def _note(found: IncomingFile, what: str, content: bytes = b"") -> Arrival:
    return Arrival(
        _source(found.name, content or repr(found.stamp).encode()), f"[LENS: {what}; not taken, kept in in/unmatched]"
    )


def _source(name: str, content: bytes) -> str:
    """Names an arrival by its file's name and content, so that a file met again after a crash is known."""
    shown = os.fsencode(name).decode(errors="replace")
    if len(shown) > _NAME_LIMIT:
        shown = shown[: _NAME_LIMIT - 17] + "~" + hashlib.sha256(shown.encode()).hexdigest()[:16]
    return f"spool:{shown}:{hashlib.sha256(content).hexdigest()}"
