"""Dated rows and rules: what holds on which day."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from app.rulebook.book import load
from app.rulebook.language.model import Change, Period, Table
from app.rulebook.language.view import cells_on, sets_on, view_at, views
from app.rulebook.problems.problem import Spot
from tests.rulebook.shipped import edited, shipped

SPOT = Spot("ref_data/states.yaml")
DAYS = st.dates(date(2026, 1, 1), date(2026, 1, 20))
PERIODS = st.one_of(
    st.builds(lambda days: Period(min(days), max(days)), st.tuples(DAYS, DAYS)), DAYS.map(lambda day: Period(first=day))
)
CHANGES = st.lists(
    st.builds(
        lambda row, period, stage: Change(row=row, period=period, cells={"stage": stage}, authority=(), spot=SPOT),
        st.sampled_from(["TX", "AZ"]),
        PERIODS,
        st.sampled_from(["live", "testing", "not_joined"]),
    ),
    max_size=4,
)


def states(changes: list[Change]) -> Table:
    """The table of states with these changes."""
    return replace(shipped().content.tables["states"], changes=tuple(changes))


@given(CHANGES, DAYS)
def test_the_change_that_began_last_stands(changes: list[Change], day: date) -> None:
    """Of the changes in force on a day the one that began last gives the cell; of two from one day the later in the file."""
    for row in ("TX", "AZ"):
        own = [change for change in changes if change.row == row and change.period.covers(day)]
        latest = [change for change in own if change.period.first == max(c.period.first for c in own)]
        expected = latest[-1].cells["stage"] if latest else "live"
        assert cells_on(states(changes), day)[row]["stage"] == expected


@given(CHANGES, DAYS)
def test_sets_follow_the_cells_of_the_day(changes: list[Change], day: date) -> None:
    """A set defined by cells has on each day the rows whose cells are so on that day."""
    table = states(changes)
    cells, sets = cells_on(table, day), sets_on(table, day)
    assert sets["not_joined"] == {row for row, texts in cells.items() if texts["stage"] == "not_joined"}
    assert "ZZ" not in sets["no_route"]


@given(CHANGES, DAYS)
def test_each_day_is_in_one_regime(changes: list[Change], day: date) -> None:
    """Regimes follow one another without a gap from the first day to the last, and a day's regime shows the day's cells."""
    tables = {**shipped().content.tables, "states": states(changes)}
    found = views(shipped().content.facts, tables, ())
    assert (found[0].first, found[-1].last) == (date.min, date.max)
    assert all(after.first - before.last == timedelta(days=1) for before, after in pairwise(found))
    view = found[view_at([view.first.toordinal() for view in found], day)]
    assert view.first <= day <= view.last
    assert view.cells["states"] == cells_on(tables["states"], day)
    assert view.sets["states"] == sets_on(tables["states"], day)


def test_the_shipped_rulebook_has_two_regimes() -> None:
    """Nothing holds before 1 June 2015, and since then nothing has changed."""
    assert [look_up.view.first for look_up in shipped().eligibility] == [date.min, date(2015, 6, 1)]


def test_a_day_is_the_last_or_the_first(tmp_path: Path) -> None:
    """Both days of a period count: the rule and the row change on the day after the last."""
    book = load(
        edited(
            tmp_path,
            (
                "ref_data/states.yaml",
                "changes: []",
                "changes: [{row: TX, from: 2026-10-01, through: 2026-10-31, set: {stage: testing}, authority: {cite: Memo}}]",
            ),
        )
    )
    firsts = [look_up.view.first for look_up in book.routing]
    assert firsts == [date.min, date(2015, 6, 1), date(2026, 10, 1), date(2026, 11, 1)]
    stages = [
        book.routing[book.regime(day)].view.cells["states"]["TX"]["stage"]
        for day in (date(2026, 9, 30), date(2026, 10, 31), date(2026, 11, 1))
    ]
    assert stages == ["live", "testing", "live"]
