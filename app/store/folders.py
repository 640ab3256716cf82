"""Folders whose names must survive a power cut: a new file is only there for good once its folder is on the disk."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Has the names in a folder on the disk, not only in memory. Raises OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
