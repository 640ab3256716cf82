"""How long messages wait in the spool's `out/`: a file that nobody takes is a notice that no state has."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

_LOOK_EVERY = 1.0
"""Seconds from one look to the next at the least, however many ask."""


class Waiting(NamedTuple):
    """How many messages stand in `out/`, and for how many seconds the oldest has; 0 where there is none."""

    files: int
    oldest_seconds: float


class SpoolWatch:
    """Looks into `out/`, for any thread of any process on this machine."""

    def __init__(self, spool: Path, stale: float, clock: Callable[[], float]) -> None:
        """`stale` is how many seconds a file may wait there before something is wrong; `clock` tells seconds since 1970."""
        self._out = spool / "out"
        self._stale = stale
        self._clock = clock
        self._lock = threading.Lock()
        self._looked = float("-inf")
        self._found = Waiting(0, 0.0)

    def look(self) -> Waiting:
        """What waits now, or did a second ago. Raises OSError when the folder is there and cannot be read."""
        with self._lock:
            if time.monotonic() - self._looked >= _LOOK_EVERY:
                self._found = _waiting(self._out, self._clock())
                self._looked = time.monotonic()
            return self._found

    def problem(self) -> str | None:
        """Why what is sent does not get out, in words, or None."""
        try:
            found = self.look()
        except OSError as error:
            return f"out/ cannot be read: {error.strerror}"
        if found.oldest_seconds <= self._stale:
            return None
        seconds = found.oldest_seconds
        waited = f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"
        return f"the gateway takes nothing: the oldest of {found.files} in out/ has waited for {waited}"


def _waiting(out: Path, now: float) -> Waiting:
    times = []
    try:
        with os.scandir(out) as entries:
            for entry in entries:
                if entry.name.startswith(".") or not entry.is_file(follow_symlinks=False):
                    continue
                try:
                    times.append(entry.stat(follow_symlinks=False).st_mtime)
                except FileNotFoundError:  # taken just now
                    continue
    except FileNotFoundError:
        return Waiting(0, 0.0)
    return Waiting(len(times), max(now - min(times), 0.0) if times else 0.0)
