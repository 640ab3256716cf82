"""Rows that nobody thought of: in a table that says `every_row_in_a_set`, each row has its place among the sets on every day."""

from collections.abc import Mapping, Sequence

from app.rulebook.language.model import DecisionTable, Membership, Table
from app.rulebook.language.view import View
from app.rulebook.problems.problem import Problems


def check_rows_named(
    tables: Mapping[str, Table], decisions: Sequence[DecisionTable], views: Sequence[View], problems: Problems
) -> None:
    """Tells each row that from some day on has no place: no rule names it, by itself or in a set, nor does a set beside such a one.

    A set beside one that a rule uses goes by the same columns, so its rows have another answer to the same question.
    """
    for table in tables.values():
        if not table.every_row_in_a_set:
            continue
        unnamed: dict[str, View] = {}
        for view in views:
            if not _is_read(table, decisions, view):
                continue
            named = _rows_with_a_place(table, _tests_of(table, decisions, view), view)
            for row in table.rows:
                if row not in named:
                    unnamed.setdefault(row, view)
        used = {f"{table.name}.{name}" for test in _tests_of(table, decisions, views[0]) for name in test.sets}
        for row, view in unnamed.items():
            _tell_unnamed(table=table, row=row, since=view, used=sorted(used), problems=problems)


def _is_read(table: Table, decisions: Sequence[DecisionTable], view: View) -> bool:
    """Whether a decision that has a rule left reads a fact of this table; if none does, its rows decide nothing."""
    for decision in decisions:
        reads = any(view.facts[fact].table == table.name for fact in decision.reads)
        if reads and any(rule.period.last >= view.first for rule in decision.rules):
            return True
    return False


def _tests_of(table: Table, decisions: Sequence[DecisionTable], view: View) -> list[Membership]:
    """The tests of this table's rows in rules that have not ended before the days of a view."""
    rules = [rule for decision in decisions for rule in decision.rules if rule.period.last >= view.first]
    tests = [test for rule in rules for test in rule.tests()]
    return [test for test in tests if isinstance(test, Membership) and view.facts[test.fact].table == table.name]


def _rows_with_a_place(table: Table, tests: Sequence[Membership], view: View) -> set[str]:
    sets = view.sets[table.name]
    named = {fact.when_missing for fact in view.facts.values() if fact.table == table.name and fact.when_missing}
    columns: set[str] = set()
    for test in tests:
        named.update(test.rows, *(sets[name] for name in test.sets))
        columns.update(column for name in test.sets for column, _ in table.sets[name].where)
    for definition in table.sets.values():
        if definition.where and columns.issuperset(column for column, _ in definition.where):
            named |= sets[definition.name]
    return named


def _tell_unnamed(table: Table, row: str, since: View, used: Sequence[str], problems: Problems) -> None:
    from_day = f"from {since.first.isoformat()} on " if since.first.year > 1 else ""
    sets = f" ({', '.join(used)})" if used else ""
    problems.error(
        "R203",
        f"{from_day}`{row}` is in no set that a rule uses, and no rule names it",
        table.rows[row].spot,
        help=f"let its cells put it into a set that a rule uses{sets}, or name it in a rule",
    )
