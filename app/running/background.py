"""Work that goes on beside the API: a coroutine on a thread and event loop of its own, started again when it breaks."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Self

import structlog

from app.errors import what_broke

_log = structlog.get_logger()

_PAUSE_SECONDS = 1.0
_PAUSE_LIMIT_SECONDS = 30.0


class Background:
    """Runs `main` for as long as the `with` block lasts.

    `main` gives a new coroutine each time, that ends only when it is cancelled. One that ends by itself or raises is logged
    and started again, after a second the first time and then ever later, at most half a minute.
    """

    def __init__(self, name: str, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._name = name
        self._main = main
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name=f"lens-{name}", daemon=True)
        self._problem: str | None = f"the {name} has not started yet"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Cancels the work and waits for it to end."""
        self.call_soon(self._stop.set)
        self._thread.join()

    def problem(self) -> str | None:
        """Why it is not at work at this moment, in words, or None when it is."""
        return self._problem

    def call_soon(self, act: Callable[[], object]) -> None:
        """Calls a function on the work's own event loop, from any thread; does nothing once the work has ended."""
        try:
            self._loop.call_soon_threadsafe(act)
        except RuntimeError:
            if not self._loop.is_closed():
                raise

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._until_stopped())

    async def _until_stopped(self) -> None:
        stopping = asyncio.create_task(self._stop.wait())
        pause = _PAUSE_SECONDS
        while not self._stop.is_set():
            work = asyncio.create_task(self._main(), name=self._name)
            self._problem = None
            await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if self._stop.is_set():
                work.cancel()
                await asyncio.wait({work})
                if not work.cancelled() and work.exception() is not None:
                    self._note_end(work)
                return
            self._note_end(work)
            await asyncio.wait({stopping}, timeout=pause)
            pause = min(pause * 2, _PAUSE_LIMIT_SECONDS)

    def _note_end(self, work: "asyncio.Task[None]") -> None:
        self._problem = f"the {self._name} broke down and is being started again"
        error = work.exception()
        _log.error("background_broke", work=self._name, **(what_broke(error) if error else {"error": None}))
