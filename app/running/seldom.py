"""Lines of the log that a fault repeats: one when it begins, then one a minute with how many were left out.

A full disk, or a database that is away, fails every write there is, hundreds a second. Said once a minute it is seen; said each
time it fills what is left of the disk, and hides everything else.
"""

import threading
import time
from collections.abc import Callable

import structlog
from structlog.typing import EventDict

_EVERY_SECONDS = 60.0
_KEPT = 1000
"""Different lines that are remembered at the most."""

REPEATED = frozenset(
    {
        "write_failed",
        "claim_failed",
        "turn_waits_for_database",
        "leases_not_renewed",
        "presume_failed",
        "sweep_failed",
        "numbers_not_compared",
        "arrival_waits_for_database",
        "arrival_not_stored",
        "arrivals_not_synced",
        "feeds_not_watched",
        "presence_broke",
        "surge_not_carried_out_yet",
        "rulebook_pointer_unreadable",
        "stamina.retry_scheduled",
    }
)
"""What is told of each failed write or look at the database; all of it ends with the fault."""


class Seldom:
    """Leaves out lines that were written less than a minute ago, by their event and cause. A processor of structlog."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` tells seconds."""
        self._clock = clock
        self._lock = threading.Lock()
        self._written: dict[tuple[str, str], tuple[float, int]] = {}

    def __call__(self, _: object, __: str, entry: EventDict) -> EventDict:
        """The line, with how many like it were left out since the last; raises DropEvent where it is left out itself."""
        event = str(entry.get("event"))
        if event not in REPEATED:
            return entry
        key = (event, str(entry.get("cause") or entry.get("why") or entry.get("error")))
        now = self._clock()
        with self._lock:
            at, left_out = self._written.get(key, (float("-inf"), 0))
            if now - at < _EVERY_SECONDS:
                self._written[key] = (at, left_out + 1)
                raise structlog.DropEvent
            if len(self._written) >= _KEPT:
                self._written.clear()
            self._written[key] = (now, 0)
        if left_out:
            entry["left_out"] = left_out
        return entry
