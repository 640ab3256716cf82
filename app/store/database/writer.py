"""The one writer of this process: whatever waits goes into one transaction, and is answered once that is committed.

One thread takes the items waiting, runs them in one transaction (BEGIN IMMEDIATE on SQLite), commits, and then answers every
caller: with 64 callers one flush of the disk serves them all. Nothing is answered before its commit.
"""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple, Self, TypeAlias, TypeVar

import stamina
import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from app.errors import LensError, Unavailable
from app.store.database.engine import Store
from app.store.database.own_file import LOST_WORDS
from app.store.database.troubles import cause, rolled_back, trouble
from app.store.ledger.audit import write_trail
from app.store.statements.locks import apart, lanes_first
from app.store.statements.rows import lock_counters_for

_log = structlog.get_logger()

GROUP_LIMIT = 256
"""Items of one transaction at the most."""

_GATHERED = 64  # items that are enough for a group, though more may come

Transaction: TypeAlias = Connection
"""The transaction that an `apply` function gets: a room above the store passes it on to functions of the store, and asks it nothing."""

T = TypeVar("T")
R = TypeVar("R")
Outcomes = list[tuple[Any, Exception | None]]


class _Waiting(NamedTuple):
    apply: Callable[[Connection, Sequence[Any]], Sequence[Any]]
    item: Any
    future: "asyncio.Future[Any] | Future[Any]"
    loop: asyncio.AbstractEventLoop | None


class _Transient(Exception):
    """The database was busy, or the connection was lost before the commit: the same may work in a moment."""


class Writer:
    """Carries out writes in groups.

    An `apply` function is called with a connection inside a transaction and all waiting items of that same function, in order
    of arrival, and returns one result an item. A result that is a LensError is raised to that item's caller; the others stay
    committed. An apply function that raises fails its group: the group is rolled back and halved until the faulty item is
    alone. So it may run more than once, and must depend on the connection and the items only.
    """

    def __init__(self, store: Store, patience: float = 10.0, waiting_limit: int = 20_000) -> None:
        """`patience`: seconds to try again while the database is busy; `waiting_limit`: items that may wait at once."""
        self._store = store
        self._patience = patience
        self._waiting_limit = waiting_limit
        self._waiting: deque[_Waiting] = deque()
        self._wake = threading.Condition()
        self._stopping = True
        self._thread: threading.Thread | None = None
        self.groups = 0
        """Transactions committed so far."""
        self.items = 0
        """Items committed so far."""
        self.problem: str | None = None
        """Why the last group could not be written, or None when it was."""

    def start(self) -> None:
        """Starts the thread."""
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="lens-writer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Writes what is waiting, then ends the thread; later items are refused with Unavailable."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def do(self, apply: Callable[[Connection, Sequence[T]], Sequence[R | LensError]], item: T) -> R:
        """The item's own result, after its commit. A caller that is cancelled meanwhile may still find it carried out.

        Raises Unavailable when the database cannot serve, the LensError that apply answered for this item, or whatever apply
        raised for it alone.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        self._put(_Waiting(apply, item, future, loop))
        return await future

    def do_and_wait(self, apply: Callable[[Connection, Sequence[T]], Sequence[R | LensError]], item: T) -> R:
        """The same as `do`, for a thread without an event loop."""
        future: Future[R] = Future()
        self._put(_Waiting(apply, item, future, None))
        return future.result()

    def waiting(self) -> int:
        """How many items wait for their transaction."""
        return len(self._waiting)

    def _put(self, waiting: _Waiting) -> None:
        with self._wake:
            if self._stopping:
                raise Unavailable("LENS is stopping; nothing was changed.")
            if len(self._waiting) >= self._waiting_limit:
                raise Unavailable("Too much is waiting to be stored; nothing was changed, try again.")
            self._waiting.append(waiting)
            first = self._waiting[0].loop
            if waiting.loop is None or waiting.loop is not first:
                self._wake.notify()
            elif len(self._waiting) == 1:
                first.call_soon(self._nudge, first, 1)

    def _nudge(self, loop: asyncio.AbstractEventLoop, seen: int) -> None:
        """Wakes the thread once no more is put: what arrives in one turn of the loop becomes one group, which costs hardly more
        than a group of one. `seen` were waiting when this was last looked at.
        """
        waiting = len(self._waiting)
        if seen < waiting < _GATHERED:
            loop.call_soon(self._nudge, loop, waiting)
            return
        with self._wake:
            self._wake.notify()

    def _run(self) -> None:
        while group := self._next_group():
            for part in apart(group, _kind) if self._store.dialect == "postgresql" else [group]:
                self._carry_out(part)

    def _carry_out(self, group: list[_Waiting]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop | None, list[tuple[_Waiting, Any, Exception | None]]] = {}
        for waiting, (result, error) in zip(group, self._outcomes(group), strict=True):
            by_loop.setdefault(waiting.loop, []).append((waiting, result, error))
        for loop, settled in by_loop.items():
            _tell(loop, settled)

    def _next_group(self) -> list[_Waiting]:
        with self._wake:
            while not self._waiting and not self._stopping:
                self._wake.wait()
            return [self._waiting.popleft() for _ in range(min(len(self._waiting), GROUP_LIMIT))]

    def _outcomes(self, group: list[_Waiting]) -> Outcomes:
        try:
            results = self._commit(group)
        except Unavailable as error:
            self.problem = error.detail
            _log.error("write_failed", cause=error.detail, items=len(group))
            return [(None, error)] * len(group)
        except Exception as error:  # noqa: BLE001 - whatever an apply function raises belongs to the caller of its item
            if len(group) == 1:
                return [(None, error)]
        else:
            self.groups += 1
            self.items += len(group)
            return [(None, result) if isinstance(result, LensError) else (result, None) for result in results]
        middle = len(group) // 2
        return self._outcomes(group[:middle]) + self._outcomes(group[middle:])

    def _commit(self, group: list[_Waiting]) -> list[Any]:
        with contextlib.suppress(_Transient):
            return self._once(group)  # as nearly always, without the cost of what follows
        try:
            for attempt in stamina.retry_context(
                on=_Transient, attempts=None, timeout=self._patience, wait_initial=0.05, wait_max=1.0, wait_jitter=0.05
            ):
                with attempt:
                    return self._once(group)
        except _Transient as error:
            raise Unavailable(f"The database is busy or away ({error}); nothing was changed, try again.") from None
        raise AssertionError("retry_context ends with a result or an error")

    def _once(self, group: list[_Waiting]) -> list[Any]:
        committing = False
        try:
            with self._store.write.connect() as connection:
                try:
                    transaction = connection.begin()
                    before = None if self.problem is None else _count_changes(connection)
                    results = _apply(connection, group)
                    write_trail(connection)
                    wrote = self.problem is not None and _count_changes(connection) != before
                    committing = True
                    transaction.commit()
                except DBAPIError as error:
                    if trouble(error) == "down":
                        connection.invalidate()
                    raise
        except DBAPIError as error:
            raise _failure(error, committing=committing) from None
        if self._store.file is not None and self._store.file.is_lost():
            # Removed at the last moment: what was committed may stand in a file that nobody will find again.
            raise Unavailable(f"The database cannot be written ({LOST_WORDS}); what was written last may be lost.")
        if wrote:
            self._note_success()
        return results

    def _note_success(self) -> None:
        """Tells once that writes work again; a transaction that changed nothing proves nothing, on a full disk it works too."""
        was, self.problem = self.problem, None
        if was is not None:
            _log.warning("writes_work_again", was=was)


def _count_changes(connection: Connection) -> int | None:
    """What the first change in a transaction raises: the rows that were changed on SQLite, on PostgreSQL its own number."""
    if connection.dialect.name == "sqlite":
        return int(getattr(connection.connection.driver_connection, "total_changes", 0))
    number = connection.exec_driver_sql("SELECT CAST(pg_current_xact_id_if_assigned() AS text)").scalar()
    return None if number is None else int(number)


def _kind(waiting: _Waiting) -> object:
    return waiting.apply


def _apply(connection: Connection, group: list[_Waiting]) -> list[Any]:
    places: dict[Any, list[int]] = {}
    for place, waiting in enumerate(group):
        places.setdefault(waiting.apply, []).append(place)
    results: list[Any] = [None] * len(group)
    lock_counters_for(connection, places)
    for apply in lanes_first(places):
        mine = places[apply]
        for place, result in zip(mine, apply(connection, [group[place].item for place in mine]), strict=True):
            results[place] = result
    return results


def _failure(error: DBAPIError, *, committing: bool) -> Exception:
    """What to raise for it; without its own text, which may quote a row."""
    kind, words = trouble(error), cause(error)
    if committing and not rolled_back(error):
        # It may be committed or not. Trying again here could do it twice; the caller's key makes it safe there.
        return Unavailable(f"The commit broke off ({words}), and may have been made or not; try again with the same key.")
    if kind == "transient":
        return _Transient(words)
    if kind == "down":
        return Unavailable(f"The database cannot be written ({words}); nothing was changed, try again.")
    statement = " ".join((error.statement or "").split())[:80]
    return LensError(f"The database refused a statement ({words}): {statement}")


def _tell(loop: asyncio.AbstractEventLoop | None, settled: Iterable[tuple[_Waiting, Any, Exception | None]]) -> None:
    if loop is None:
        _settle(settled)
        return
    try:
        loop.call_soon_threadsafe(_settle, settled)
    except RuntimeError:
        # The loop has ended and its callers with it. What they asked for is committed or not, as with any lost answer.
        _log.warning("writer_callers_gone")


def _settle(settled: Iterable[tuple[_Waiting, Any, Exception | None]]) -> None:
    for waiting, result, error in settled:
        if waiting.future.done():
            continue
        if error is None:
            waiting.future.set_result(result)
        else:
            waiting.future.set_exception(error)
