"""Sources that send keys nobody has: after five within a quarter of an hour their further guesses are refused, and told once.

A good key is let in from whatever source, so that nobody can shut a feed out by guessing beside it. A request without a key is no
guess.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil

FAILURES = 5
WITHIN_SECONDS = 15 * 60.0
_SOURCES = 10_000


@dataclass(slots=True)
class _Source:
    """When a source failed, the oldest first, and whether it was told of since."""

    failures: deque[float] = field(default_factory=lambda: deque(maxlen=FAILURES))
    told: bool = False


class Guesses:
    """What failed of late, by source; of so many sources that those seen longest ago are forgotten."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """`monotonic` tells seconds."""
        self._monotonic = monotonic
        self._sources: OrderedDict[str, _Source] = OrderedDict()

    def wait(self, source: str) -> int | None:
        """Seconds until a source that has failed too often may fail again; None where it has not."""
        found = self._sources.get(source)
        if found is None or len(found.failures) < FAILURES:
            return None
        left = found.failures[0] + WITHIN_SECONDS - self._monotonic()
        return ceil(left) if left > 0 else None

    def failed(self, source: str) -> bool:
        """Notes a failure; whether with it the source has failed too often, which is said once."""
        found = self._sources.setdefault(source, _Source())
        self._sources.move_to_end(source)
        if len(self._sources) > _SOURCES:
            self._sources.popitem(last=False)
        now = self._monotonic()
        while found.failures and found.failures[0] + WITHIN_SECONDS <= now:
            found.failures.popleft()
            found.told = False
        found.failures.append(now)
        if len(found.failures) < FAILURES or found.told:
            return False
        found.told = True
        return True
