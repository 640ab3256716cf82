"""The rulebook on one day: which rules count, what each row says, which rows are in which set.

Between two days on which nothing changes everything is the same, so there are few views: one for each *regime*, a maximal run
of days on which no rule, row or set changes.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from app.rulebook.language.model import FIRST_DAY, Change, Fact, Membership, Row, Table, Test, day_after


def cells_of(row: Row, changes: Iterable[Change], day: date) -> dict[str, str]:
    """One row's cells on a day, under these changes of it."""
    cells = dict(row.cells)
    for change in sorted(changes, key=lambda change: change.period.first):
        if change.period.covers(day):
            cells.update(change.cells)
    return cells


def cells_on(table: Table, day: date) -> dict[str, dict[str, str]]:
    """Each row's cells on a day: the file's, with the changes in force put in, the later beginning last."""
    return _cells_on(table, _in_order(table), day)


def _in_order(table: Table) -> list[Change]:
    return sorted(table.changes, key=lambda change: change.period.first)


def _cells_on(table: Table, in_order: Iterable[Change], day: date) -> dict[str, dict[str, str]]:
    cells = {key: row.cells for key, row in table.rows.items()}
    for change in in_order:
        if change.period.covers(day):
            cells[change.row] = {**cells[change.row], **change.cells}
    return cells


def sets_on(table: Table, day: date) -> dict[str, frozenset[str]]:
    """The rows of each set on a day."""
    return _sets_of(table, cells_on(table, day))


def _sets_of(table: Table, cells: Mapping[str, Mapping[str, str]]) -> dict[str, frozenset[str]]:
    sets = {}
    for definition in table.sets.values():
        if definition.listed is not None:
            members = set(definition.listed)
        else:
            members = {
                row for row, texts in cells.items() if all(texts.get(name) in values for name, values in definition.where)
            }
        sets[definition.name] = frozenset((members | set(definition.also)) - set(definition.excepted))
    return sets


@dataclass(frozen=True, slots=True)
class View:
    """The rulebook from `first` to `last`, both included. Cells by table and row, sets by table and name.

    `rows` are the values a fact of a table can have. `stands_for` gives for a value that the table lacks the row that answers
    for it; there are such values only where two rulebooks are compared.
    """

    first: date
    last: date
    facts: Mapping[str, Fact]
    cells: Mapping[str, Mapping[str, Mapping[str, str]]]
    sets: Mapping[str, Mapping[str, frozenset[str]]]
    rows: Mapping[str, tuple[str, ...]]
    stands_for: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    _members: dict[Membership, frozenset[str]] = field(default_factory=dict, repr=False, compare=False)

    def domain(self, fact: str) -> tuple[str, ...]:
        """All values a fact can have, in the order of its table."""
        table = self.facts[fact].table
        return self.rows[table] if table is not None else ("yes", "no")

    def members(self, test: Membership) -> frozenset[str]:
        """The values that fit a membership test on these days."""
        found = self._members.get(test)
        if found is None:
            found = self._members[test] = self._find_members(test)
        return found

    def _find_members(self, test: Membership) -> frozenset[str]:
        table = self.facts[test.fact].table
        named = set(test.rows)
        if table is not None:
            named.update(*(self.sets[table][name] for name in test.sets))
            named |= {value for value, row in self.stands_for.get(table, {}).items() if row in named}
        return frozenset(self.domain(test.fact)) - named if test.negated else frozenset(named)

    def holds(self, test: Test, values: Mapping[str, str]) -> bool:
        """Whether a test holds for these values: the plain meaning of the language."""
        if isinstance(test, Membership):
            return values[test.fact] in self.members(test)
        return (values[test.fact] == values[test.other]) != test.negated


def first_days(tables: Mapping[str, Table], edges: Iterable[date]) -> list[date]:
    """The first day of each regime. `edges` are the days on which something else than a row begins to differ."""
    days = {FIRST_DAY, *edges}
    for table in tables.values():
        for change in table.changes:
            days.add(change.period.first)
            after = day_after(change.period.last)
            if after is not None:
                days.add(after)
    return sorted(days)


def views(facts: Mapping[str, Fact], tables: Mapping[str, Table], edges: Iterable[date]) -> tuple[View, ...]:
    """One view for each regime; `edges` as in `first_days`."""
    firsts = first_days(tables, edges)
    lasts = [first - timedelta(days=1) for first in firsts[1:]] + [date.max]
    rows = {name: tuple(table.rows) for name, table in tables.items()}
    changes = {name: _in_order(table) for name, table in tables.items()}
    found = []
    for first, last in zip(firsts, lasts, strict=True):
        cells = {name: _cells_on(table, changes[name], first) for name, table in tables.items()}
        sets = {name: _sets_of(table, cells[name]) for name, table in tables.items()}
        found.append(View(first=first, last=last, facts=facts, cells=cells, sets=sets, rows=rows))
    return tuple(found)


def view_at(firsts: list[int], day: date) -> int:
    """The index of the regime a day is in; `firsts` are the ordinals of the regimes' first days."""
    return bisect_right(firsts, day.toordinal()) - 1
