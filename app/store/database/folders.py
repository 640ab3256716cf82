"""Folders and files of ours: on the disk for good, and closed to other accounts.

LENS makes its folders with mode 0700 and its files with 0600. What other accounts could have changed is not used at all; what
they could only read is closed, and told.
"""

import os
import stat
from pathlib import Path

import structlog

from app.errors import BadSetting

_log = structlog.get_logger()


def sync_folder(folder: Path) -> None:
    """Has the names in a folder on the disk, not only in memory. Raises OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def changeable(path: Path, *, group: bool = False) -> str | None:
    """Why others could change what is there, and how to end it, or None. `group`: its group may.

    Raises OSError when `path` cannot be looked at.
    """
    status = path.stat()
    mode = stat.S_IMODE(status.st_mode)
    if mode & (stat.S_IWOTH if group else stat.S_IWGRP | stat.S_IWOTH):
        fix = f"chmod {'o-w' if group else 'go-w'} {path}"
        if mode & stat.S_ISVTX:
            fix = "name a folder of its own, which LENS makes"  # it is meant for everybody, as /tmp is
        return f"{path} can be changed by other accounts (mode {mode:04o}). Look at what is in it, then: {fix}"
    if not group and status.st_uid not in {os.geteuid(), 0}:
        ours = os.geteuid()
        return f"{path} belongs to another account (uid {status.st_uid}). Look at what is in it, then: chown {ours} {path}"
    return None


def changeable_above(path: Path) -> str | None:
    """Why others could put another folder or link in the place of this one, and how to end it, or None; it may be missing itself.

    In a folder that everybody may write (not one like /tmp, where each keeps what is his) they could rename ours away.
    """
    above = dict.fromkeys((*path.absolute().parents, *path.resolve().parents))
    for folder in above:
        if not folder.is_dir():
            continue
        mode = stat.S_IMODE(folder.stat().st_mode)
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            return f"{folder}, above {path}, can be changed by other accounts (mode {mode:04o}). Then: chmod o-w {folder}"
    return None


def require_closed(setting: str, folder: Path, *, group: bool = False) -> None:
    """Raises BadSetting when others could change a folder of ours or put another in its place. It may be missing; nothing is made."""
    try:
        there = changeable(folder, group=group) if folder.is_dir() else None
        problem = there or changeable_above(folder)
    except OSError as error:
        raise BadSetting(f"{setting}: the folder {folder} cannot be looked at: {error.strerror}") from None
    if problem is not None:
        raise BadSetting(f"{setting}: {problem}")


def make_folder(folder: Path) -> None:
    """Makes a folder of ours and those above it where they are missing, whatever the umask says. Raises OSError."""
    for missing in [above for above in reversed(folder.absolute().parents) if not above.exists()]:
        missing.mkdir(mode=0o755, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)


def close_to_others(path: Path, *, group: bool = False) -> None:
    """Takes from other accounts what they may do with a file or folder of ours. Raises OSError.

    `group`: not from its group, where it was plainly let in (it may write, or the folder hands its group down).
    """
    status = path.stat()
    mode = stat.S_IMODE(status.st_mode)
    let_in = group and mode & (stat.S_ISGID | stat.S_IWGRP)
    closed = mode & ~(0o007 if let_in else 0o077)
    if closed != mode and status.st_uid == os.geteuid():
        path.chmod(closed)
        _log.warning("closed_to_others", path=str(path), mode=f"{closed:04o}", was=f"{mode:04o}")
