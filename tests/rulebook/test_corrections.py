"""The entries of `rules/corrections.yaml`: of days that have come, with a reason in words."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from app.rulebook.book import load_with_problems
from app.rulebook.files.source import read_folder
from app.rulebook.problems.problem import Problems
from app.rulebook.reading.content import read_content
from tests.rulebook.shipped import copied

TODAY = date(2026, 11, 24)


def corrected(folder: Path, date: str, reason: str = "The address was never right") -> Path:
    """The shipped rulebook with one correction."""
    copied(folder)
    entry = f"- {{date: {date}, corrects: 3f9c2a7b41d0, reason: {reason!r}, authority: {{cite: Memo}}}}"
    (folder / "rules/corrections.yaml").write_text(f"kind: corrections/v1\ncorrections:\n  {entry}\n")
    return folder


@pytest.mark.parametrize("days", [1, 400])
def test_a_correction_of_a_day_to_come_is_refused(days: int, tmp_path: Path) -> None:
    """Nobody has made it yet; but a rulebook that is in force is read whatever a clock says."""
    day = (TODAY + timedelta(days=days)).isoformat()
    folder = corrected(tmp_path, day)
    problems = Problems()
    assert load_with_problems(folder, problems, TODAY) is None
    assert [(problem.code, problem.spot.line) for problem in problems.sorted()] == [("R115", 3)]
    assert day in problems.sorted()[0].message
    stored = Problems()
    assert read_content(read_folder(folder, stored), stored) is not None
    assert not stored.has_errors


def test_a_correction_of_today_is_taken(tmp_path: Path) -> None:
    """The day on which it is made is the usual one."""
    book = load_with_problems(corrected(tmp_path, TODAY.isoformat()), Problems(), TODAY)
    assert book is not None
    assert [correction.reason for correction in book.content.corrections] == ["The address was never right"]
