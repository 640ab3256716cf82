"""Watching over processes: whichever ends is started again, and all of them end when the supervisor does, even when it is killed."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from threading import Thread
from types import FrameType
from typing import NamedTuple

import structlog

from app.errors import LensError
from app.running.shared import spawn

_log = structlog.get_logger()

_GRACE_SECONDS = 40.0
_STEADY_SECONDS = 60.0
_PAUSE_LIMIT_SECONDS = 30.0


class Post(NamedTuple):
    """A process to keep running: its name, and a function of a module with values for it that can be pickled."""

    name: str
    run: Callable[..., None]
    given: tuple[object, ...]


class _Held:
    """A post, its process, and how often that has ended in a row."""

    def __init__(self, post: Post) -> None:
        self.post = post
        self.process: SpawnProcess | None = None
        self.due = 0.0
        self._began = 0.0
        self._ends = 0

    def start(self) -> None:
        """Starts the process."""
        self._began = time.monotonic()
        self.process = spawn.Process(target=_under_watch, args=(self.post.run, self.post.given), name=self.post.name)
        self.process.start()

    def note_end(self, process: SpawnProcess) -> None:
        """The process has ended: it is due again after a second, and ever later when it keeps ending."""
        process.join()
        steady = time.monotonic() - self._began > _STEADY_SECONDS
        self._ends = 1 if steady else self._ends + 1
        pause = min(2.0 ** (self._ends - 1), _PAUSE_LIMIT_SECONDS)
        self.due = time.monotonic() + pause
        self.process = None
        _log.error("process_ended", process=self.post.name, exit_code=process.exitcode, again_in_seconds=pause)


def supervise(posts: list[Post]) -> None:
    """Runs every post until SIGTERM or SIGINT, then asks all to end and waits for them."""
    woken, wake = spawn.Pipe(duplex=False)

    def stop(_: int, __: FrameType | None) -> None:
        wake.send_bytes(b"stop")

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    held = [_Held(post) for post in posts]
    try:
        _watch(held, woken)
    finally:
        _end([each.process for each in held if each.process is not None])


def _watch(held: list[_Held], woken: Connection) -> None:
    while True:
        now = time.monotonic()
        for each in held:
            if each.process is None and each.due <= now:
                each.start()
        running = {each.process.sentinel: each for each in held if each.process is not None}
        pauses = [each.due - now for each in held if each.process is None]
        ready = wait([woken, *running], timeout=min(pauses, default=None))
        if woken in ready:
            return
        for sentinel, each in running.items():
            if sentinel in ready and each.process is not None:
                each.note_end(each.process)


def _end(processes: list[SpawnProcess]) -> None:
    for process in processes:
        process.terminate()
    until = time.monotonic() + _GRACE_SECONDS
    for process in processes:
        process.join(max(0.0, until - time.monotonic()))
        if process.is_alive():
            _log.error("process_killed", process=process.name, after_seconds=_GRACE_SECONDS)
            process.kill()
            process.join()


def _under_watch(run: Callable[..., None], given: tuple[object, ...]) -> None:
    """What a process runs. It ends as if asked to when the supervisor is gone, so that nothing is left behind."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        Thread(target=_end_with, args=(parent.sentinel,), name="lens-parent", daemon=True).start()
    try:
        run(*given)
    except LensError as error:  # a database that is away, say: no fault of the program, so its words are enough
        _log.error("process_failed", process=multiprocessing.current_process().name, cause=error.detail)
        raise SystemExit(1) from None


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
