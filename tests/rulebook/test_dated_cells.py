"""Which dated changes make a difference, and which end while nothing follows: as by looking at every day."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.rulebook.language.model import Change, Column, Period, Row, Table, day_after
from app.rulebook.language.view import cells_of
from app.rulebook.problems.problem import Problems, Spot
from app.rulebook.proving.tidiness import check_changes_matter, check_rows_end

SPOT = Spot("states.yaml", 1, 1)
FIRST = date(2026, 1, 1)
COLUMNS = ("ori", "stage")


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """A table of two rows whose cells change on a few days, at will."""
    rows = {key: Row(key, {column: draw(st.sampled_from("xy")) for column in COLUMNS}, SPOT) for key in ("AK", "AL")}
    changes = tuple(draw(_changes(line)) for line in range(1, draw(st.integers(0, 7)) + 1))
    columns = {name: Column(name, "text", SPOT) for name in COLUMNS}
    return Table("states", SPOT, columns, rows, changes, {})


@st.composite
def _changes(draw: st.DrawFn, line: int) -> Change:
    first = FIRST + timedelta(days=draw(st.integers(0, 5)))
    last = draw(st.sampled_from([date.max, first, first + timedelta(days=2)]))
    cells = draw(st.dictionaries(st.sampled_from(COLUMNS), st.sampled_from("xy"), min_size=1))
    spot = Spot(f"{line}.yaml", 1, 1)  # like ones in a file would be told as one
    return Change(draw(st.sampled_from(["AK", "AL"])), Period(first, last), cells, ("Memo",), spot, dict.fromkeys(cells, spot))


@given(tables())
def test_idle_changes_are_those_without_which_every_day_is_the_same(table: Table) -> None:
    """Whatever begins and ends, and whatever covers it."""
    problems = Problems()
    check_changes_matter({"states": table}, problems)
    days = [FIRST + timedelta(days=day) for day in range(12)]
    idle = set()
    for change in table.changes:
        row = table.rows[change.row]
        own = [other for other in table.changes if other.row == change.row]
        without = [other for other in own if other is not change]
        if all(cells_of(row, own, day) == cells_of(row, without, day) for day in days):
            idle.add(change.spot)
    assert {problem.spot for problem in problems.sorted()} == idle


@given(tables())
def test_a_change_ends_where_no_other_covers_the_next_day(table: Table) -> None:
    """For each of its cells."""
    problems = Problems()
    check_rows_end({"states": table}, problems)
    ends = set()
    for change in table.changes:
        after = day_after(change.period.last)
        if after is None:
            continue
        for column in change.cells:
            others = [other for other in table.changes if other.row == change.row and column in other.cells]
            if not any(other.period.covers(after) for other in others):
                ends.add(change.spot)
    assert {problem.spot for problem in problems.sorted()} == ends
