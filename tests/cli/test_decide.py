"""`lens decide`: releases in, decisions out, one line each, whatever the lines are."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.programs import ROOT, lens
from tests.cli.within import said
from tests.decide.deciding import decided, decider, niem_parts
from tests.domain.releases import release_document

EXAMPLES = ROOT / "docs" / "examples" / "releases.ndjson"
AT = ("--accepted-at", "2026-11-23T20:00:00Z")


def answers(output: str) -> list[dict[str, Any]]:
    """The JSON document on each line."""
    return [json.loads(line) for line in output.splitlines()]


def test_all_examples_go_through(tmp_path: Path) -> None:
    """Each of the 49 releases has its decision on a line, in order, exactly as deciding it here gives; nothing is stored."""
    done = lens(tmp_path, "decide", str(EXAMPLES), *AT)
    assert (done.returncode, done.stderr) == (0, "")
    documents = [json.loads(line) for line in EXAMPLES.read_text().splitlines() if line.strip()]
    found = answers(done.stdout)
    assert len(documents) == len(found) == 49
    for document, answer in zip(documents, found, strict=True):
        decision = decided(document)
        assert answer["release_id"] == document["release_id"]
        assert answer["outcome"] == decision.outcome
        assert [reason["rule"] for reason in answer["because"]] == [reason.rule for reason in decision.because]
        assert [message["text"] for message in answer["messages"]] == [
            notice.numbered("LN--------") for notice in decision.notices
        ]
        assert [warning["code"] for warning in answer["warnings"]] == [caution.code for caution in decision.warnings]
    assert list(tmp_path.iterdir()) == []


def test_the_shape_of_an_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """The contract's keys, dashes for a number, no id and no time for a work item."""
    file = tmp_path / "one.ndjson"
    document = release_document(residence=None)
    file.write_text(json.dumps(document) + "\n\n  \n")
    (answer,) = answers(said(tmp_path, ["decide", str(file), *AT], monkeypatch, capfd).out)
    assert list(answer) == ["release_id", "outcome", "as_of", "rulebook", "because", "messages", "work_items", "warnings"]
    (message,) = answer["messages"]
    assert (message["message_id"], message["status"], message["copy"], message["state"]) == (
        "LN--------",
        "queued",
        "departing",
        "AZ",
    )
    assert message["text"].startswith("AM.VTINS07S0.AZSIR0000.*LN--------.TXT\nLENS LN-------- ICE")
    assert answer["work_items"] == [
        {
            "id": None,
            "code": "no-residence-state",
            "audience": "residence_state",
            "state": "ZZ",
            "rule": "LENS-R40",
            "opened_at": None,
            "due_at": None,
            "status": "open",
        }
    ]
    assert answer["rulebook"] == decider().book.hash


def test_bad_lines_get_problem_lines(tmp_path: Path) -> None:
    """A line that is no release is answered with a problem that names the line; the others go on; the exit code says so."""
    good = json.dumps(release_document())
    bad = json.dumps(release_document(holds="none") | {"colour": "red"})
    lines = [good, "{not json", bad, '"\\ud800"', "[" * 3000, json.dumps(release_document(release_id="x" * 65)), good]
    file = tmp_path / "mixed.ndjson"
    file.write_text("\n".join(lines))
    done = lens(tmp_path, "decide", str(file), *AT)
    assert done.returncode == 1
    assert "5 lines are no release" in done.stderr
    found = answers(done.stdout)
    assert ["outcome" in answer for answer in found] == [True, False, False, False, False, False, True]
    assert [(answer["line"], answer["instance"]) for answer in found[1:6]] == [
        (number, f"#line-{number}") for number in range(2, 7)
    ]
    faults = {(fault["pointer"], fault["code"]) for fault in found[2]["errors"]}
    assert faults == {("/holds", "type"), ("", "unknown-field")}
    assert "Traceback" not in done.stderr


def test_explained_and_as_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """`--explain` adds the trace to the decision, `--as-of` decides as of another day."""
    file = tmp_path / "one.ndjson"
    file.write_text(json.dumps(release_document()))
    done = said(tmp_path, ["decide", str(file), "--explain", "--as-of", "2015-05-31", *AT], monkeypatch, capfd)
    (answer,) = answers(done.out)
    assert (answer["outcome"], answer["as_of"], answer["messages"]) == ("do_not_notify", "2015-05-31", [])
    assert answer["explanation"]["steps"][0]["rules"][0]["fate"] == "not_in_force"


def test_settings_reach_the_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Origin, key, form, lateness and what is done with unconfirmed addresses come from the settings."""
    file = tmp_path / "one.ndjson"
    file.write_text(json.dumps(release_document()))
    settings = {
        "LENS_MESSAGE_FORMAT": "niem",
        "LENS_MESSAGE_KEY": "AML",
        "LENS_ORIGIN_ORI": "VTINS0000",
        "LENS_LATE_AFTER": "1h",
        "LENS_ALLOW_GENERIC_ORI": "false",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    (answer,) = answers(said(tmp_path, ["decide", str(file), *AT], monkeypatch, capfd).out)
    parts = niem_parts(answer["messages"][0]["text"])
    assert (parts["MessageKeyCodeText"], parts["OriginatingORIID"]) == ("AML", "VTINS0000")
    assert "LATE NOTICE" in parts["MailMessageText"]
    assert [message["status"] for message in answer["messages"]] == ["held", "held"]
    assert [item["code"] for item in answer["work_items"]] == ["ori-not-confirmed", "ori-not-confirmed"]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["no-such-file.ndjson"], 2, "cannot be read"),
        ([str(EXAMPLES), "--as-of", "yesterday"], 2, "YYYY-MM-DD"),
        ([str(EXAMPLES), "--accepted-at", "2026-11-23"], 2, "offset"),
        ([str(EXAMPLES), "--no-such-option"], 2, "--no-such-option"),
        ([str(EXAMPLES), "--rulebook", "."], 1, "the rulebook has no folder"),
        ([str(EXAMPLES), "--rulebook", "nowhere"], 2, "there is no folder nowhere"),
    ],
)
def test_wrong_use(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    words: list[str],
    code: int,
    says: str,
) -> None:
    """Wrong use ends with 2, a rulebook that cannot be used with 1; both say why and nothing is answered."""
    done = said(tmp_path, ["decide", *words], monkeypatch, capfd)
    assert (done.code, done.out) == (code, "")
    assert says in done.err


def test_a_folder_without_a_rulebook(tmp_path: Path) -> None:
    """Where none is named and none is here, it is said which folder was looked into, and how to name another."""
    done = lens(tmp_path, "decide", str(EXAMPLES), settings={"LENS_RULEBOOK_DIR": None})
    assert (done.returncode, done.stdout) == (1, "")
    assert f"no rulebook in {tmp_path}: name its folder with --rulebook" in done.stderr


def test_a_json_file_is_one_release(tmp_path: Path) -> None:
    """A file whose name ends in .json holds one release, on as many lines as it likes."""
    done = lens(tmp_path, "decide", str(ROOT / "docs/examples/release.json"))
    assert done.returncode == 0
    assert json.loads(done.stdout)["release_id"] == "EXAMPLE-1"


def test_notices_can_be_read_as_they_are_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """`--text` prints each notice line by line, whom it goes to, and what a person must do; what is held has none."""
    file = tmp_path / "three.ndjson"
    documents = [
        release_document(release_id="TWO-STATES"),
        release_document(release_id="NO-STATE", residence=None),
        release_document(release_id="HELD", holds=["juvenile"]),
    ]
    file.write_text("\n".join(map(json.dumps, documents)) + "\n{}\n")
    done = said(tmp_path, ["decide", str(file), "--text", *AT], monkeypatch, capfd)
    first, second, third = (decided(document) for document in documents)
    for notice in (*first.notices, *second.notices):
        assert f"-\n{notice.numbered('LN--------')}".rstrip("\n") in done.out
    assert done.out.count("\nmessage ") == 3
    assert "message 2 of 2: NEW, receiving, to TX at TXSIR0000\n" in done.out
    assert "  a person must act: no-residence-state about ZZ (LENS-R40)\n" in done.out
    held = done.out[done.out.index("HELD: ") :]
    assert held.startswith(f"HELD: hold_for_review, because LENS-E30 (as of 2026-11-23, rulebook {third.rulebook})\n")
    assert held.endswith("  a person must act: review (LENS-E30)\n  no message until a person has acted\n\n")
    assert done.code == 1
    assert "lens: line 4: " in done.err


@pytest.mark.parametrize(("setting", "option"), [("niem", None), ("legacy", "niem"), ("niem", "legacy")])
def test_the_form_of_a_notice_is_the_setting_or_an_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], setting: str, option: str | None
) -> None:
    """The option wins over LENS_MESSAGE_FORMAT; notices are printed as XML or as legacy text."""
    monkeypatch.setenv("LENS_MESSAGE_FORMAT", setting)
    words = ["--message-format", option] if option else []
    done = said(tmp_path, ["decide", str(ROOT / "docs/examples/release.json"), "--text", *words], monkeypatch, capfd)
    niem = (option or setting) == "niem"
    assert done.out.count("<nh2:DestinationORIID>TXSIR0000</nh2:DestinationORIID>") == niem
    assert done.out.count("\nAM.VTINS07S0.TXSIR0000.*LN--------.TXT\n") == (not niem)
