from pathlib import Path

import pytest

from app.rulebook.problems.problem import Problems
from app.trials.coverage import Coverage, Share, cover
from app.trials.suite import load_to_test, try_all
from tests.decide.scenario_books import CASES, SCENARIOS, book_folder

NEW_ORI = """changes:
  - {row: WY, from: 2026-01-01, through: 2026-06-30, set: {ori: WY0110000}, authority: {cite: "Letter"}}
"""


def covered(folder: Path) -> Coverage:
    """What the scenarios of the rulebook in a folder cover."""
    loaded = load_to_test(folder, Problems())
    assert loaded is not None
    return cover(loaded.book, try_all(loaded).results)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Coverage:
    """What the few scenarios cover, and a dated change of the table of states beside them."""
    folder = book_folder(tmp_path_factory.mktemp("few"))
    states = folder / "ref_data/states.yaml"
    states.write_text(states.read_text().replace("changes: []", NEW_ORI))
    return covered(folder)


def test_rules_fired_beaten_never(few: Coverage) -> None:
    """A rule counts its cases: fired, beaten, named in `because`; what no case can reach is known as such."""
    rules = {rule.rule: (rule.fired, rule.beaten, rule.expected, rule.possible) for rule in few.rules}
    assert few.cases == CASES
    assert rules["LENS-E10"] == (3, 2, 0, True)
    assert rules["LENS-E30"] == (2, 0, 2, True)
    assert rules["LENS-R20"] == (0, 0, 0, True)
    assert rules["LENS-E99"] == (1, 0, 0, True)
    assert rules["LENS-R99"] == (0, 0, 0, False)


def test_values_of_conditions(few: Coverage) -> None:
    """A value counts the cases in which its rule held by it, and those in which it alone kept the rule from holding."""
    words = {(word.rule, word.fact, word.written): (word.held, word.failed) for word in few.words}
    assert words["LENS-E10", "release_reason", "release_reasons.into_us"] == (5, 0)
    assert words["LENS-E30", "hold", "holds.any_hold"] == (2, 3)
    assert words["LENS-E50", "charge_status", "not convicted"] == (0, 5)
    assert words["LENS-R20", "residence_state", "same_as release_state"] == (0, 3)
    assert words["LENS-R30", "residence_state", "differs_from release_state"] == (3, 0)
    assert all(word.can_hold and word.can_fail for word in few.words)


def test_rows_of_sets(few: Coverage) -> None:
    """A row of a set is covered where it decided a case by being in it, a row outside by not being."""
    sets = {cover.name: cover for cover in few.sets}
    assert sets["holds.any_hold"].inside == ("juvenile", "sealed")
    assert sets["holds.any_hold"].inside_missing == ("section_1367", "asylum", "citizenship_claim", "unknown_flag")
    assert (sets["holds.any_hold"].outside, sets["holds.any_hold"].outside_missing) == (("none",), ())
    assert sets["states.routable"].inside == ("AZ", "NE", "TX")
    assert sets["states.routable"].outside_missing == ("AS", "MP", "ZZ")
    assert "charges.policy_choice" not in sets, "no rule uses it"


def test_edges_of_dates(few: Coverage) -> None:
    """Each day from which on something else holds says what, and counts the cases of that day and of the day before."""
    edges = {edge.day.isoformat(): (edge.before, edge.on) for edge in few.edges}
    assert edges == {"2015-06-01": (1, 1), "2026-01-01": (0, 0), "2026-07-01": (0, 0)}
    says = [" ".join(edge.changes) for edge in few.edges]
    assert says[0].startswith("in force: LENS-E10, LENS-E30")
    assert says[1:] == ["another ori of WY in states", "the former ori of WY in states again"]


def test_states_and_pairs(few: Coverage) -> None:
    """A state counts where a notice was owed; a pair of states counts every case, and those with a notice owed."""
    states = {state.state: (state.released_in, state.lives_in) for state in few.states}
    assert len(states) == 57
    assert [states[state] for state in ("AZ", "TX", "NE", "WY")] == [(3, 0), (0, 2), (0, 1), (0, 0)]
    assert few.pairs == {("AZ", "TX"): (5, 2), ("AZ", "NE"): (1, 1)}


def test_shares_count_goals_that_can_be_met(few: Coverage) -> None:
    """The share of a kind leaves out what no case can reach: LENS-R99, to which nothing falls while every state has joined."""
    shares = {share.kind: share for share in few.shares()}
    assert (shares["rules"].covered, shares["rules"].total) == (5, 13)
    assert (shares["dates"].covered, shares["dates"].total) == (2, 6)
    assert (shares["states"].covered, shares["states"].total) == (3, 114)
    assert shares["conditions"].total == 2 * len(few.words)
    assert shares["sets"].total == sum(
        len(rows) for cover in few.sets for rows in (cover.inside, cover.inside_missing, cover.outside, cover.outside_missing)
    )


def test_several_convictions_are_each_looked_at(tmp_path: Path) -> None:
    """A condition is tried by each conviction of a case; the case counts once."""
    two = "    convictions: [{charge_code: none, charge_status: pending}, {charge_code: none, charge_status: pending}]\n"
    scenario = f"  - name: Two\n{two}    expect: {{outcome: do_not_notify}}\nalways:"
    words = covered(book_folder(tmp_path, scenarios=SCENARIOS.replace("always:", scenario))).words
    held = {(word.rule, word.text): word.held for word in words}
    assert held["LENS-E50", "convicted"] == 1


@pytest.mark.parametrize(
    ("covered", "total", "percent"), [(1999, 2000, 99.9), (2000, 2000, 100.0), (0, 0, 100.0), (1, 3, 33.3)]
)
def test_a_percentage_is_cut(covered: int, total: int, percent: float) -> None:
    """100 % is said only when nothing is missing."""
    assert Share("rules", covered, total).percent == percent
