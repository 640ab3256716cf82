"""Looking into the store of the settings, as it is, and going through its lists."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from app.errors import NotFound
from app.running.database import database_as_it_is
from app.settings import dotenv_hint, read_settings
from app.store.database.engine import Store
from app.store.database.reading import Ask, look
from app.store.statements.paging import Page

T = TypeVar("T")


@contextmanager
def store_at_hand() -> Iterator[Store]:
    """The store of the settings, open for as long as the block lasts. Raises NotFound when it is missing or of another version."""
    with database_as_it_is(read_settings()) as store:
        if store is None:
            missing = "LENS_DATABASE_URL: there is no database, or it is of another version; see `lens db upgrade --help`."
            raise NotFound(missing + dotenv_hint())
        yield store


def every(store: Store, page_at: Callable[[str | None], Ask[Page[T]]]) -> Iterator[T]:
    """Every item of a list; `page_at` makes the question for the page at a cursor."""
    cursor = None
    while True:
        page = look(store, page_at(cursor))
        yield from page.items
        cursor = page.next
        if cursor is None:
            return
