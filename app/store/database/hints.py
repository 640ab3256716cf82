"""Hints between hosts: on PostgreSQL a process tells all others that something is to be sent (NOTIFY), and hears it (LISTEN).

A hint carries nothing and may be lost; every dispatcher looks by itself as well. Hints are told after the commit and apart from
it, many at once as one, so accepting never waits for them. An SQLite store has one host, where they are not needed.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Self

import psycopg
import structlog
from sqlalchemy.exc import DBAPIError

from app.store.database.engine import Store

_log = structlog.get_logger()

_CHANNEL = "lens_queued"
_TOGETHER_SECONDS = 0.05
_AGAIN_SECONDS = 2.0
_LOOK_UP_SECONDS = 0.5


class Hints:
    """Tells and hears. `heard` is called on a thread of its own, once for all hints that came together. Use as a `with` block."""

    def __init__(self, store: Store, heard: Callable[[], None] | None = None) -> None:
        """`heard` is left out where nothing is sent from."""
        self._store = store
        self._heard = heard
        self._stopping = Event()
        self._to_tell = Event()
        self._own: int | None = None
        self._threads: list[Thread] = []

    def __enter__(self) -> Self:
        if self._store.dialect == "postgresql":
            works = [self._tell] if self._heard is None else [self._tell, self._hear]
            self._threads = [Thread(target=self._keep, args=(work,), name="lens-hints", daemon=True) for work in works]
            for thread in self._threads:
                thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._to_tell.set()
        for thread in self._threads:
            thread.join()

    def tell(self) -> None:
        """Says to every other process that something is to be sent; never waits."""
        if not self._to_tell.is_set():
            self._to_tell.set()

    def _keep(self, work: Callable[["psycopg.Connection[object]"], None]) -> None:
        """Works until stopped, on a new connection whenever one is lost."""
        while not self._stopping.is_set():
            try:
                with self._connection() as connection:
                    work(connection)
            except (psycopg.Error, DBAPIError) as error:
                _log.warning(
                    "hints_interrupted", error=type(error).__name__, consequence="new messages are found up to a second later"
                )
                self._stopping.wait(_AGAIN_SECONDS)

    @contextmanager
    def _connection(self) -> Iterator["psycopg.Connection[object]"]:
        """A connection beside the pool, outside of any transaction."""
        pooled = self._store.read.raw_connection()
        connection = pooled.driver_connection
        assert isinstance(connection, psycopg.Connection)  # noqa: S101 - SQLAlchemy cannot say which driver it has
        pooled.detach()
        with connection:
            connection.set_autocommit(True)
            yield connection

    def _tell(self, connection: "psycopg.Connection[object]") -> None:
        self._own = connection.info.backend_pid
        connection.execute("SET synchronous_commit = off")  # a hint need not reach the disk, where commits of worth queue
        while not self._stopping.is_set():
            self._to_tell.wait()
            time.sleep(_TOGETHER_SECONDS)
            self._to_tell.clear()
            if not self._stopping.is_set():
                connection.execute(f"NOTIFY {_CHANNEL}")

    def _hear(self, connection: "psycopg.Connection[object]") -> None:
        connection.execute(f"LISTEN {_CHANNEL}")
        while not self._stopping.is_set():
            came = [each.pid for each in connection.notifies(timeout=_LOOK_UP_SECONDS, stop_after=1)]
            if self._heard is not None and any(pid != self._own for pid in came):
                self._heard()
