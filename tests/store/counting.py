"""Writes that the tests of the writer hand to it: each item gets a number."""

from collections.abc import Sequence

from sqlalchemy import Connection

from app.store.database.engine import Store
from app.store.statements.rows import take_numbers
from tests.store.invented import rows


class PoisonError(Exception):
    """What a faulty item raises."""


def number(connection: Connection, items: Sequence[str]) -> list[int]:
    """Gives each item a number of its own; an item `poison` cannot have one."""
    first = take_numbers(connection, "message", len(items))
    if "poison" in items:
        raise PoisonError
    return list(range(first, first + len(items)))


def last(store: Store, counter: str = "message") -> int:
    """The last number given out."""
    return int(rows(store, "SELECT last FROM counter WHERE name = :name", name=counter)[0][0])
