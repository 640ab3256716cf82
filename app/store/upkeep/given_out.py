"""The highest message number given out, kept in a file outside the database: so that an older database is known for one.

The network drops a message whose number it has had. A database restored from a backup, or a standby that had not got everything,
would give numbers out again, and those notices would be lost without a word. So the file is written before a message leaves, and
beside what the counter of the database says from time to time; a database that is behind the file is not used until
`lens db recovered` has been run. The file is named after the store, since several may share a folder.
"""

import fcntl
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import structlog
from sqlalchemy import Connection, text

from app.domain.identifiers import message_id
from app.errors import BadSetting
from app.store.accepted.addresses import address_key
from app.store.database.folders import make_folder, sync_folder

_log = structlog.get_logger()

_WIDTH = 20
"""Digits: always as many, so that writing a number over another leaves no mixture of both."""


def store_name(connection: Connection) -> str:
    """What tells this store from others, the same in every copy of it. Raises BadSetting where its key is gone."""
    return hashlib.sha256(b"LENS store " + address_key(connection)).hexdigest()[:16]


def last_number(connection: Connection) -> int:
    """The highest message number that this store has given out."""
    return int(connection.scalar(text("SELECT last FROM counter WHERE name = 'message'")) or 0)


def count_given_out(connection: Connection, asked: Sequence[None]) -> list[int]:
    """The same in the shape that `Writer.do` takes."""
    return [last_number(connection)] * len(asked)


class GivenOut:
    """The file in one folder. Any number of processes may use it at once."""

    def __init__(self, folder: Path, store: str) -> None:
        self._path = folder / f"numbers-{store}"
        self._noted = 0
        self._synced = 0
        self._failed = False

    def highest(self) -> int:
        """The highest number noted by any process; 0 where there is no file. Raises BadSetting for one that cannot be read."""
        try:
            return int(self._path.read_bytes())
        except FileNotFoundError:
            return 0
        except OSError as error:
            why = error.strerror
        except ValueError:
            why = "it holds no number"
        raise BadSetting(
            f"The file {self._path}, which keeps the highest message number given out, cannot be used: {why}."
            " Remove it, then run `lens db recovered`."
        )

    def note(self, number: int) -> None:
        """Notes a number, unless a higher one is noted already. Where the disk takes nothing, that is told and sending goes on."""
        if number <= self._noted:
            return
        try:
            self._write(number)
        except OSError as error:
            if not self._failed:
                self._failed = True
                _log.warning("numbers_not_kept", file=str(self._path), cause=error.strerror)
            return
        if self._failed:
            self._failed = False
            _log.warning("numbers_kept_again", file=str(self._path))

    def sync(self) -> None:
        """Has what is noted on the disk. Blocking."""
        if self._synced == self._noted:
            return
        try:
            with self._path.open("rb") as file:
                os.fsync(file.fileno())
            sync_folder(self._path.parent)
        except OSError as error:
            _log.warning("numbers_not_synced", file=str(self._path), cause=error.strerror)
            return
        self._synced = self._noted

    def _write(self, number: int) -> None:
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except FileNotFoundError:
            make_folder(self._path.parent)
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)  # a process that is behind must not write over one that is ahead
            there = os.pread(fd, _WIDTH, 0)
            highest = max(number, int(there) if there.isdigit() else 0)
            os.pwrite(fd, f"{highest:0{_WIDTH}d}\n".encode(), 0)
            self._noted = highest
        finally:
            os.close(fd)


def highest_of_all(folder: Path) -> int:
    """The highest number that any store has noted in this folder. Raises BadSetting for a file that cannot be read."""
    stores = [path.name.removeprefix("numbers-") for path in folder.glob("numbers-*")]
    return max((GivenOut(folder, store).highest() for store in stores), default=0)


def beside_another(highest: int, last: int) -> str | None:
    """Why a store that has given out no number may not be used where others gave out `highest`, in words; None where it may."""
    if last > 0 or highest == 0:
        return None
    return (
        f"this database has given out no number yet, and {message_id(highest)} was given out here by another one."
        " The network would drop notices whose numbers it has had. Is it the right database? If so, run `lens db recovered` once"
    )


def behind(highest: int, last: int) -> str | None:
    """Why a store may not be used whose counter stands at `last`, where `highest` was given out, in words; None where it may."""
    if last >= highest:
        return None
    stands = message_id(last) if last else "none"
    return (
        f"this database is older than the numbers given out: {message_id(highest)} was, and its last is {stands}."
        " It was restored from a backup, or its standby had not got everything. Stop LENS and run `lens db recovered` once"
    )
