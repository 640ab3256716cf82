"""What is not wrong but should be known: sets nobody uses, sets that name nothing, rules no scenario expects, rows that run out."""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from app.rulebook.language.model import Change, DecisionTable, Fact, Membership, Table, Test, day_after
from app.rulebook.language.scenarios import Scenario, Suite
from app.rulebook.language.view import View, cells_of
from app.rulebook.problems.problem import Problems, Spot


def check_sets(
    tables: Mapping[str, Table],
    decisions: Sequence[DecisionTable],
    suite: Suite,
    views: Sequence[View],
    problems: Problems,
    *,
    unused: bool,
) -> None:
    """Tells sets that no row can ever be in and, with `unused`, those that no rule, promise or scenario uses."""
    used = {name for test, table in _tests(decisions, suite, views[0]) for name in (f"{table}.{s}" for s in test.sets)}
    used |= {name for scenario in suite.scenarios for name in scenario.named}
    for table in tables.values():
        for definition in table.sets.values():
            if not any(view.sets[table.name][definition.name] for view in views) and not _open_to_rows(table, definition.name):
                help = "name a row in it, or take the set out"
                problems.error("R123", f"`{table.name}.{definition.name}` names no row, on any day", definition.spot, help=help)
            elif unused and f"{table.name}.{definition.name}" not in used:
                help = "name it in the rule that should test it; only if none should, take it out"
                problems.warning("R320", f"nothing uses the set `{table.name}.{definition.name}`", definition.spot, help=help)


def _open_to_rows(table: Table, name: str) -> bool:
    """Whether a set is empty only because no row is so at present: its cells are of columns with a fixed choice of words."""
    where = table.sets[name].where
    return bool(where) and all(table.columns[column].allowed and values for column, values in where)


def _tests(decisions: Sequence[DecisionTable], suite: Suite, view: View) -> Iterator[tuple[Membership, str]]:
    conditions = [condition for decision in decisions for rule in decision.rules for condition in rule.when]
    conditions += [condition for promise in suite.promises for condition in promise.when]
    for condition in conditions:
        for test in condition.tests:
            found: Test = test
            if isinstance(found, Membership):
                yield found, view.facts[found.fact].table or ""


def check_scenarios(decisions: Sequence[DecisionTable], suite: Suite, idle: set[str], problems: Problems) -> None:
    """Tells each rule that no scenario expects to fire; `idle` are those that no case reaches, so none could."""
    expected = {rule for scenario in suite.scenarios for rule in scenario.expect.because or ()}
    for decision in decisions:
        for rule in decision.all_rules():
            if rule.id not in expected and rule.id not in idle:
                help = f"write a scenario with `because: [… {rule.id} …]`, so that a wrong edit of it is noticed"
                problems.warning("R330", f"no scenario expects {rule.id}", rule.spot, help=help)


def check_rows_end(tables: Mapping[str, Table], problems: Problems) -> None:
    """Tells each dated change that ends while nothing follows, so that the row's first text comes back."""
    for table in tables.values():
        ends = {cell: times.ends for cell, times in _cells_over_time(table).items()}
        for place, change in enumerate(table.changes):
            for column in change.cells:
                if place in ends[change.row, column]:
                    _tell_row_ends(
                        table=table,
                        row=change.row,
                        column=column,
                        last=change.period.last.isoformat(),
                        spot=change.spots[column],
                        problems=problems,
                    )


def check_stages_tried(tables: Mapping[str, Table], facts: Mapping[str, Fact], suite: Suite, problems: Problems) -> None:
    """Tells each dated change that makes a live state one of test notices or of none, where no scenario of those days reads it."""
    for table in tables.values():
        told = [name for name, fact in facts.items() if fact.table == table.name]
        of_row: dict[str, list[Change]] = defaultdict(list)
        for change in table.changes:
            of_row[change.row].append(change)
        for change in table.changes:
            stage = change.cells.get("stage")
            if stage in {None, "live"}:
                continue
            before = [other for other in of_row[change.row] if other is not change]
            cells = cells_of(table.rows[change.row], before, change.period.first)
            if cells.get("stage") != "live" or not cells.get("ori"):
                continue
            if not any(_reads_stage(scenario, told, change) for scenario in suite.scenarios):
                _tell_stage_untried(change, str(stage), problems)


def _reads_stage(scenario: Scenario, told: Sequence[str], change: Change) -> bool:
    """Whether a scenario of these days is about the state; of test notices only one that reads the words says anything."""
    of_state = any(scenario.case.values.get(fact) == change.row for fact in told)
    reads = scenario.expect.text or scenario.expect.no_text or change.cells["stage"] != "testing"
    return of_state and bool(reads) and change.period.covers(scenario.case.day)


def _tell_stage_untried(change: Change, stage: str, problems: Problems) -> None:
    what = "gets test notices" if stage == "testing" else "gets no notices"
    day = change.period.first.isoformat()
    message = f"{change.row} {what} from {day} on (`stage` {stage}), and no scenario says so"
    seen = 'text: ["TEST NOTICE - PILOT OPERATION"]' if stage == "testing" else "sends: […]"
    help = f"if that is meant, write a scenario of that day: `{{release_date: {day}, …, expect: {{{seen}}}}}`; the others are of other days"
    problems.warning("R333", message, change.spots["stage"], help=help)


def check_changes_matter(tables: Mapping[str, Table], problems: Problems) -> None:
    """Tells each dated change after which every cell says what it says without it, on all its days."""
    if "R127" in problems.codes:
        return  # of two that begin on one day it is told already, and one of them would seem to change nothing
    for table in tables.values():
        matter = {place for times in _cells_over_time(table).values() for place in times.matter}
        for place, change in enumerate(table.changes):
            if change.cells and place not in matter:
                _tell_idle_change(table, change, problems)


class _Times(NamedTuple):
    """The changes of one cell, by their places among all of the table: those that make a difference, and those that end while
    nothing follows.
    """

    matter: set[int]
    ends: set[int]


def _cells_over_time(table: Table) -> dict[tuple[str, str], _Times]:
    """The changes of each cell that has any. Each is walked once, day by day, since a row may have very many."""
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, change in enumerate(table.changes):
        for column in change.cells:
            places[change.row, column].append(place)
    return {(row, column): _walk(table, row, column, those) for (row, column), those in places.items()}


def _walk(table: Table, row: str, column: str, places: Sequence[int]) -> _Times:
    begin: dict[date, list[int]] = defaultdict(list)
    end: dict[date, list[int]] = defaultdict(list)
    for place in places:
        period = table.changes[place].period
        begin[period.first].append(place)
        if (after := day_after(period.last)) is not None:
            end[after].append(place)
    found = _Times(set(), set())
    base = table.rows[row].cells.get(column)
    standing: list[tuple[date, int]] = []  # the last of these is what the cell says
    for day in sorted(begin.keys() | end.keys()):
        for place in end[day]:
            at = bisect_left(standing, (table.changes[place].period.first, place))
            del standing[at]
        for place in begin[day]:
            insort(standing, (day, place))
        if not standing:
            found.ends.update(end[day])
            continue
        says = [table.changes[place].cells[column] for _, place in standing[-2:]]
        below = says[0] if len(says) > 1 else base
        if says[-1] != below:
            found.matter.add(standing[-1][1])
    return found


def _tell_idle_change(table: Table, change: Change, problems: Problems) -> None:
    same = [column for column, text in change.cells.items() if table.rows[change.row].cells.get(column, "") == text]
    shown = ", ".join(f"`{column}` {change.cells[column] or 'empty'}" for column in same or change.cells)
    why = "the row says so already" if same else "on all its days other changes say the same, or say otherwise and begin later"
    message = f"the change of {change.row} from {change.period.first.isoformat()} changes nothing: {shown}; {why}"
    help = "write what is to be from that day on, or take the change out"
    problems.warning("R312", message, change.spot, help=help)


def _tell_row_ends(table: Table, row: str, column: str, last: str, spot: Spot, problems: Problems) -> None:
    back = table.rows[row].cells.get(column, "")
    message = f"the change of `{column}` of {row} ends {last} and nothing follows; it then is `{back}` again"
    problems.warning("R311", message, spot, help="say what holds from the next day on, or take `through` out")
