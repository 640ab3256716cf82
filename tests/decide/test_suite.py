from pathlib import Path

import pytest

from app.decide.suite import Loaded, Trial, load_to_test, try_all
from app.rulebook.problems import Problems
from tests.decide.scenario_books import BROKEN, CASES, FAULTY, WRONG, book_folder


def loaded(folder: Path) -> Loaded:
    """The rulebook in a folder, which can be tested."""
    found = load_to_test(folder, Problems())
    assert found is not None
    return found


def tried(folder: Path) -> Trial:
    """The rulebook in a folder, tested."""
    return try_all(loaded(folder))


def test_all_is_well(tmp_path: Path) -> None:
    """Every case is run, every promise known, nothing fails."""
    trial = tried(book_folder(tmp_path))
    assert (len(trial.results), len(trial.promises), trial.failures) == (CASES, 1, ())


MISMATCHES = [
    ("outcome: notify, sends_to: [AZSIR0000, TXSIR0000]", "outcome: hold_for_review", "outcome", "notify"),
    ("because: [LENS-E30]", "because: [LENS-E40]", "because", "[LENS-E30]"),
    ("beaten: [LENS-E10]", "beaten: []", "beaten", "[LENS-E10]"),
    ("sends_to: [AZSIR0000, NBSIR0000]", "sends_to: [AZSIR0000]", "sends_to", "[AZSIR0000, NBSIR0000]"),
    ("sends_to: [AZSIR0000, NBSIR0000]", "sends: [{to: release_state}]", "sends", "ori: NBSIR0000"),
    ("sends_to: [AZSIR0000, NBSIR0000]", "sends: [{copy: departing}, {copy: only}]", "sends", "copy: receiving"),
    ("sends_to: [AZSIR0000, NBSIR0000]", "work_items: [{code: no-ori}]", "work_items", "[]"),
    ("sends_to: [AZSIR0000, NBSIR0000]", 'text: ["ORI/NONE"]', "text", "no message that has it"),
]


@pytest.mark.parametrize(("found", "instead", "part", "says"), MISMATCHES, ids=[row[1] for row in MISMATCHES])
def test_what_is_not_as_expected_is_told(tmp_path: Path, found: str, instead: str, part: str, says: str) -> None:
    """Each part of `expect` is compared, and a difference names the part and what was found."""
    trial = tried(book_folder(tmp_path, (found, instead)))
    faults = [fault for result in trial.results for fault in result.faults]
    assert faults
    assert {fault.part for fault in faults} == {part}
    assert says in faults[0].found


def test_a_broken_promise_is_a_failure_among_others(tmp_path: Path) -> None:
    """A rulebook whose only errors are broken promises is tested: its scenarios run, the promise fails with a real case."""
    trial = tried(book_folder(tmp_path, BROKEN, WRONG))
    scenario, promise = trial.failures
    assert (scenario.name, scenario.spot.line) == ("Nebraska is NB on Nlets", 8)
    assert (promise.name, promise.result) == ("Nothing is sent for a person with a hold", None)
    assert "hold none" in promise.faults[0]
    assert "LENS-E10" in promise.faults[0]


def test_a_faulty_rulebook_is_not_tested(tmp_path: Path) -> None:
    """With any other error nothing is run, and every problem is told."""
    problems = Problems()
    assert load_to_test(book_folder(tmp_path, FAULTY, BROKEN), problems) is None
    assert "R113" in {problem.code for problem in problems.found}
