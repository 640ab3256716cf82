"""Rows in and out in bulk, and the counters: what every statement of the store is built with.

Values go in as plain tuples through the driver's own bulk call: for groups as small as two rows that is three times as fast as
SQLAlchemy's compiled insert, which has to turn a dictionary a row into the same tuple.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, text

_MARKS = {"qmark": "?", "pyformat": "%s", "format": "%s"}


def insert(connection: Connection, table: str, columns: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> None:
    """Inserts rows, each a value a column in that order. `table` and `columns` come from the code, never from a caller."""
    if rows:
        connection.exec_driver_sql(_insertion(table, columns, _MARKS[connection.dialect.paramstyle]), list(rows))


def insert_absent(connection: Connection, table: str, columns: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> None:
    """The same, leaving alone the rows whose key is there already."""
    if rows:
        statement = _insertion(table, columns, _MARKS[connection.dialect.paramstyle]) + " ON CONFLICT DO NOTHING"
        connection.exec_driver_sql(statement, list(rows))


def select_in(connection: Connection, start: str, keys: Sequence[str | int]) -> Sequence[tuple[Any, ...]]:
    """The rows of a statement that ends in `… IN`, for any of these keys (a few hundred at the most)."""
    if not keys:
        return []
    marks = ", ".join([_MARKS[connection.dialect.paramstyle]] * len(keys))
    return [tuple(row) for row in connection.exec_driver_sql(f"{start} ({marks})", tuple(keys))]


@cache
def _insertion(table: str, columns: tuple[str, ...], mark: str) -> str:
    names = ", ".join(f'"{column}"' for column in columns)
    return f'INSERT INTO "{table}" ({names}) VALUES ({", ".join([mark] * len(columns))})'  # noqa: S608 - names from the code


def lock_counters(connection: Connection) -> None:
    """Lets one transaction at a time give out numbers, until its commit, on whatever host: so they rise in commit order.

    SQLite has one writing transaction at a time anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT name FROM counter ORDER BY name FOR UPDATE"))


def take_numbers(connection: Connection, counter: str, count: int) -> int:
    """Takes `count` numbers of a counter; returns the first of them. A rollback gives them back."""
    if count == 0:
        return 0
    taken = connection.execute(
        text("UPDATE counter SET last = last + :count WHERE name = :name RETURNING last"), {"count": count, "name": counter}
    )
    return int(taken.scalar_one()) - count + 1
