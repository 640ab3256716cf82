"""What the processes of one `lens serve` share besides the database: small pieces of memory, made before they start."""

import ctypes
import multiprocessing
import time
from collections.abc import Callable
from threading import Thread

import msgspec

from app.dispatch.counts import DispatchCounts

spawn = multiprocessing.get_context("spawn")
"""Processes are started afresh: a forked one would inherit threads' locks and database connections."""

SILENT_SECONDS = 10.0
"""For how long the dispatcher process may say nothing before it counts as not at work."""

_WORDS = 300
_COUNTS_BYTES = 4096


class Pulse:
    """How the dispatcher process is, as it says itself."""

    def __init__(self) -> None:
        self._at = spawn.Value("d", float("-inf"))
        self._problem = spawn.Array(ctypes.c_char, 4 * _WORDS + 1)
        self._counts = spawn.Array(ctypes.c_char, _COUNTS_BYTES)

    def beat(self, problem: str | None, counts: DispatchCounts) -> None:
        """Says that the dispatcher is alive, why nothing can be sent at the moment, if so, and what it has done."""
        self._problem.value = (problem or "")[:_WORDS].encode()
        self._counts.value = msgspec.json.encode(counts)
        self._at.value = time.monotonic()

    def channel_problem(self) -> str | None:
        """Why nothing can be sent at the moment, in words, or None."""
        return self._problem.value.decode() or None

    def counts(self) -> DispatchCounts:
        """What the dispatcher process has done since it started, as of a second ago."""
        told = self._counts.value
        return msgspec.json.decode(told, type=DispatchCounts) if told else DispatchCounts()

    def worker_problem(self) -> str | None:
        """Why the dispatcher is not at work, in words, or None when it is."""
        silent = time.monotonic() - self._at.value > SILENT_SECONDS
        return "the dispatcher process does not answer" if silent else None


class Bell:
    """Rung by the API processes when there is something to send; many rings before the dispatcher hears them are as one."""

    def __init__(self) -> None:
        self._rings = spawn.Semaphore(0)

    def ring(self) -> None:
        """Rings it; never waits."""
        self._rings.release()

    def on_ring(self, act: Callable[[], None]) -> None:
        """Calls `act`, on a thread of its own, whenever it was rung, for as long as the process lives."""
        Thread(target=self._listen, args=(act,), name="lens-bell", daemon=True).start()

    def _listen(self, act: Callable[[], None]) -> None:
        while True:
            self._rings.acquire()
            while self._rings.acquire(block=False):
                pass
            act()
