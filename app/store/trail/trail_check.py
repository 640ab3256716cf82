"""Proves the audit trail: its rows follow from one another, and what they tell of is there, and as they tell it.

A trail that somebody wrote anew as a whole, from some row to its end, cannot be told from a true one here: that takes a copy, or
signed checkpoints, kept where whoever can write to the database cannot.
"""

import re
from collections import defaultdict
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from itertools import pairwise
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, text

from app.domain.identifiers import message_id, message_number
from app.domain.statuses import MOVES
from app.store.ledger.audit import COLUMNS, history_rows, history_sum
from app.store.ledger.sums import MESSAGE_COLUMNS, RELEASE_COLUMNS, VERSION_COLUMNS, small_tables, sum_of
from app.store.statements.rows import run_in
from app.store.trail.trail_ends import ends, some
from app.store.trail.trail_links import ODD, Break, Links
from app.store.trail.trail_told import CHANGE_ITEMS, Told

_AT_ONCE = 500
_CALLED = {
    "release": "the release of row",
    "release_version": "the correction or cancellation of row",
    "message": "message",
    "history": "the history of message",
    "work_item": "work item",
}


_NUMBERED = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,18})?", re.ASCII)
"""A key as LENS writes it: whatever else stands there was put in by hand, which the row's hash tells."""


class _Detail(msgspec.Struct):
    """What the check reads of a row's detail."""

    covers: dict[str, str] = {}
    source: Any = None
    version: Any = None
    messages: tuple[str, ...] = ()
    work_items: tuple[int, ...] = ()


def verify(connection: Connection) -> Break | None:
    """The first thing that does not hold, or None. Bodies, texts and histories are not read: see `breaks`."""
    return next(iter(breaks(connection)), None)


def breaks(connection: Connection, *, content: bool = False) -> list[Break]:
    """Everything that does not hold, the first wrong row first. Reads every row once, in little memory.

    `content`: the bodies of releases, the texts and histories of messages and the files of rulebooks are read too.
    """
    check = _Check(connection)
    with closing(_rows(connection)) as trail:
        for part in trail:
            covered = check.look_at(part)
            if content:
                check.compare(covered)
    found = [*check.found, *ends(connection, check.links, check.told, content=content)]
    return sorted(found, key=lambda each: (each.row is None, each.row or 0))


def _rows(connection: Connection) -> Generator[Sequence[Row[Any]], None, None]:
    statement = text(f"SELECT {', '.join(COLUMNS)} FROM audit ORDER BY id")  # noqa: S608 - names from the code
    with connection.execute(statement, execution_options={"yield_per": _AT_ONCE}) as found:
        yield from found.partitions()


_Sums = dict[str, dict[str, tuple[int, str]]]
"""Sums that rows of the trail keep: for each table, by key, the row of the trail and the sum."""


class _Check:
    """One pass over the trail, beside what the other tables hold."""

    def __init__(self, connection: Connection) -> None:
        self.found: list[Break] = []
        self.links = Links(connection)
        self.told = Told(connection)
        self._connection = connection

    def look_at(self, part: Sequence[Row[Any]]) -> _Sums:
        """The next rows, in order; the sums that they keep."""
        covered: _Sums = defaultdict(dict)
        for row in part:
            fault = self.links.fault(row)
            if fault is not None:
                self.found.append(fault)
            missing = self._missing(row, covered)
            if missing:
                self.found.append(Break(row.id, f"it tells of {some(missing)}, which the database no longer has"))
        return covered

    def _missing(self, row: Row[Any], covered: _Sums) -> list[str]:
        """What a row tells of that is not there."""
        try:
            detail = msgspec.json.decode(row.detail_json, type=_Detail)
        except ODD:  # changed by hand, which its hash tells
            return []
        for name, total in detail.covers.items():
            table, _, key = name.partition(" ")
            covered[table][key] = row.id, total
            if table in small_tables():
                self.told.small[name] = row.id, total
            elif table == "work_item":
                self.told.cover_item(row.id, key, total)
        self.told.tell_pause(row.id, row.action, row.object, str(detail.source or "operator"))
        if row.action in CHANGE_ITEMS:
            self.told.forget_item(row.object, detail.covers)
        told = [(table, key) for table, sums in covered.items() if table in _WHOLE for key in sums if sums[key][0] == row.id]
        early = row.form is None
        if early:
            self.told.tell_early(row.action, row.object, row.outcome, detail.version)
            told += [("message", str(message_number(each))) for each in detail.messages]
        items = {str(each) for each in detail.work_items}
        items |= {key for key, kept in covered["work_item"].items() if kept[0] == row.id}
        told += [("work_item", key) for key in sorted(items)]
        return [_called(table, key) for table, key in told if not self.told.tell(table, key, early=early)]

    def compare(self, covered: _Sums) -> None:
        """Compares bodies, texts and histories, as they are now, with their sums."""
        for table, statement in _WHOLE.items():
            wanted = {key: kept for key, kept in covered[table].items() if _NUMBERED.fullmatch(key)}
            keys = sorted({int(key.partition(".")[0]) for key in wanted})
            for row in run_in(self._connection, statement, (), keys):
                key = f"{row[0]}.{row[1]}" if table == "release_version" else str(row[0])
                values = row if table != "message" or row[-1] is not None else row[:-1]
                if key in wanted and _sum_or_none(values) != wanted[key][1]:
                    self._changed(wanted[key][0], table, key)
        wanted = {key: kept for key, kept in covered["history"].items() if _NUMBERED.fullmatch(key)}
        events = history_rows(self._connection, [int(key) for key in wanted])
        for key, (row_id, total) in wanted.items():
            statuses = total.partition(" ")[0]
            count = int(statuses) if _NUMBERED.fullmatch(statuses) else 0
            history = events.get(int(key), [])
            if history_sum(history[:count]) != total:
                self._changed(row_id, "history", key)
            move = _unlawful_move(history)
            if move is not None:
                self.found.append(
                    Break(row_id, f"message {message_id(int(key))}, of which it tells, {move}, which LENS never does")
                )
            self.told.settled[int(key)] = count

    def _changed(self, row: int, table: str, key: str) -> None:
        self.found.append(Break(row, f"{_called(table, key)}, of which it tells, was changed since"))


def _unlawful_move(history: Sequence[tuple[Any, ...]]) -> str | None:
    """The first change of status in a history that the law does not allow, in words. A try may be begun again after a crash."""
    statuses = [str(event[0]) for event in history]
    for before, after in pairwise(statuses):
        if (before, after) != ("sending", "sending") and after not in _LAWFUL.get(before, ()):
            return f"went from {before} to {after}"
    return None


def _sum_or_none(row: Sequence[object]) -> str | None:
    """The sum of a row; None where it holds what no sum can be taken of."""
    try:
        return sum_of(row)
    except ODD:
        return None


_LAWFUL = {str(before): frozenset(map(str, after)) for before, after in MOVES.items()}


def _called(table: str, key: str) -> str:
    named = message_id(int(key)) if table in {"message", "history"} else key
    return f"{_CALLED.get(table, table)} {named}"


def _reading(table: str, columns: tuple[str, ...], key: str) -> str:
    names = ", ".join(f'"{column}"' for column in columns)
    return f'SELECT {names} FROM "{table}" WHERE "{key}" IN'  # noqa: S608 - names from the code


_WHOLE: Mapping[str, str] = {
    "release": _reading("release", RELEASE_COLUMNS, "id"),
    "release_version": _reading("release_version", VERSION_COLUMNS, "release"),
    "message": _reading("message", (*MESSAGE_COLUMNS, "not_before"), "number"),
}
"""How whole rows are read, by their keys, which follow."""
