"""A rulebook that changes on very many days is refused, and does not keep a service busy for minutes."""

from pathlib import Path

import pytest

from app.rulebook import book
from app.rulebook.problems.problem import Problems
from tests.rulebook.shipped import edited


def test_too_many_days_of_change_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With how many there are and how many may be; one less is taken."""
    change = "changes: [{row: WY, from: 2027-01-01, set: {ori: WY0110000}, authority: {cite: Memo}}]"
    folder = edited(tmp_path, ("ref_data/states.yaml", "changes: []", change))
    for most, codes in ((2, ["R262"]), (3, [])):
        monkeypatch.setattr(book, "MOST_REGIMES", most)
        problems = Problems()
        assert (book.load_with_problems(folder, problems) is None) == bool(codes)
        assert [problem.code for problem in problems.sorted()] == codes


def test_days_of_change_are_counted_before_a_regime_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty thousand of them took a minute to make, only to be refused."""
    change = "changes: [{row: WY, from: 2027-01-01, set: {ori: WY0110000}, authority: {cite: Memo}}]"
    folder = edited(tmp_path, ("ref_data/states.yaml", "changes: []", change))
    monkeypatch.setattr(book, "MOST_REGIMES", 1)
    monkeypatch.delattr("app.rulebook.reading.content.Content.views")
    problems = Problems()
    assert book.load_with_problems(folder, problems) is None
    assert [problem.code for problem in problems.sorted()] == ["R262"]
