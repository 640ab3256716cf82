"""`lens check`: every fault of a rulebook for people, programs and code review."""

import json
from pathlib import Path

import pytest

from app.rulebook.book import load_with_problems
from app.rulebook.files.report import as_json, as_sarif, as_text
from app.rulebook.files.source import read_folder
from app.rulebook.problems.problem import Problems
from tests.cli.programs import ROOT, lens
from tests.cli.within import said
from tests.rulebook.broken_cases import edited_rulebook, read_case
from tests.rulebook.shipped import edited, shipped


def broken(folder: Path) -> Problems:
    """A rulebook with several faults in `folder`, and its problems."""
    edited_rulebook(read_case("several-faults"), folder)
    problems = Problems()
    load_with_problems(folder, problems)
    return problems


def test_the_shipped_rulebook(tmp_path: Path) -> None:
    """It is usable; the last line says so and names it by its hash."""
    done = lens(tmp_path, "check", str(ROOT))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"rulebook {shipped().hash} is usable" in done.stdout
    assert "0 errors, 0 warnings" in done.stdout


def test_faults_for_people(tmp_path: Path) -> None:
    """All faults stand there as written, without colour where nobody looks, and the exit code is 1."""
    problems = broken(tmp_path)
    done = lens(tmp_path, "check")
    assert done.returncode == 1
    files = read_folder(tmp_path, Problems())
    for problem in problems.sorted():
        assert as_text([problem], files) in done.stdout
    assert "is not usable" in done.stdout
    assert "\x1b" not in done.stdout


def test_faults_for_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """The JSON is the contract's, paths relative to the folder."""
    problems = broken(tmp_path)
    done = said(ROOT, ["check", str(tmp_path), "--format", "json"], monkeypatch, capfd)
    assert done.code == 1
    answer = json.loads(done.out)
    assert answer == as_json(problems.sorted(), answer["rulebook"])
    assert answer["ok"] is False
    assert all((tmp_path / problem["file"]).exists() for problem in answer["problems"])


def test_faults_for_code_review(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """SARIF has the same problems."""
    problems = broken(tmp_path)
    done = said(tmp_path, ["check", ".", "--format", "sarif"], monkeypatch, capfd)
    assert done.code == 1
    log = json.loads(done.out)
    assert log["runs"][0]["results"] == as_sarif(problems.sorted(), "")["runs"][0]["results"]


def test_a_warning_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """A rulebook with nothing but a warning is usable, and says both."""
    edited(tmp_path, ("ref_data/release_reasons.yaml", "sets:\n", "sets:\n  by_bond: [BDLF, BDLS, BOND]\n"))
    done = said(tmp_path, ["check"], monkeypatch, capfd)
    assert done.code == 0
    assert "warning[R320]" in done.out
    assert "is usable" in done.out
    assert "0 errors, 1 warning" in done.out


def test_wrong_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """A form or a folder that does not exist is wrong use; a folder without a rulebook is a faulty one."""
    assert said(tmp_path, ["check", "--format", "xml"], monkeypatch, capfd).code == 2
    assert said(tmp_path, ["check", "nowhere"], monkeypatch, capfd).code == 2
    done = said(tmp_path, ["check"], monkeypatch, capfd)
    assert done.code == 1
    assert "the rulebook has no folder `rules/`" in done.out
