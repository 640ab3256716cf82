"""How many files and connections this process may have open: the limit of the operating system, raised as far as it may be."""

import resource

import structlog

_log = structlog.get_logger()

RESERVED = 256
"""Files that are not connections of callers: the database, the spool, the link, temporary files."""

_ENOUGH = 16_384


def allow_open_files(wanted: int) -> int:
    """Raises the soft limit where that is allowed. Returns how many of the `wanted` connections there is room for, at least 16, and
    warns where that is fewer.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    if soft == resource.RLIM_INFINITY or soft - RESERVED >= wanted:
        return wanted
    room = max(soft - RESERVED, 16)
    _log.warning(
        "open_files_limited",
        limit=soft,
        connections=room,
        fix=f"raise it to {wanted + RESERVED} or more: ulimit -Hn, or LimitNOFILE= in the systemd unit",
    )
    return room
