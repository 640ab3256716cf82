"""A process of the service says that it runs, and with which settings, for those who look at the store from elsewhere."""

import os
import platform
import secrets
from contextlib import suppress
from importlib.metadata import version
from threading import Event, Thread
from typing import Self

import structlog

from app.errors import LensError, Unavailable
from app.settings import Settings
from app.store.database.writer import Writer
from app.store.upkeep.running import SAID_EVERY, Kind, Program, say_running, say_stopped

_log = structlog.get_logger()

SHOWN_SETTINGS = (
    "surge_floor",
    "surge_factor",
    "channel",
    "switch_address",
    "rulebook_source",
    "allow_generic_ori",
    "message_format",
    "window",
    "rate",
    "lane_rate",
    "max_attempts",
    "presume_after",
    "late_after",
    "feed_silent_after",
)
"""The settings of a service that others are shown: those that decide what is held, sent and believed. No secret, no path."""


class Presence:
    """Says that this process runs, for as long as the `with` block lasts."""

    def __init__(self, writer: Writer, kind: Kind, settings: Settings) -> None:
        self._writer = writer
        name = f"{platform.node()[:40]}-{os.getpid()}-{secrets.token_hex(3)}"
        shown = settings.model_dump(include=set(SHOWN_SETTINGS))
        self._program = Program(name, kind, version("lens"), shown)
        self._stop = Event()
        self._thread = Thread(target=self._run, name="lens-presence", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._writer.problem is None:  # a database that is away would only keep the process from ending
            with suppress(LensError):
                self._writer.do_and_wait(say_stopped, self._program.name)

    def _run(self) -> None:
        while True:
            try:
                self._writer.do_and_wait(say_running, self._program)
            except Unavailable:
                pass  # the writer has logged it
            except LensError as error:
                _log.error("presence_broke", cause=error.detail, consequence="lens status does not see this process")
            if self._stop.wait(SAID_EVERY):
                return
