"""Rows in and out in bulk, and the counters: what every statement of the store is built with.

Values go to the driver as plain tuples: for groups as small as two rows that is three times as fast as SQLAlchemy's compiled
insert, which has to turn a dictionary a row into the same tuple. On SQLite, within a transaction, they go there directly: what
SQLAlchemy does around a statement takes ten times as long as the statement.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any, TypeVar

from pysqlite3 import dbapi2
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

A = TypeVar("A", bound=Callable[..., object])

_MARKS = {"qmark": "?", "pyformat": "%s", "format": "%s"}
_VALUES_AT_ONCE = 512  # so that the statements for different numbers of rows stay few enough to be kept ready
_KEYS_AT_ONCE = 10_000  # SQLite takes 32,766 values in one statement

Row = tuple[object, ...]
"""A row's values, in the order of the columns named with it."""


def insert(connection: Connection, table: str, columns: tuple[str, ...], rows: Sequence[Row], end: str = "") -> None:
    """Inserts rows, each a value a column in that order, in a statement that ends in `end`.

    `table`, `columns` and `end` come from the code, never from a caller.
    """
    mark = _MARKS[connection.dialect.paramstyle]
    if connection.dialect.name == "postgresql":
        if rows:
            connection.exec_driver_sql(_insertion(table, columns, 1, mark) + end, list(rows))
        return
    # SQLite's driver lets go of the interpreter for every row it is given, and then stands in line for it with those who
    # decide the next releases; of many rows in one statement only once.
    most = _VALUES_AT_ONCE // len(columns)
    for first in range(0, len(rows), most):
        some = rows[first : first + most]
        values = tuple(chain.from_iterable(some))
        _execute(connection, _insertion(table, columns, len(some), mark) + end, values)


def insert_absent(connection: Connection, table: str, columns: tuple[str, ...], rows: Sequence[Row]) -> None:
    """The same, leaving alone the rows whose key is there already."""
    insert(connection=connection, table=table, columns=columns, rows=rows, end=" ON CONFLICT DO NOTHING")


def run(connection: Connection, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
    """Runs a statement with `?` for its values; the rows it gives, if it is of the kind that does."""
    marked = statement.replace("?", _MARKS[connection.dialect.paramstyle])
    return _execute(connection, marked, tuple(values))


def _execute(connection: Connection, statement: str, values: Row) -> list[tuple[Any, ...]]:
    """Runs a statement in the driver's own words; the rows it gives, if it is of the kind that does."""
    if connection.dialect.name != "sqlite" or not connection.in_transaction() or _is_heard(connection):
        result = connection.exec_driver_sql(statement, values)
        return [tuple(row) for row in result.all()] if result.returns_rows else []
    return _execute_directly(connection, statement, values)


def begin_sqlite(statement: str, connection: Connection) -> None:
    """Begins a transaction of SQLite, as a listener to SQLAlchemy's `begin`."""
    if _is_heard(connection):
        connection.exec_driver_sql(statement)
    else:
        _execute_directly(connection, statement, ())


def _is_heard(connection: Connection) -> bool:
    """Whether somebody listens to statements, which SQLAlchemy tells of."""
    return bool(connection.engine.dispatch.before_cursor_execute)


def _execute_directly(connection: Connection, statement: str, values: Row) -> list[tuple[Any, ...]]:
    driver: Any = connection.connection.driver_connection
    try:
        found: list[tuple[Any, ...]] = driver.execute(statement, values).fetchall()
    except dbapi2.Error as error:
        raise DBAPIError.instance(
            statement=statement,
            params=None,
            orig=error,
            dbapi_base_err=dbapi2.Error,
            hide_parameters=True,
            dialect=connection.dialect,
        ) from error
    return found


def run_each(connection: Connection, statement: str, rows: Sequence[Row]) -> None:
    """Runs a statement with `?` for its values once for each of these rows of values."""
    if rows:
        connection.exec_driver_sql(statement.replace("?", _MARKS[connection.dialect.paramstyle]), list(rows))


def run_in(
    connection: Connection, start: str, values: Sequence[object], keys: Sequence[int | str], end: str = ""
) -> list[tuple[Any, ...]]:
    """The same for a statement that is `start`, a list of any number of keys, and `end`; long lists go in parts."""
    rows = []
    for first in range(0, len(keys), _KEYS_AT_ONCE):
        some = keys[first : first + _KEYS_AT_ONCE]
        rows += run(connection, f"{start} ({', '.join('?' * len(some))}) {end}", (*values, *some))
    return rows


@cache
def _insertion(table: str, columns: tuple[str, ...], rows: int, mark: str) -> str:
    names = ", ".join(f'"{column}"' for column in columns)
    row = f"({', '.join([mark] * len(columns))})"
    return f'INSERT INTO "{table}" ({names}) VALUES {", ".join([row] * rows)}'  # noqa: S608 - names from the code


def row_lock(connection: Connection, *, skip_locked: bool = False) -> str:
    """What ends a SELECT so that its rows are locked until the commit. SQLite's one writer has the whole file already."""
    if connection.dialect.name != "postgresql":
        return ""
    return " FOR UPDATE SKIP LOCKED" if skip_locked else " FOR UPDATE"


def lock_counters(connection: Connection) -> None:
    """Lets one transaction at a time give out numbers, until its commit, on whatever host: so they rise in commit order.

    SQLite has one writing transaction at a time anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT name FROM counter ORDER BY name FOR UPDATE"))


_COUNTING: set[object] = set()


def counters_first(apply: A) -> A:
    """Marks a function for `Writer.do` that locks the counters: it does so before any other row, as everything must that waits for
    rows. Two transactions that took counters and lanes in different orders would wait for each other.
    """
    _COUNTING.add(apply)
    return apply


def lock_counters_for(connection: Connection, several: Collection[object]) -> None:
    """Locks the counters at the start of a transaction in which several such functions follow each other, if any is marked."""
    if len(several) > 1 and not _COUNTING.isdisjoint(several):
        lock_counters(connection)


def take_numbers(connection: Connection, counter: str, count: int) -> int:
    """Takes `count` numbers of a counter; returns the first of them. A rollback gives them back."""
    return take_all_numbers(connection, {counter: count})[counter]


def take_all_numbers(connection: Connection, counts: Mapping[str, int]) -> dict[str, int]:
    """The same for several counters in one statement; the first number of each (of one that gives none: its next)."""
    mark = _MARKS[connection.dialect.paramstyle]
    steps = f"WHEN {mark} THEN {mark} " * len(counts)
    names = ", ".join([mark] * len(counts))
    statement = f"UPDATE counter SET last = last + CASE name {steps}END WHERE name IN ({names}) RETURNING name, last"  # noqa: S608
    values = [part for name, count in counts.items() for part in (name, count)]
    taken = _execute(connection, statement, (*values, *counts))
    return {name: last - counts[name] + 1 for name, last in taken}


def first_row(connection: Connection, statement: str, *values: object) -> tuple[Any, ...] | None:
    """The first row of a statement that gives few, with a `?` for each value; far quicker than a compiled one."""
    rows = run(connection, statement, values)
    return rows[0] if rows else None
