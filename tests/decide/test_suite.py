from dataclasses import replace
from pathlib import Path

import pytest

from app.rulebook.problems.problem import Problems
from app.trials.suite import RulebookToTest, Trial, load_to_test, run, try_all
from tests.decide.scenario_books import BROKEN, CASES, FAULTY, NEAR, WRONG, book_folder


def loaded(folder: Path) -> RulebookToTest:
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


def test_a_line_that_is_missing_is_told_with_the_nearest_and_its_notice(tmp_path: Path) -> None:
    """Of each line not found the nearest is told and where it stands; the notices with one are shown whole, each once."""
    trial = tried(book_folder(tmp_path, NEAR))
    result = next(result for result in trial.results if result.faults)
    assert [fault.found for fault in result.faults] == [
        "no message that has it; the nearest line is 'NAM/SAMPLE, PAT Q', in the message to AZSIR0000",
        "no message that has it; the nearest line is 'TYPE/NEW COPY/RECEIVING STATE/NB ALSO SENT TO/AZ', in the message to NBSIR0000",
    ]
    assert [notice.ori for notice in result.notices] == ["AZSIR0000", "NBSIR0000"]
    assert result.notice_lines()[:2] == ["the message to AZSIR0000:", "  AM.VTINS07S0.AZSIR0000.*LN--------.TXT"]
    assert "  TYPE/NEW COPY/RECEIVING STATE/NB ALSO SENT TO/AZ" in result.notice_lines()


def test_a_line_where_nothing_is_sent_or_too_long_for_one(tmp_path: Path) -> None:
    """Where no message is sent that is said, and that a long line is folded."""
    trial = tried(book_folder(tmp_path, NEAR))
    case = next(result.scenario for result in trial.results if result.faults)
    held_case = replace(case.case, values={**case.case.values, "hold": "juvenile"})
    expect = replace(case.expect, text=("NAM", "N" * 73))
    result = run(trial.loaded.book, replace(case, case=held_case, expect=expect))
    assert [fault.found for fault in result.faults] == [
        "no message is sent",
        "no message is sent; a line has 72 characters at the most, longer ones are folded",
    ]
    assert result.notices == ()
