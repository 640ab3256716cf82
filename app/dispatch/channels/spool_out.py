"""The spool's `out/`: a message becomes a file there whole or not at all, and is on the disk before it counts as taken."""

import contextlib
import errno
import fcntl
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from app.dispatch.channel import Outgoing, Receipt
from app.dispatch.channels.naming import give_name
from app.store.database.folders import sync_folder
from app.store.reads.used_numbers import USED_BEFORE

_AT_ONCE = 128
"""Files written, and so open, at once: well under the usual limit of 1,024 for a process."""

_SUFFIX = {"legacy": "am", "niem": "xml"}
_PROBE = b"\0" * 4096


@dataclass(frozen=True, slots=True)
class _Draft:
    """A message under a temporary name, locked; `fd` None when `out/` already has these bytes, `fault` why it is not whole."""

    message: Outgoing
    temporary: Path
    fd: int | None
    fault: OSError | None = None


class Out:
    """Writes messages into one folder. Blocking: call from a thread, one call at a time.

    A temporary name begins with a dot and ends in `.tmp`; it is locked (flock) while its writer lives, so that what a crash
    left behind is told from what another process is writing just now.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mine = secrets.token_hex(4)
        self._drafts = count(1)
        self._used: set[str] = set()
        self._mode = 0o600

    def check(self) -> str | None:
        """Why nothing can be written, in words, or None: tried with a file of the size of a message."""
        temporary = self._folder / f".probe.{self._mine}.tmp"
        try:
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                _write_whole(fd, _PROBE)
                os.fsync(fd)
            finally:
                os.close(fd)
                temporary.unlink()
        except OSError as error:
            return f"out/ cannot be written: {error.strerror}"
        return None

    def sweep(self) -> int:
        """Removes temporary files that no living process is writing; how many there were. Raises OSError."""
        gone = 0
        with os.scandir(self._folder) as entries:
            left = [Path(entry.path) for entry in entries if entry.name.startswith(".") and entry.name.endswith(".tmp")]
        for path in left:
            with contextlib.suppress(FileNotFoundError, BlockingIOError):
                fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink()
                    gone += 1
                finally:
                    os.close(fd)
        return gone

    def lying(self) -> list[str]:
        """The messages that stand in the folder. Raises OSError."""
        with os.scandir(self._folder) as entries:
            names = [entry.name for entry in entries]
        return [name.partition(".")[0] for name in names if not name.startswith(".")]

    def write(self, batches: Sequence[Sequence[Outgoing]]) -> list[list[Receipt]]:
        """Writes batches, a list of receipts each, and syncs the folder once for all.

        Within a batch files appear in order; after one that cannot be written the rest of its batch is left `unsent`, so
        that no message overtakes another. Batches do not hinder each other.
        """
        self._mode = self._file_mode()
        receipts: list[list[Receipt]] = [[] for _ in batches]
        todo = [(mine, message) for mine, batch in zip(receipts, batches, strict=True) for message in batch]
        for first in range(0, len(todo), _AT_ONCE):
            self._write_part(todo[first : first + _AT_ONCE])
        try:
            sync_folder(self._folder)
        except OSError as error:
            lost = Receipt("unknown", f"written to out/, but the folder cannot be synced: {error.strerror}")
            return [[lost if receipt.fate == "taken" else receipt for receipt in batch] for batch in receipts]
        return receipts

    def _write_part(self, part: Sequence[tuple[list[Receipt], Outgoing]]) -> None:
        """Writes messages, each with the receipts of its batch so far.

        All are on their way to the disk before the first is waited for: that is one flush for all, and half the work of one each.
        """
        drafts = [self._draft(message) for _, message in part]
        drafts = [_flush(draft) for draft in drafts]
        for (receipts, _), draft in zip(part, drafts, strict=True):
            if not receipts or receipts[-1].fate == "taken":
                receipts.append(self._give_name(draft))
            else:
                receipts.append(Receipt("unsent", "a message before it in the batch could not be written"))
                _throw_away(draft)
            if draft.fd is not None:
                os.close(draft.fd)

    def _draft(self, message: Outgoing) -> _Draft:
        temporary = self._folder / f".{_name(message)}.{self._mine}-{next(self._drafts)}.tmp"
        try:
            if self._has(message):
                return _Draft(message, temporary, None)
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, self._mode)
        except OSError as error:
            return _Draft(message, temporary, None, error)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if self._mode != 0o600:
                os.fchmod(fd, self._mode)  # whatever the umask says
            _write_whole(fd, message.payload)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)  # which begins to write it to the disk
        except OSError as error:
            return _Draft(message, temporary, fd, error)
        return _Draft(message, temporary, fd)

    def _has(self, message: Outgoing) -> bool:
        """Whether the file is there with these very bytes, on the disk. Raises FileExistsError when it has others."""
        if message.message_id in self._used:
            raise _used_before()
        if os.path.lexists(f"{self._folder}/{_other_name(message)}"):
            self._used.add(message.message_id)
            raise _used_before()
        try:
            fd = os.open(f"{self._folder}/{_name(message)}", os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return False
        try:
            if os.read(fd, len(message.payload) + 1) != message.payload:
                # It stays so when the gateway has taken that file: the network has had the number then.
                self._used.add(message.message_id)
                raise _used_before()
            os.fsync(fd)
            return True
        finally:
            os.close(fd)

    def _file_mode(self) -> int:
        """For this account alone, and for the group where the folder lets it in: a gateway may have an account of its own."""
        try:
            return 0o600 | (self._folder.stat().st_mode & 0o040)
        except OSError:
            return 0o600  # writing fails next, and says why

    def _give_name(self, draft: _Draft) -> Receipt:
        name = _name(draft.message)
        try:
            if draft.fault is not None:
                raise draft.fault
            if draft.fd is None or not self._named(draft):
                return Receipt("taken", f"out/{name} was there already")
        except FileExistsError:
            _throw_away(draft)
            return Receipt("later", f"out/{name} has other words: {USED_BEFORE}")
        except OSError as error:
            _throw_away(draft)
            return Receipt("unsent", f"the file could not be written to out/: {error.strerror}")
        return Receipt("taken", f"written to out/{name}")

    def _named(self, draft: _Draft) -> bool:
        """Gives the draft its name; False where another process was quicker, with the same bytes."""
        try:
            give_name(draft.temporary, self._folder / _name(draft.message))
        except FileExistsError:
            if not self._has(draft.message):
                raise
            _throw_away(draft)
            return False
        return True


def _used_before() -> FileExistsError:
    return FileExistsError(errno.EEXIST, USED_BEFORE)


def _other_name(message: Outgoing) -> str:
    """The name that this number has in the other format."""
    return f"{message.message_id}.{_SUFFIX['niem' if message.format == 'legacy' else 'legacy']}"


def _name(message: Outgoing) -> str:
    return f"{message.message_id}.{_SUFFIX[message.format]}"


def _flush(draft: _Draft) -> _Draft:
    """The draft once it is on the disk."""
    if draft.fd is None or draft.fault is not None:
        return draft
    try:
        os.fsync(draft.fd)
    except OSError as error:
        return replace(draft, fault=error)
    return draft


def _throw_away(draft: _Draft) -> None:
    with contextlib.suppress(OSError):  # what is left behind is swept at the next start
        draft.temporary.unlink()


def _write_whole(fd: int, payload: bytes) -> None:
    view = memoryview(payload)
    while view:
        view = view[os.write(fd, view) :]
