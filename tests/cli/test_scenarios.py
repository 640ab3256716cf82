import re
import signal
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec

from tests.cli.conftest import Lens
from tests.cli.programs import Program
from tests.decide.scenario_books import BROKEN, CASES, FAULTY, NEAR, SCENARIOS, WRONG, book_folder, scenario_file


def test_all_pass(lens: Lens, tmp_path: Path) -> None:
    """A good rulebook: the sums, exit code 0."""
    code, out, _ = lens("test", str(book_folder(tmp_path / "book")))
    assert (code, out.splitlines()) == (0, [f"{CASES} scenario cases, 1 promise", f"{CASES + 1} passed, 0 failed"])


def test_failures_are_told(lens: Lens, tmp_path: Path) -> None:
    """What was expected and found, the rules and the case, and the broken promise with a real case; exit code 1."""
    code, out, _ = lens("test", str(book_folder(tmp_path / "book", WRONG, BROKEN)))
    assert code == 1
    assert "failed Nebraska is NB on Nlets  rules/scenarios/few_test.yaml:8:11" in out
    assert "    sends_to: expected [AZSIR0000, NESIR0000], found [AZSIR0000, NBSIR0000]" in out
    assert "    because LENS-E10, LENS-R10, LENS-R30" in out
    assert "    case: released 2025-11-03, charge 0902 convicted" in out
    assert "failed Nothing is sent for a person with a hold" in out
    assert out.splitlines()[-1] == f"{CASES - 1} passed, 2 failed"


def test_a_line_that_is_missing_is_shown_with_its_notice(lens: Lens, tmp_path: Path) -> None:
    """The nearest line, and the notice that has it, line by line."""
    _, out, _ = lens("test", str(book_folder(tmp_path / "book", NEAR)))
    assert (
        "    text: expected the line 'NAM/Sample, PAT Q', found no message that has it; the nearest line is 'NAM/SAMPLE" in out
    )
    assert "\n    the message to NBSIR0000:\n      AM.VTINS07S0.NBSIR0000.*LN--------.TXT\n" in out


def test_a_row_of_a_table_that_fails_is_named_by_its_own_line(lens: Lens, tmp_path: Path) -> None:
    """In a table of many rows that is the one to look at; for people and for a CI server."""
    table = """\
  - name: Two states in a table
    table:
      - {residence_state: TX, expect: {sends_to: [AZSIR0000, TXSIR0000]}}
      - {residence_state: NE, expect: {sends_to: [AZSIR0000, NESIR0000]}}
"""
    folder = book_folder(tmp_path / "book", scenarios=TOLD + table)
    line = len((TOLD + table).splitlines())
    code, out, _ = lens("test", str(folder), "--junit", "results.xml")
    assert code == 1
    assert f"failed Two states in a table [residence_state NE]  rules/scenarios/few_test.yaml:{line}:9" in out
    assert f"few_test.yaml:{line}\n" in (tmp_path / "results.xml").read_text()


def test_markup_in_a_sentence_is_text(lens: Lens, tmp_path: Path) -> None:
    """A sentence with square brackets is printed as it stands."""
    folder = book_folder(tmp_path / "book", WRONG, ("Nebraska is NB on Nlets", '"[bold] is [/] no markup"'))
    assert "failed [bold] is [/] no markup  " in lens("test", str(folder))[1]


def test_coverage_for_people(lens: Lens, tmp_path: Path) -> None:
    """A table of each kind; what has no case stands out as 0, and rows without one are named."""
    code, out, _ = lens("test", str(book_folder(tmp_path / "book")), "--coverage")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert code == 0
    assert "LENS-R20 Living in the state of release, one message and not two 0 0" in lines
    assert "LENS-E30 hold holds.any_hold 2 3" in lines
    assert "holds.any_hold 2 of 6 1 of 1 in: section_1367 asylum citizenship_claim unknown_flag" in lines
    assert next(line for line in lines if line.startswith("2015-06-01")).startswith("2015-06-01 1 1 in force: LENS-E10")
    assert "both, in pairs 2 of 3,249" in lines
    assert "rules 13 5 38.4 %" in lines


def test_a_limit_for_each_kind(lens: Lens, tmp_path: Path) -> None:
    """`--fail-under` fails for each kind that is covered less, and names it."""
    folder = str(book_folder(tmp_path / "book"))
    code, out, _ = lens("test", folder, "--fail-under", "50")
    assert code == 1
    assert "not enough covered: rules 38.4 % (5 of 13); asked for 50 %" in out
    assert "covered: dates" not in out
    assert lens("test", folder, "--fail-under", "2")[0] == 0
    assert lens("test", folder, "--fail-under", "101")[0] == 2


def test_json(lens: Lens, tmp_path: Path) -> None:
    """One document on standard output; coverage only where it was asked for; a limit not met is told beside it."""
    folder = str(book_folder(tmp_path / "book", WRONG))
    code, out, err = lens("test", folder, "--format", "json")
    told = msgspec.json.decode(out)
    assert (code, told["scenarios"], told["failed"], "coverage" in told, err) == (1, CASES, 1, False, "")
    code, out, err = lens("test", folder, "--format", "json", "--fail-under", "50")
    assert msgspec.json.decode(out)["coverage"]["shares"]["dates"]["percent"] == 100
    assert "not enough covered: rules" in err


def test_wrong_edits_are_judged(lens: Lens, tmp_path: Path) -> None:
    """`--mutation` tells each edit that no scenario notices, with a scenario; pasted in, that one holds today."""
    folder = small(book_folder(tmp_path / "book", scenarios=TOLD))
    code, out, _ = lens("test", str(folder), "--mutation")
    assert code == 1
    assert "warning[M001]: no scenario notices: LENS-R20: taken out\n  --> rules/routing.yaml:22:9" in out
    pasted = [line.removeprefix("  add: ") for line in out.splitlines() if line.startswith("  add: ")]
    judged = re.search(
        r"^([0-9]+) wrong edits: [0-9]+ refused, [0-9]+ killed, [0-9]+ equivalent, ([0-9]+) survived$", out, re.MULTILINE
    )
    assert judged is not None
    assert 0 < int(judged[2]) == len(pasted) < int(judged[1])
    more = "".join(f"  - {scenario}\n" for scenario in dict.fromkeys(pasted))
    scenario_file(folder).write_text(TOLD + more)
    assert lens("test", str(folder))[1].endswith(", 0 failed\n")


TOLD = SCENARIOS.partition("  - name: Nebraska")[0]
"""The first scenario alone."""

ONE_RULE = """\
kind: rules/v1
decision: eligibility
reads: [charge_code, charge_status]
each: conviction
decides: {outcome: {one_of: [notify, hold_for_review, do_not_notify]}}
pick: one
rules:
  - id: LENS-E10
    title: Violent or serious conviction
    authority: {cite: Memo}
    when: {charge_code: {in: charges.violent_or_serious}, charge_status: convicted}
    then: {outcome: notify}
otherwise: {id: LENS-E99, title: No notice is owed, authority: {cite: Memo}, then: {outcome: do_not_notify}}
"""


def small(folder: Path) -> Path:
    """The rulebook in a folder with few rows in its tables and one rule of eligibility, so that few wrong edits can be made."""
    (folder / "rules/eligibility.yaml").write_text(ONE_RULE)
    for name, kept in (
        ("charges.csv", {"code", "0101", "0902", "0903", "0913"}),
        ("states.yaml", {"AZ", "NE", "TX", "MP", "ZZ"}),
        ("release_reasons.yaml", {"OSUP", "DEP", "T", "unknown"}),
    ):
        file = folder / "ref_data" / name
        rows = [_kept(line, kept) for line in file.read_text().splitlines()]
        file.write_text("\n".join(row for row in rows if row is not None) + "\n")
    messages = folder / "rules/messages.yaml"
    messages.write_text(messages.read_text().replace("keep_possible: 25", "keep_possible: 2"))
    return folder


def _kept(line: str, rows: set[str]) -> str | None:
    """A line of a table with only these rows: None for another row, a list of rows cut down."""
    listed = re.match(r"(  \w+: +)\[([^:]*)\]$", line)
    if listed:
        return f"{listed[1]}[{', '.join(row for row in listed[2].split(', ') if row in rows)}]"
    row = re.match(r"  (\w+): \{(?:name|text): |([0-9]{4}),", line)
    return line if row is None or (row[1] or row[2]) in rows else None


def test_files_are_written(lens: Lens, tmp_path: Path) -> None:
    """`--junit` and `--html` write their files; the page has coverage without being asked."""
    junit, page = tmp_path / "out.xml", tmp_path / "out.html"
    lens("test", str(book_folder(tmp_path / "book", WRONG)), "--junit", str(junit), "--html", str(page))
    assert ET.parse(junit).getroot().get("failures") == "1"  # noqa: S314 - written by LENS
    assert 'id="states"' in page.read_text()
    assert lens("test", str(tmp_path / "book"), "--html", str(tmp_path / "no" / "out.html"))[0] == 2


def test_a_faulty_rulebook_is_told_in_every_form(lens: Lens, tmp_path: Path) -> None:
    """It is shown as `lens check` shows it, and old reports are written over."""
    folder, junit, page = str(book_folder(tmp_path / "book", FAULTY)), tmp_path / "out.xml", tmp_path / "out.html"
    code, out, _ = lens("test", folder, "--junit", str(junit), "--html", str(page))
    assert code == 1
    assert "error[R113]: there is no rule `LENS-E31`" in out
    assert "rulebook" in out.splitlines()[-1]
    assert "R113" in (ET.parse(junit).getroot().findtext(".//error") or "")  # noqa: S314 - written by LENS
    assert "R113" in page.read_text()
    code, out, _ = lens("test", folder, "--format", "json")
    assert (code, msgspec.json.decode(out)["problems"][0]["code"]) == (1, "R113")


def test_watching(tmp_path: Path) -> None:
    """`--watch` runs again after each change, tells the faults of a rulebook that cannot be used, and ends with Ctrl-C."""
    folder = book_folder(tmp_path / "book")
    good = scenario_file(folder).read_text()
    with Program(tmp_path, ["test", str(folder), "--watch"]) as program:
        program.hears(f"{CASES + 1} passed, 0 failed")
        scenario_file(folder).write_text(good.replace(*WRONG))
        program.hears("failed Nebraska is NB on Nlets")
        scenario_file(folder).write_text(good.replace(*FAULTY))
        program.hears("error[R113]: there is no rule")
        scenario_file(folder).write_text(good)
        program.hears(f"{CASES + 1} passed, 0 failed")
        program.process.send_signal(signal.SIGINT)
        program.hears("ended")
        assert program.process.wait(20) == 0
    assert program.log.read_text() == ""


def test_a_change_while_it_runs_is_not_missed(tmp_path: Path) -> None:
    """A file changed before the first run has ended is tested too."""
    folder = book_folder(tmp_path / "book")
    with Program(tmp_path, ["test", str(folder), "--watch"]) as program:
        program.hears("scenario cases")
        scenario_file(folder).write_text(scenario_file(folder).read_text().replace(*WRONG))
        program.hears("failed Nebraska is NB on Nlets")
        program.process.send_signal(signal.SIGINT)
        assert program.process.wait(20) == 0


def test_nothing_to_watch(lens: Lens, tmp_path: Path) -> None:
    """A folder without a rulebook cannot be watched: wrong use."""
    assert lens("test", str(tmp_path), "--watch")[0] == 2


def test_no_rulebook(lens: Lens) -> None:
    """A folder that holds no rulebook is a fault of the rulebook, told like any other; one that is not there is wrong use."""
    code, out, _ = lens("test")
    assert (code, "error[R001]" in out) == (1, True)
    assert lens("test", "no/such/folder")[0] == 2
