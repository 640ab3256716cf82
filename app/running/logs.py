"""Setting up the log: one JSON object a line on standard error, from LENS and from the libraries it stands on.

Times are UTC with microseconds. An exception is logged as its class and the places it passed through: its text may quote what
it was working on, and that may be somebody's name.
"""

import faulthandler
import logging
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import PurePath
from threading import Event, Thread
from typing import Any, BinaryIO, Literal

import msgspec
import structlog

from app.errors import what_broke
from app.running.seldom import Seldom

Level = Literal["debug", "info", "warning", "error"]
Entry = MutableMapping[str, Any]

_LATE_SECONDS = 0.05


class LineFile:
    """A file of lines that are written together, a twentieth of a second late at the most.

    Writing a line at a time would make every request wait for the interpreter twice: a thread that writes lets go of it, and
    has to stand in line for it again.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lines: deque[bytes] = deque()
        self._some = Event()
        Thread(target=self._run, name="lens-log", daemon=True).start()

    def write(self, line: bytes) -> int:
        """Takes a line; never waits."""
        self._lines.append(line)
        if not self._some.is_set():
            self._some.set()
        return len(line)

    def flush(self) -> None:
        """Does nothing: `drain` does."""

    def drain(self) -> None:
        """Writes what is there now."""
        lines = []
        while self._lines:
            lines.append(self._lines.popleft())
        self._file.write(b"".join(lines))
        self._file.flush()

    def _run(self) -> None:
        while True:
            self._some.wait()
            time.sleep(_LATE_SECONDS)
            self._some.clear()
            self.drain()


@contextmanager
def logs(level: Level, runbook: Callable[[str], str] = str) -> Iterator[None]:
    """Sets up the log of this process for the block, and a trace of every thread should the process crash.

    `runbook` tells where a runbook is read; lines have it instead of the page's name.
    """

    def with_runbook(_: object, __: str, entry: Entry) -> Entry:
        if "runbook" in entry:
            entry["runbook"] = runbook(entry["runbook"])
        return entry

    faulthandler.enable()
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        without_texts,
        with_runbook,
    ]
    file = LineFile(sys.stderr.buffer)
    structlog.configure(
        processors=[Seldom(), *shared, _as_json],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.BytesLoggerFactory(file),  # type: ignore[arg-type]  # it asks for write and flush only
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    own_end: list[Any] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        lambda *entry: _as_json(*entry).decode(),
    ]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=[*shared, first_line], processors=own_end))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.captureWarnings(capture=True)
    try:
        yield
    finally:
        file.drain()


def without_texts(_: object, __: str, entry: Entry) -> Entry:
    """Turns `exc_info` into the exception's class and places."""
    found = entry.pop("exc_info", None)
    error = sys.exc_info()[1] if found is True else found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        entry.update(what_broke(error))
    return entry


def first_line(_: object, __: str, entry: Entry) -> Entry:
    """Keeps the first line of what a library says: asyncio, for one, puts an error's text into those after it."""
    entry["event"] = str(entry["event"]).partition("\n")[0]
    return entry


def _as_json(_: object, __: str, entry: Entry) -> bytes:
    return msgspec.json.encode(entry, enc_hook=_as_text)


def _as_text(value: object) -> str:
    """What stands for a value that JSON has no form for: a path itself, of anything else only what it is."""
    return str(value) if isinstance(value, PurePath) else type(value).__name__
