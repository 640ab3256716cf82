"""Promises that each name something else are proved in few steps, and too many are refused instead of keeping a service busy."""

from pathlib import Path

import pytest

from app.rulebook import book
from app.rulebook.problems.problem import Problem, Problems
from app.rulebook.proving import proofs
from tests.rulebook.shipped import edited

CHARGES = ("0201", "0901", "0902", "0903", "0904", "0905", "0906", "0907", "0908", "0909", "0910", "0911")
STATES = ("AK", "AL", "AR", "AZ", "CA", "CO", "CT", "DE", "FL", "GA", "HI", "ID", "IL")


def of_pairs(charges: int) -> str:
    """Promises that each name another charge and another pair of states."""
    promises = []
    for place in range(charges):
        when = f"charge_code: '{CHARGES[place]}', release_state: {STATES[place]}, residence_state: {STATES[place + 1]}"
        name = f"Nothing of a held one in pair {place}"
        promises.append(f'  - {{name: "{name}", when: {{{when}, hold: {{not: none}}}}, expect: {{sends: []}}}}')
    return "kind: scenarios/v1\ntitle: Pairs\nowner: nobody\nalways:\n" + "\n".join(promises) + "\n"


def told(folder: Path) -> list[Problem]:
    """The errors in a rulebook."""
    problems = Problems()
    book.load_with_problems(folder, problems)
    return [problem for problem in problems.sorted() if problem.severity == "error"]


def test_promises_of_other_charges_and_pairs_of_states_take_few_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one promise says of the two states is one mark, so that a dozen promises are not held against each other."""
    folder = edited(tmp_path)
    (folder / "rules/scenarios/pairs.yaml").write_text(of_pairs(len(CHARGES)))
    monkeypatch.setattr(proofs, "MOST_KINDS", 10_000)
    assert told(folder) == []


@pytest.mark.parametrize("bound", ["MOST_KINDS", "MOST_LOOKS", "MOST_PROMISES"])
def test_too_many_promises_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str) -> None:
    """Once, at the first of them, with what to do; and nothing is told of rules that were not looked at."""
    monkeypatch.setattr(proofs, bound, 10)
    (problem,) = told(edited(tmp_path))
    assert (problem.code, problem.spot.file.startswith("rules/scenarios/")) == ("R262", True)
    assert "promises" in problem.message
    assert "join" in str(problem.help)


def test_a_broken_promise_among_many_is_found(tmp_path: Path) -> None:
    """With a case of the charge and the states that it names."""
    folder = edited(tmp_path)
    text = of_pairs(len(CHARGES))
    broken = '  - {name: "Nothing of HI", when: {release_state: HI, residence_state: ID}, expect: {sends: []}}\n'
    (folder / "rules/scenarios/pairs.yaml").write_text(text + broken)
    (problem,) = told(folder)
    assert (problem.code, problem.message) == ("R250", 'promise broken: "Nothing of HI"')
    assert problem.example is not None
    assert (problem.example["release_state"], problem.example["residence_state"]) == ("HI", "ID")


def test_too_many_kinds_are_told_where_there_is_no_promise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the rules."""
    monkeypatch.setattr(proofs, "MOST_KINDS", 10)
    folder = edited(tmp_path)
    for file in (folder / "rules/scenarios").glob("*.yaml"):
        file.unlink()
    (problem,) = told(folder)
    assert (problem.code, problem.spot.file) == ("R262", "rules/eligibility.yaml")
