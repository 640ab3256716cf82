"""`lens explain`: for a file of releases or for a stored one."""

import json
from pathlib import Path

import pytest

from app.decide.explain import as_text, explain
from tests.cli.programs import ROOT, lens
from tests.cli.within import said
from tests.decide.deciding import decider
from tests.domain.releases import release_document

EXAMPLE = ROOT / "docs" / "examples" / "release.json"


def test_a_file_with_one_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """A whole JSON file, on as many lines as it likes, is explained in words."""
    done = said(tmp_path, ["explain", str(EXAMPLE)], monkeypatch, capfd)
    assert (done.code, done.err) == (0, "")
    release = decider().read(EXAMPLE.read_bytes())
    assert done.out == as_text(explain(decider(), release)) + "\n"


def test_many_releases_for_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Each line of an NDJSON file gives a line of JSON."""
    file = tmp_path / "two.ndjson"
    documents = [release_document(release_id="A"), release_document(release_id="B", holds=["sealed"])]
    file.write_text("\n".join(map(json.dumps, documents)) + "\n")
    done = said(tmp_path, ["explain", str(file), "--format", "json"], monkeypatch, capfd)
    found = [json.loads(line) for line in done.out.splitlines()]
    assert [answer["release_id"] for answer in found] == ["A", "B"]
    assert [answer["steps"][0]["answer"] for answer in found] == ["notify", "hold_for_review"]
    beaten = next(rule for rule in found[1]["steps"][0]["rules"] if rule["rule"] == "LENS-E10")
    assert (beaten["fate"], beaten["by"]) == ("beaten", ["LENS-E30"])
    assert beaten["file"] == "rules/eligibility.yaml"


def test_what_is_not_there(tmp_path: Path) -> None:
    """A name that is neither a file nor a stored release is said to be neither, and looking leaves nothing behind."""
    done = lens(tmp_path, "explain", "EX-404")
    assert (done.returncode, done.stdout) == (1, "")
    assert "EX-404" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.rglob("*.db"))


def test_a_release_with_faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Every fault of the release is told with its place."""
    file = tmp_path / "bad.json"
    file.write_text(json.dumps(release_document(colour="red", holds="none")))
    done = said(tmp_path, ["explain", str(file)], monkeypatch, capfd)
    assert (done.code, done.out) == (1, "")
    assert "/colour: there is no such field" in done.err
    assert "/holds: this must be array" in done.err
