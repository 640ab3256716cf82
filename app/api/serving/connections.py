"""How long a connection may take over what it sends and reads, and how many there may be: no key is needed to open one.

A caller who opens connections and leaves them half open must not keep others out. Where there are too many, the oldest that has not
sent one whole head goes first, then the one that has been idle; only where all are at work is a new one refused.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import structlog

_log = structlog.get_logger()

_TELL_EVERY = 60.0  # seconds between lines in the log about connections turned away


@dataclass(frozen=True, slots=True)
class Limits:
    """`body_rate` is bytes a second, counted over `window` seconds; the other times are seconds. `per_source` and `in_all` are
    connections of one address, and of all.
    """

    head: float = 10.0
    body_rate: float = 1000.0
    window: float = 10.0
    stalled: float = 60.0
    per_source: int = 512
    in_all: int = 4096
    tick: float = 1.0


Doing = Literal["half open", "idle", "at work"]


@dataclass(eq=False, frozen=True, slots=True)
class Watched:
    """A connection as it is watched. `doing` says what it is at: `half open` until its first head is whole, `idle` between requests.

    `check` ends it where it takes too long, by the clock of the event loop; `let_go` ends it to make room.
    """

    doing: Callable[[], Doing]
    check: Callable[[float], None]
    let_go: Callable[[], None]


class Connections:
    """The connections of one server. Everything happens on its event loop."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._open: dict[Watched, str] = {}
        self._half_open: dict[Watched, str] = {}
        self._of_source: Counter[str] = Counter()
        self._ticking = False
        self._turned_away = 0
        self._told_at = float("-inf")

    def add(self, connection: Watched, source: str) -> bool:
        """Takes a connection in, letting another go if need be. False where there is no room for it."""
        if not self._has_room(source):
            return False
        self._open[connection] = self._half_open[connection] = source
        self._of_source[source] += 1
        if not self._ticking:
            self._ticking = True
            asyncio.get_running_loop().call_later(self.limits.tick, self._tick)
        return True

    def head_came(self, connection: Watched) -> None:
        """The first head of a connection is whole."""
        self._half_open.pop(connection, None)

    def remove(self, connection: Watched) -> None:
        """The connection has ended."""
        source = self._open.pop(connection, None)
        self._half_open.pop(connection, None)
        if source is not None:
            self._of_source[source] -= 1
            if not self._of_source[source]:
                del self._of_source[source]

    def _has_room(self, source: str) -> bool:
        crowded = self._of_source[source] >= self.limits.per_source
        if not crowded and len(self._open) < self.limits.in_all:
            return True
        self._tell()
        victim = self._first_to_go(source if crowded else None)
        if victim is None:
            return False
        self.remove(victim)
        victim.let_go()
        return True

    def _first_to_go(self, source: str | None) -> Watched | None:
        """The oldest half open, or else the oldest idle connection, of a source or of any (None)."""
        for connection, of in self._half_open.items():
            if source in (None, of):
                return connection
        for connection, of in self._open.items():
            if source in (None, of) and connection.doing() == "idle":
                return connection
        return None

    def _tell(self) -> None:
        now = asyncio.get_running_loop().time()
        self._turned_away += 1
        if now - self._told_at >= _TELL_EVERY:
            _log.warning(
                "connections_turned_away", count=self._turned_away, open=len(self._open), half_open=len(self._half_open)
            )
            self._turned_away, self._told_at = 0, now

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in list(self._open):
            connection.check(now)
        self._ticking = bool(self._open)
        if self._ticking:
            loop.call_later(self.limits.tick, self._tick)
