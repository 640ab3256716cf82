"""Time that passes only when nobody has anything left to do: an event loop whose waits take no time, and clocks that go by it."""

import asyncio
import selectors
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, TypeVar

from app.dispatch import dispatcher, lanes
from app.store.database import engine

T = TypeVar("T")

_START = 1_795_435_200.0
"""2026-11-23 12:00 UTC."""


class _Selector(selectors.SelectSelector):
    """Waits by moving the time on. Nothing ever comes from outside."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Called by the loop to wait for the next thing that is due."""
        if timeout is None:
            raise RuntimeError("nothing is due any more, and something is still waited for")
        self.now += max(timeout, 0.0)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop with a time of its own, in seconds from 0. `ahead`: how far the clock on the wall is set wrong."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)
        self.ahead = 0.0

    def time(self) -> float:
        """The time of this loop."""
        return self._virtual.now

    def micros(self) -> int:
        """What a clock on the wall shows, in Micros."""
        return round((_START + self.ahead + self.time()) * 1e6)


@contextmanager
def _clocks(loop: VirtualLoop) -> Iterator[None]:
    """The three places where delivery looks at a clock look at the loop's."""
    monotonic, wall = SimpleNamespace(monotonic=loop.time), SimpleNamespace(time_ns=lambda: loop.micros() * 1000)
    before = [(module, module.time) for module in (dispatcher, lanes, engine)]
    try:
        for module, clock in ((dispatcher, monotonic), (lanes, monotonic), (engine, wall)):
            vars(module)["time"] = clock
        yield
    finally:
        for module, clock in before:
            vars(module)["time"] = clock


def run(main: Coroutine[Any, Any, T], loop: VirtualLoop) -> T:
    """Runs it to its end in the loop's own time."""
    with _clocks(loop):
        try:
            return loop.run_until_complete(main)
        finally:
            loop.close()
