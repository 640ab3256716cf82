"""Reading: on the engine that cannot write, with a failure of the database told in LENS's own words."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeAlias, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection

from app.errors import Unavailable
from app.store.database.engine import Store
from app.store.database.troubles import cause

T = TypeVar("T")
Ask: TypeAlias = Callable[[Connection], T]
"""Something to find out with a connection."""


def look(store: Store, ask: Ask[T]) -> T:
    """What `ask` finds in one consistent view. Raises Unavailable when the database cannot be read, and what `ask` raises."""
    try:
        with store.read.connect() as connection:
            return ask(connection)
    except DBAPIError as error:
        raise Unavailable(f"The database cannot be read ({cause(error)}); try again.") from None
    except NoConnection:
        raise Unavailable("Every connection to the database is in use; try again.") from None


def look_unchanging(store: Store, ask: Ask[T]) -> T:
    """The same for what is found in several statements, which all see the database as it is at the first of them."""

    def asked(connection: Connection) -> T:
        if store.dialect == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ")
        return ask(connection)

    return look(store, asked)


class CachedRead(Generic[T]):
    """What `ask` finds, found again only after SPARING times as long as finding it took.

    So counting, however much there is to count and however often it is asked for, keeps the database busy for a twentieth of the
    time at most, and is as fresh as that allows.
    """

    SPARING = 20

    def __init__(self, store: Store, ask: Ask[T], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._ask = ask
        self._monotonic = monotonic
        self._lock = Lock()
        self._found: tuple[float, T] | None = None
        """Until when it is good, and what was found."""

    def look(self) -> T:
        """What was found, now or not long ago. Raises Unavailable, and what `ask` raises. For a thread that may wait."""
        with self._lock:
            begun = self._monotonic()
            if self._found is None or begun >= self._found[0]:
                found = look(self._store, self._ask)
                ended = self._monotonic()
                self._found = (ended + self.SPARING * (ended - begun), found)
            return self._found[1]
