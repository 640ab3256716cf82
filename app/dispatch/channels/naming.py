"""Giving a finished file its name, never one that another file has: `rename` alone would replace that without a word."""

import ctypes
import errno
import os
from pathlib import Path

_AT_FDCWD = -100
_NOREPLACE = 1
_LACKING = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP}
"""What a file system says that cannot rename in this way, NFS for one."""


def _renameat2() -> "ctypes._NamedFuncPointer | None":
    found = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if found is not None:
        found.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    return found


_RENAME = _renameat2()


def give_name(temporary: Path, name: Path) -> None:
    """Renames a file. Raises FileExistsError where `name` is there, which then stays as it is, and any other OSError."""
    if _RENAME is not None:
        failed = _RENAME(_AT_FDCWD, os.fsencode(temporary), _AT_FDCWD, os.fsencode(name), _NOREPLACE)
        if not failed:
            return
        code = ctypes.get_errno()
        if code not in _LACKING:
            raise OSError(code, os.strerror(code), str(name))
    name.hardlink_to(temporary)
    temporary.unlink()
