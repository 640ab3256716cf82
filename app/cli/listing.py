"""Showing lists and texts of the store in a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.table import Table

from app.cli.database import database_as_it_is
from app.errors import NotFound
from app.settings import read_settings
from app.store.engine import Store
from app.store.paging import Page
from app.store.reading import Ask, look

T = TypeVar("T")

_WIDE = 160  # columns, where the output is no terminal
_CONTROLS = {number: " " for number in (*range(32), *range(127, 160)) if chr(number) not in "\n\t"}


@contextmanager
def store_at_hand() -> Iterator[Store]:
    """The store of the settings, open for as long as the block lasts. Raises NotFound when it is missing or of another version."""
    with database_as_it_is(read_settings()) as store:
        if store is None:
            raise NotFound("LENS_DATABASE_URL: there is no database of this version; `lens db upgrade` makes it.")
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


def print_table(table: Table) -> None:
    """Prints it, or that there is nothing."""
    console = Console(width=None if sys.stdout.isatty() else _WIDE)
    console.print(table if table.row_count else "There are none.")


def minute(time: str | None) -> str:
    """A time as the store tells it, to the minute."""
    return "-" if time is None else f"{time[:16].replace('T', ' ')} UTC"


def harmless(text: str) -> str:
    """A text from elsewhere that a terminal shows and never obeys: no control character but line breaks is left."""
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_CONTROLS).rstrip()
