"""Setting up the log: one JSON object a line on standard error, from LENS and from the libraries it stands on.

Times are UTC with microseconds. An exception is logged as its class and the places it passed through: its text may quote what
it was working on, and that may be somebody's name.
"""

import faulthandler
import logging
import sys
from collections.abc import MutableMapping
from pathlib import PurePath
from typing import Any, Literal

import msgspec
import structlog

from app.api.envelope import what_broke

Level = Literal["debug", "info", "warning", "error"]
Event = MutableMapping[str, Any]


def set_up_logs(level: Level) -> None:
    """Sets up the log of this process, and a trace of every thread should it crash. Call it once, at the start."""
    faulthandler.enable()
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        without_texts,
    ]
    structlog.configure(
        processors=[*shared, _as_json],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    own_end: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, lambda *event: _as_json(*event).decode()]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=[*shared, first_line], processors=own_end))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.captureWarnings(capture=True)


def without_texts(_: object, __: str, event: Event) -> Event:
    """Turns `exc_info` into the exception's class and places."""
    found = event.pop("exc_info", None)
    error = sys.exc_info()[1] if found is True else found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        event.update(what_broke(error))
    return event


def first_line(_: object, __: str, event: Event) -> Event:
    """Keeps the first line of what a library says: asyncio, for one, puts an error's text into those after it."""
    event["event"] = str(event["event"]).partition("\n")[0]
    return event


def _as_json(_: object, __: str, event: Event) -> bytes:
    return msgspec.json.encode(event, enc_hook=_shown)


def _shown(value: object) -> str:
    """What stands for a value that JSON has no form for: a path itself, of anything else only what it is."""
    return str(value) if isinstance(value, PurePath) else type(value).__name__
