"""`lens diff`: folders, git revisions, every format, and releases decided under both rulebooks."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.policy.diff import app
from app.rulebook.files.source import read_folder
from app.rulebook.problems.problem import Problems
from app.trials.replay import Replayed, replay
from tests.domain.releases import release_document
from tests.rulebook.small_books import ROOT

EDIT = ("ref_data/charges.csv", "0301,IMMIGRATION,ILLEGAL ENTRY,C", "0301,IMMIGRATION,ILLEGAL ENTRY,A")
RELEASES = ROOT / "docs/examples/releases.ndjson"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A copy of the shipped rulebook."""
    return _copy(tmp_path / "old")


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """The shipped rulebook with one more qualifying charge, and its scenarios in step."""
    folder = _copy(tmp_path / "new")
    for name in ("release_test.yaml", "tables_test.yaml"):
        scenarios = folder / "rules/scenarios" / name
        scenarios.write_text(scenarios.read_text().replace('"0301", ', ""))
    table = folder / EDIT[0]
    table.write_text(table.read_text().replace(EDIT[1], EDIT[2]))
    return folder


def _copy(folder: Path) -> Path:
    for name in ("rules", "ref_data"):
        shutil.copytree(ROOT / name, folder / name)
    return folder


def _run(*words: str | Path) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_json_has_the_contracts_shape(old: Path, new: Path) -> None:
    """Names, counts and groups are as the contract has them, and the counts add up."""
    found = json.loads(_run(old, new, "--format", "json"))
    names = {
        "old",
        "new",
        "cases",
        "changed",
        "reworded",
        "past",
        "past_reworded",
        "losses",
        "handling",
        "groups",
        "outcome_order",
        "replay",
        "files",
    }
    assert set(found) == names
    assert found["cases"] == 4_578_438_816
    assert found["changed"] == sum(group["count"] for group in found["groups"]) == 386_631
    for group in found["groups"]:
        assert set(group) == {"before", "after", "count", "past", "touched", "example", "what", "texts"}
        assert group["touched"]["charge_code"] == ["0301"]
        assert set(group["before"]) == {"outcome", "rules", "sends", "work_items"}
        assert group["example"]["charge_code"] == "0301"


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_each_format_for_people_names_the_counts(old: Path, new: Path, form: str) -> None:
    """The number of changed cases stands in every format."""
    assert "386,631" in _run(old, new, "--format", form)


@pytest.mark.parametrize("form", ["text", "markdown", "html", "json"])
def test_a_new_wording_is_seen_with_a_notice_before_and_after(old: Path, tmp_path: Path, form: str) -> None:
    """No case changes, each with a notice is reworded, and every format shows the line as it was and as it becomes."""
    new = _copy(tmp_path / "reworded")
    words = new / "rules/messages.yaml"
    words.write_text(words.read_text().replace("FOLLOW LOCAL PROCEDURES. MAY", "FOLLOW YOUR OWN PROCEDURES. MAY"))
    shown = _run(old, new, "--format", form)
    assert "FOLLOW LOCAL PROCEDURES. MAY" in shown
    assert "FOLLOW YOUR OWN PROCEDURES. MAY" in shown
    if form == "json":
        found = json.loads(shown)
        assert (found["changed"], found["past"]) == (0, 0)
        assert [(file["name"], file["change"]) for file in found["files"]] == [("rules/messages.yaml", "changed")]
        assert found["reworded"] == sum(group["count"] for group in found["groups"]) == 5_715_360
        for group in found["groups"]:
            assert "\nFOLLOW LOCAL PROCEDURES. MAY" in group["texts"]["before"]
            assert "\nFOLLOW YOUR OWN PROCEDURES. MAY" in group["texts"]["after"]


def edit(folder: Path, file: str, *changes: tuple[str, str]) -> Path:
    """A rulebook's folder with texts of a file replaced."""
    path = folder / file
    text = path.read_text()
    for found, instead in changes:
        assert found in text
        text = text.replace(found, instead)
    path.write_text(text)
    return folder


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_two_addresses_that_change_at_once_both_show(old: Path, tmp_path: Path, form: str) -> None:
    """Neither hides behind the other, whatever the format, and earlier days are said first."""
    changes = ('"AZSIR0000"', '"AZDPS0000"'), ('"TXSIR0000"', '"TXDPS0000"')
    shown = _run(old, edit(_copy(tmp_path / "moved"), "ref_data/states.yaml", *changes), "--format", form)
    assert "AZSIR0000 becomes AZDPS0000" in shown
    assert "TXSIR0000 becomes TXDPS0000" in shown
    assert shown.index("Earlier days change too: 395,136 cases") < shown.index("395,136 of 4,578,438,816")


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_words_of_earlier_days_are_said_first_too(old: Path, tmp_path: Path, form: str) -> None:
    """Where only words change, the first line still says so of days before today; `past` counts changed cases alone."""
    reworded = '"FOLLOW LOCAL PROCEDURES. ', '"FOLLOW YOUR OWN PROCEDURES. '
    texts = f"{reworded[0]}MAY", f"{reworded[1]}MAY"
    new = _copy(tmp_path / "words")
    edit(new, "rules/messages.yaml", texts, ("'FOLLOW LOCAL PROCEDURES.", "'FOLLOW YOUR OWN PROCEDURES."))
    shown = _run(old, new, "--format", form)
    first = shown.index("Earlier days change too: in 5,715,360 cases of days before")
    assert first < shown.index("0 of 4,578,438,816")
    assert "a notice would read otherwise." in shown
    found = json.loads(_run(old, new, "--format", "json"))
    assert (found["past"], found["past_reworded"]) == (0, 5_715_360)
    assert sum(group["past"] for group in found["groups"]) == 5_715_360


def test_a_group_names_every_value_that_it_touches(old: Path, tmp_path: Path) -> None:
    """Two charges that begin to qualify stand in each group; the address of a state names the state."""
    new = edit(_copy(tmp_path / "both"), "ref_data/charges.csv", ("TREASON,B", "TREASON,A"), ("ESPIONAGE,B", "ESPIONAGE,A"))
    edit(new, "ref_data/states.yaml", ('"WYSIR0000"', '"WYDPS0000"'))
    groups = json.loads(_run(old, new, "--format", "json"))["groups"]
    touched = [group["touched"]["charge_code"] for group in groups if group["before"]["outcome"] == "do_not_notify"]
    assert touched
    assert all(codes == ["0101", "0103"] for codes in touched)
    moved = [group["touched"] for group in groups if group["before"]["outcome"] == "notify"]
    assert [found.get("residence_state") for found in moved].count(["WY"]) == 1


def test_a_change_from_tomorrow_on_leaves_earlier_days_alone(old: Path, tmp_path: Path) -> None:
    """What is dated in the future has no case of a day before today."""
    change = "changes: [{row: TX, from: 2999-01-01, set: {stage: testing}, authority: {cite: invented}}]"
    new = edit(_copy(tmp_path / "later"), "ref_data/states.yaml", ("changes: []", change))
    assert "Earlier days" not in _run(old, new)
    found = json.loads(_run(old, new, "--format", "json"))
    assert (found["changed"], found["past"], found["past_reworded"]) == (0, 0, 0)
    assert {group["past"] for group in found["groups"]} == {0}
    assert found["reworded"] == 199_332
    assert all("TEST NOTICE" in group["texts"]["after"] for group in found["groups"])
    assert not any("TEST NOTICE" in group["texts"]["before"] for group in found["groups"])


def test_a_line_for_late_notices_is_shown_in_a_late_notice(old: Path, tmp_path: Path) -> None:
    """The notice before and after is one that has the line, whatever it needs to be there."""
    for found, instead in (("LATE NOTICE", "DELAYED NOTICE"), ("REFERS TO/", "SEE ALSO/")):
        new = edit(_copy(tmp_path / instead[:3]), "rules/messages.yaml", (found, instead))
        groups = json.loads(_run(old, new, "--format", "json"))["groups"]
        assert groups
        for group in groups:
            assert f"\n{found}" in group["texts"]["before"]
            assert f"\n{instead}" in group["texts"]["after"]


def test_the_page_has_titles_of_rules_and_names_of_charges(old: Path, new: Path) -> None:
    """Whoever approves on paper reads what a rule and a code stand for, and nothing is cut off."""
    page = _run(old, new, "--format", "html")
    assert "LENS-E10 (Violent or serious conviction, released inside the United States)" in page
    assert "ILLEGAL ENTRY" in page
    assert "overflow-x" not in page
    assert "white-space: pre-wrap" in page


def test_a_git_revision_is_a_rulebook(new: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rulebook of a revision is compared with the folder as it is now."""
    git = ["git", "-C", str(new), "-c", "user.name=Pat Sample", "-c", "user.email=pat@example.invalid"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True)
    table = new / EDIT[0]
    table.write_text(table.read_text().replace(EDIT[2], EDIT[1]))
    monkeypatch.chdir(new)
    assert json.loads(_run("HEAD", ".", "--format", "json"))["changed"] == 386_631


def test_replay_names_the_releases_that_would_have_gone_otherwise(old: Path, new: Path, tmp_path: Path) -> None:
    """A release with the new charge goes otherwise; the others, and a line that is no release, are counted."""
    lines = RELEASES.read_bytes().splitlines(keepends=True)
    release = json.loads(lines[1])
    release |= {"release_id": "MORE-1", "convictions": [{"charge_code": "0301", "status": "convicted"}]}
    recorded = tmp_path / "recorded.ndjson"
    recorded.write_bytes(b"".join(lines) + json.dumps(release).encode() + b"\nnot json\n")
    replayed = json.loads(_run(old, new, "--format", "json", "--replay", recorded))["replay"]
    assert (replayed["releases"], replayed["changed"], replayed["unreadable"]) == (len(lines) + 1, 1, 1)
    assert replayed["groups"][0]["example"] == "MORE-1"


def test_replay_says_what_goes_otherwise_where_the_same_rules_answer(old: Path, new: Path, tmp_path: Path) -> None:
    """Another address is no other rule: what would be sent stands below, of the release that is named."""
    states = new / "ref_data/states.yaml"
    states.write_text(states.read_text().replace('"TXSIR0000"', '"TX0110000"'))
    recorded = tmp_path / "recorded.ndjson"
    recorded.write_text(json.dumps(release_document(release_id="MORE-2")) + "\n")
    lines = _run(old, new, "--replay", recorded).splitlines()
    place = next(number for number, line in enumerate(lines) if line.startswith("Replayed 1 releases: 1 "))
    assert lines[place + 1].endswith("-> notify (LENS-E10, LENS-R10, LENS-R30), e.g. MORE-2")
    assert lines[place + 2 : place + 4] == [
        "    - sends departing to AZSIR0000, receiving to TXSIR0000",
        "    + sends departing to AZSIR0000, receiving to TX0110000",
    ]


def test_one_process_and_several_replay_alike(old: Path, new: Path) -> None:
    """How many processes share the work makes no difference to what is found."""
    files = [read_folder(folder, Problems()) for folder in (old, new)]
    lines = RELEASES.read_bytes().splitlines()
    found = []
    for processes in (1, 2):
        total = Replayed()
        for part in replay(files[0], files[1], lines, processes):
            total.add(part)
        found.append(total.as_json())
    assert found[0] == found[1]


def test_scenarios_that_do_not_fit_do_not_hide_what_a_change_does(old: Path, new: Path) -> None:
    """A rule taken out that scenarios still expect: the change is counted, and the scenarios are noted, not told."""
    routing = new / "rules/routing.yaml"
    before, _, rest = routing.read_text().partition("  - id: LENS-R20")
    routing.write_text(f"{before}  - id: LENS-R30{rest.partition('  - id: LENS-R30')[2]}")
    done = CliRunner().invoke(app, [str(old), str(new), "--format", "json"])
    assert done.exit_code == 0, done.output
    assert "errors in its scenarios and promises" in done.stderr
    assert ["LENS-E10", "LENS-R10"] in [group["after"]["rules"] for group in json.loads(done.stdout)["groups"]]


def test_another_order_of_the_outcomes_is_said(old: Path, new: Path) -> None:
    """No case shows the order, having one conviction each, so it is said in words, in every format."""
    file = new / "rules/eligibility.yaml"
    file.write_text(file.read_text().replace("[notify, hold_for_review,", "[hold_for_review, notify,"))
    found = json.loads(_run(old, new, "--format", "json"))["outcome_order"]
    assert found["before"][:2] == found["after"][1::-1] == ["notify", "hold_for_review"]
    for form in ("text", "markdown", "html"):
        assert "The order of the outcomes was notify, hold_for_review, do_not_notify" in _run(old, new, "--format", form)


def test_lines_in_another_order_are_said_to_be(old: Path, tmp_path: Path) -> None:
    """A line that moves is neither lost nor new."""
    name, number = '      - "NAM/{name}"\n', '      - "FBI/{fbi_number}"\n'
    new = edit(_copy(tmp_path / "moved"), "rules/messages.yaml", (name, ""), (number, number + name))
    groups = json.loads(_run(old, new, "--format", "json"))["groups"]
    assert groups
    assert all('"NAM/{name}" in another place' in group["what"] for group in groups)
