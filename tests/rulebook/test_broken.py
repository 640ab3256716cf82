"""Every fault that a rulebook can have: what is told of it, where, and how to mend it; see broken_cases.py for the form of a case."""

import re
from pathlib import Path

import pytest

from app.rulebook.book import load_with_problems
from app.rulebook.files.source import Allowance, Node, SourceFile, read_yaml
from app.rulebook.problems.problem import Problems
from tests.rulebook.broken_cases import CASES, ENGINES, as_told, edited_rulebook, in_yaml, read_case
from tests.rulebook.shipped import ROOT


@pytest.fixture(autouse=True)
def _trees_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was read before without a fault is not parsed again: all cases share all files but one or two."""

    def read(file: SourceFile, problems: Problems, allowance: Allowance | None = None) -> Node | None:
        if file in TREES:
            return TREES[file]
        before = len(problems.found)
        tree = read_yaml(file, problems, allowance)
        if len(problems.found) == before:
            TREES[file] = tree
        return tree

    monkeypatch.setattr("app.rulebook.reading.content.read_yaml", read)


TREES: dict[SourceFile, Node | None] = {}


@pytest.mark.parametrize("name", CASES)
def test_a_broken_rulebook_is_told(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exactly the problems of the case are told, each in its place and its words, and an error keeps the rulebook from use."""
    case = read_case(name)
    folder = edited_rulebook(case, tmp_path)
    if "engine" in case:
        monkeypatch.setenv("PYTHONPATH", f"{ENGINES / case['engine']}:{ROOT}")
    problems = Problems()
    book = load_with_problems(folder, problems)
    told = [as_told(problem, folder) for problem in problems.sorted()]
    assert told == case["told"], f"told of {name}:\n{in_yaml(told)}"  # type: ignore[arg-type]
    assert (book is None) == any(problem.severity == "error" for problem in problems.found)


def codes_in_use() -> set[str]:
    """Every code that the source of the rulebook's checks names."""
    files = [path for path in (ROOT / "app" / "rulebook").rglob("*.py") if path.name != "titles.py"]
    return {code for file in files for code in re.findall(r'"(R[0-9]{3})"', file.read_text())}


def test_every_code_has_a_case() -> None:
    """Each code that a check can give is shown by a case, and no case shows a code that no check gives."""
    shown = {
        key.split()[1]
        for name in CASES
        for told in read_case(name)["told"]
        for key in told
        if key.startswith(("error ", "warning "))
    }
    assert shown == codes_in_use()
