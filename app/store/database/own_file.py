"""The file that an SQLite store was opened with, known by device and inode: it may be removed or replaced under a running service.

SQLite would go on writing into the file that has no name any more, and all of that would be gone with the process.
"""

import os
from pathlib import Path
from typing import Any

from pysqlite3 import dbapi2

LOST_WORDS = "its file was removed or replaced while LENS was running; put it back, and restart LENS"

_SQLITE_READONLY_DBMOVED = 1032


class OwnFile:
    """Compares the file that has the name now with the one that was opened. Cheap: one look at the folder, no file is read."""

    def __init__(self, path: Path, opened: os.stat_result) -> None:
        self._path = path.absolute()
        self._opened = (opened.st_dev, opened.st_ino)
        self._lost = False

    def is_lost(self) -> bool:
        """Whether the name stands for no file, or for another one. It stays so, since a new file may get the old one's inode.

        Only a folder that is missing may come back: its disk was away.
        """
        if self._lost:
            return True
        try:
            found = self._path.stat()
        except OSError:
            self._lost = self._path.parent.is_dir()
            return True
        self._lost = (found.st_dev, found.st_ino) != self._opened
        return self._lost

    def require(self, *_: object) -> None:
        """Raises the driver's own error where the file is lost. A listener for each connection, and for each use of one."""
        if self.is_lost():
            error: Any = dbapi2.OperationalError("the file was removed or replaced")
            error.sqlite_errorcode = _SQLITE_READONLY_DBMOVED
            raise error
