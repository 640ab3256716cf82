"""What those who watch the service ask for: made at most once a second, however many ask."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")

FRESH_SECONDS = 1.0
"""How long what was made is given to everybody as it is."""

PATIENCE_SECONDS = 0.25
"""How long a caller waits for a new one before it gets the old one."""

STALE_SECONDS = 5.0
"""How old the old one may be: beyond it, callers wait, or a service whose database hangs would go on looking ready."""


class Snapshot(Generic[T]):
    """What `make` makes, on a thread of its own, for all who ask on one event loop.

    Whoever asks while it is being made shares that one making. So any number of callers costs one of them, and takes no thread
    from those who accept releases.
    """

    def __init__(self, make: Callable[[], T], monotonic: Callable[[], float] = time.monotonic) -> None:
        """`make` may take its time; what it raises, it raises to all who wait for it, and is not kept."""
        self._make = make
        self._monotonic = monotonic
        self._thread = ThreadPoolExecutor(1, "lens-snapshot")
        self._making: asyncio.Future[T] | None = None
        self._made: tuple[float, T] | None = None
        """When it was begun, and what came of it."""

    async def look(self) -> T:
        """What was made within the last second or is made now; while that takes long, what was made a little earlier."""
        age = float("inf") if self._made is None else self._monotonic() - self._made[0]
        if self._made is not None and age < FRESH_SECONDS:
            return self._made[1]
        making = self._making or self._begin()
        if self._made is not None and age < STALE_SECONDS:
            done, _ = await asyncio.wait({making}, timeout=PATIENCE_SECONDS)
            if not done:
                return self._made[1]
        return await asyncio.shield(making)  # a caller that goes away does not end it for the others

    def _begin(self) -> "asyncio.Future[T]":
        begun = self._monotonic()
        making = asyncio.get_running_loop().run_in_executor(self._thread, self._make)

        def keep(done: "asyncio.Future[T]") -> None:
            self._making = None
            if done.exception() is None:
                self._made = begun, done.result()

        making.add_done_callback(keep)
        self._making = making
        return making
