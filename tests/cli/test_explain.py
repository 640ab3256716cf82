"""`lens explain`: for a file of releases or for a stored one."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.decide.explain import as_text, explain
from app.store.accepted.release_rows import Acceptance
from app.store.database.engine import open_store
from tests.cli import programs
from tests.cli.conftest import Lens
from tests.cli.programs import ROOT
from tests.cli.within import said
from tests.decide.deciding import decider, decider_of
from tests.domain.releases import release_document
from tests.intake.desks import WORDS
from tests.rulebook.shipped import shipped
from tests.store.invented import NOON, accept

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
    done = programs.lens(tmp_path, "explain", "EX-404")
    assert (done.returncode, done.stdout) == (1, "")
    assert "EX-404" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.rglob("*.db"))


def test_a_line_that_is_no_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """It is told with its number, and the others are explained."""
    file = tmp_path / "three.ndjson"
    lines = [json.dumps(release_document(release_id="A")), '{"release_id": ', json.dumps(release_document(release_id="C"))]
    file.write_text("\n\n".join(lines) + "\n")
    done = said(tmp_path, ["explain", str(file)], monkeypatch, capfd)
    assert (done.code, done.out.count("eligibility: notify")) == (1, 2)
    assert done.err.startswith("lens: line 3: The body is not one JSON document.")


def test_a_stored_release_is_explained_under_the_version_that_decided(lens: Lens, tmp_path: Path) -> None:
    """Whatever the folder holds by now, or where it is; under another version only when that is named."""
    folder = tmp_path / "book"
    decider = decider_of(folder, ("rules/messages.yaml", *WORDS))
    first = lens("rulebook", "draft", "book")[1].split()[0]
    body = json.dumps(release_document(release_id="EX-9"))
    store = open_store(f"sqlite:///{tmp_path}/lens.db")
    decision = decider.decide(decider.read(body.encode()), datetime(2026, 11, 24, tzinfo=UTC))
    accept(
        store, Acceptance(decision=decision, fingerprint="a" * 64, body=body, caller="sor", format="legacy", accepted_at=NOON)
    )
    store.close()
    shutil.rmtree(folder / "ref_data")
    for words, version in (((), first), (("--rulebook", str(ROOT)), shipped().hash)):
        code, out, err = lens("explain", "EX-9", "--format", "json", *words, RULEBOOK_DIR=str(folder))
        assert (code, err) == (0, "")
        assert json.loads(out)["rulebook"] == version
    assert lens("explain", "EX-10")[0] == 1


def test_a_release_with_faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Every fault of the release is told with its place."""
    file = tmp_path / "bad.json"
    file.write_text(json.dumps(release_document(colour="red", holds="none")))
    done = said(tmp_path, ["explain", str(file)], monkeypatch, capfd)
    assert (done.code, done.out) == (1, "")
    assert "the whole: field 6 of this object is not known" in done.err
    assert "/holds: this must be array" in done.err


def test_as_of_another_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """`--as-of` explains by the rules of that day: before any was in force nobody was told."""
    done = said(tmp_path, ["explain", str(EXAMPLE), "--as-of", "2015-05-31"], monkeypatch, capfd)
    assert "as of 2015-05-31" in done.out
    assert "LENS-E10 is not in force" in done.out
    assert done.out.endswith("overall: do_not_notify\n  because LENS-E99\n  no message\n")
    wrong = said(tmp_path, ["explain", str(EXAMPLE), "--as-of", "yesterday"], monkeypatch, capfd)
    assert (wrong.code, wrong.out) == (2, "")
    assert "YYYY-MM-DD" in wrong.err
