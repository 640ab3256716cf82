"""Lanes are locked in one order on PostgreSQL, that of their ORIs: two transactions that took the same two lanes in different orders
would wait for each other, until the database breaks one off a second later.

What locks several lanes takes all of them at once, before any row that it might make others wait for. But a second kind of
write in the same transaction would lock its own after those of the first, so each has a transaction of its own.
"""

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from sqlalchemy import Connection

from app.store.statements.rows import row_lock, run_in

A = TypeVar("A", bound=Callable[..., object])
T = TypeVar("T")

_WAITING: set[object] = set()


def waits_for_lanes(apply: A) -> A:
    """Marks a function for `Writer.do` that waits for lanes which others have locked."""
    _WAITING.add(apply)
    return apply


def apart(items: Sequence[T], kind: Callable[[T], object]) -> list[list[T]]:
    """The items in parts that have at most one kind of write that waits for lanes, each in its order; as few parts as there can be."""
    others = list(dict.fromkeys(filter(_WAITING.__contains__, map(kind, items))))[1:]
    parts = [[item for item in items if kind(item) not in others]]
    return parts + [[item for item in items if kind(item) is other] for other in others]


def lanes_first(kinds: Collection[T]) -> list[T]:
    """The kinds of write of one transaction, with the one that waits for lanes first: it must have none of another kind by then."""
    return sorted(kinds, key=lambda kind: kind not in _WAITING)


def lock_in_order(connection: Connection, oris: Collection[str]) -> None:
    """Locks these lanes until the commit, in the order of their ORIs. SQLite's one writer has the whole file already."""
    if connection.dialect.name == "postgresql":
        run_in(
            connection=connection,
            start="SELECT ori FROM lane WHERE ori IN",
            values=(),
            keys=sorted(oris),
            end="ORDER BY ori" + row_lock(connection),
        )


def lock_lanes_of_messages(connection: Connection, numbers: Collection[int], oris: Collection[str] = ()) -> None:
    """The same for the lanes of these messages, and for these as well."""
    found = run_in(connection, "SELECT DISTINCT ori FROM message WHERE number IN", (), list(numbers))
    lock_in_order(connection, {*oris, *(str(ori) for (ori,) in found)})


def lock_lanes_of_releases(connection: Connection, releases: Collection[int]) -> None:
    """The same for the lanes of all messages of these releases (row ids): no dispatcher takes or settles any meanwhile."""
    found = run_in(connection, "SELECT DISTINCT ori FROM message WHERE release IN", (), list(releases))
    lock_in_order(connection, {str(ori) for (ori,) in found})
