"""Reading: on the engine that cannot write, with a failure of the database told in LENS's own words."""

from collections.abc import Callable
from typing import TypeAlias, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection

from app.errors import Unavailable
from app.store.engine import Store, cause

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
