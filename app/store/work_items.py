"""Work items: what a person must do, opened by whoever finds it and resolved with a reason."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from app.store.rows import insert, take_numbers

_COLUMNS = ("id", "code", "release", "number", "audience", "state", "rule", "detail", "status", "opened_at", "due_at")


class NewWorkItem(NamedTuple):
    """A work item to open. `release` and `number` are row ids (None: about none), times Micros, `detail` never personal."""

    code: str
    opened_at: int
    release: int | None = None
    number: int | None = None
    audience: str | None = None
    state: str | None = None
    rule: str = ""
    detail: str = ""
    due_at: int | None = None


def open_all(connection: Connection, items: Sequence[NewWorkItem]) -> range:
    """Opens work items, in a writing transaction; returns their ids, in the same order."""
    first = take_numbers(connection, "work_item", len(items))
    insert_all(connection, [(first + place, item) for place, item in enumerate(items)])
    return range(first, first + len(items))


def insert_all(connection: Connection, numbered: Sequence[tuple[int, NewWorkItem]]) -> None:
    """The same with ids taken from the counter beforehand."""
    rows = [
        (key, i.code, i.release, i.number, i.audience, i.state, i.rule, i.detail, "open", i.opened_at, i.due_at)
        for key, i in numbered
    ]
    insert(connection, "work_item", _COLUMNS, rows)
