import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from app.rulebook.problems.problem import Problems, Spot
from app.trials.coverage import cover
from app.trials.mutation import Judged
from app.trials.scenario_report import Report, as_json
from app.trials.scenario_report_html import as_html, refused_as_html
from app.trials.scenario_report_junit import as_junit, refused_as_junit
from app.trials.suite import load_to_test, try_all
from tests.decide.scenario_books import BROKEN, CASES, NEAR, WRONG, book_folder

AT = datetime(2026, 11, 24, 5, 6, 7, tzinfo=UTC)
PLAIN = "Nebraska is NB on Nlets"
HOSTILE = '"</title><script>alert(1)</script> & \\e[31m \\"quoted\\""'
PASTE = '{name: "Notices: R10 <b>", but: {release_state: AS}, expect: {outcome: notify}}'
JUDGED = (
    Judged(
        spot=Spot("rules/routing.yaml", 33, 7),
        edit="LENS-R20: without the condition on `release_state`",
        verdict="survived",
        by="",
        scenario=PASTE,
    ),
    Judged(Spot("rules/routing.yaml", 20, 7), "LENS-R10: taken out", "killed", "Both states are told"),
    Judged(Spot("rules/routing.yaml", 20, 7), "LENS-R10: copy only", "refused", "R201"),
)


def report_of(folder: Path) -> Report:
    """What testing the rulebook in a folder gives, with coverage and three wrong edits."""
    loaded = load_to_test(folder, Problems())
    assert loaded is not None
    trial = try_all(loaded)
    return Report(trial=trial, at=AT, seconds=0.25, coverage=cover(loaded.book, trial.results), mutants=JUDGED)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A run in which nothing fails."""
    return report_of(book_folder(tmp_path_factory.mktemp("good")))


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A run with a failing scenario, whose sentence is hostile, and a broken promise."""
    return report_of(book_folder(tmp_path_factory.mktemp("bad"), WRONG, BROKEN, (PLAIN, HOSTILE)))


def test_json_is_as_the_contract_says(bad: Report) -> None:
    """The keys of the contract, each wrong edit with its own, and beside them what failed and what is covered."""
    told = as_json(bad)
    assert (told["scenarios"], told["promises"], told["failed"]) == (CASES, 1, 2)
    assert told["mutants"][0] == {
        "file": "rules/routing.yaml",
        "line": 33,
        "edit": "LENS-R20: without the condition on `release_state`",
        "verdict": "survived",
        "by": "",
        "scenario": PASTE,
    }
    assert [set(judged) for judged in told["mutants"]] == [{"file", "line", "edit", "verdict", "by", "scenario"}] * 3
    assert told["failures"][0]["line"] == 8
    assert told["failures"][0]["faults"] == ["sends_to: expected [AZSIR0000, NESIR0000], found [AZSIR0000, NBSIR0000]"]
    assert set(told["coverage"]) == {"shares", "rules", "conditions", "sets", "dates", "states", "pairs"}
    assert told["coverage"]["shares"]["rules"] == {"covered": 5, "of": 13, "percent": 38.4}


ALLOWED = {
    "testsuites": ({"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors", "time", "skipped", "timestamp", "hostname", "id", "package", "file"},
        {"properties", "testcase", "system-out", "system-err"},
    ),
    "properties": (set(), {"property"}),
    "property": ({"name", "value"}, set()),
    "testcase": ({"name", "time", "classname", "group"}, {"failure", "error", "skipped", "system-out", "system-err"}),
    "failure": ({"type", "message"}, set()),
    "error": ({"type", "message"}, set()),
    "system-out": (set(), set()),
}
"""For each element the attributes and the elements within that the xUnit schema of Jenkins (junit-10) allows."""


def parsed(document: bytes) -> ET.Element:
    """The root of a JUnit document that has nothing but what is allowed, and whose sums are right."""
    root = ET.fromstring(document)  # noqa: S314 - written by LENS
    assert root.tag == "testsuites"
    for element in root.iter():
        attributes, inside = ALLOWED[element.tag]
        assert set(element.attrib) <= attributes
        assert {child.tag for child in element} <= inside
    for suite in [root, *root.iter("testsuite")]:
        counted = [str(len(list(suite.iter(tag)))) for tag in ("testcase", "failure", "error")]
        assert [suite.get(name) for name in ("tests", "failures", "errors")] == counted
    return root


def test_junit_of_a_good_run(good: Report) -> None:
    """A test case for each scenario case and promise, with its sentence as its name and its place told."""
    root = parsed(as_junit(good))
    cases = list(root.iter("testcase"))
    assert len(cases) == CASES + 1
    assert root.get("failures") == "0"
    assert cases[2].get("name") == "A hold is looked at by a person [hold juvenile]"
    assert cases[2].findtext("system-out") == "rules/scenarios/few_test.yaml:11"
    suite = root.find("testsuite")
    assert suite is not None
    assert (suite.get("file"), suite.get("timestamp")) == ("rules/scenarios/few_test.yaml", "2026-11-24T05:06:07")


def test_junit_tells_faults_and_survives_any_sentence(bad: Report) -> None:
    """Faults are the text of a failure; a sentence with markup or a control character leaves the document whole."""
    failures = list(parsed(as_junit(bad)).iter("failure"))
    assert "found [AZSIR0000, NBSIR0000]" in (failures[0].text or "")
    assert "rules/scenarios/few_test.yaml:8" in (failures[0].text or "")
    assert "broken in" in (failures[1].get("message") or "")
    names = [case.get("name") or "" for case in parsed(as_junit(bad)).iter("testcase")]
    assert '</title><script>alert(1)</script> & \N{REPLACEMENT CHARACTER}[31m "quoted"' in names


def test_junit_of_a_faulty_rulebook() -> None:
    """One test case with an error, so that a CI server sees it."""
    root = parsed(refused_as_junit("error[R106]: `in_us` & <more>", AT))
    assert (root.get("errors"), root.findtext(".//error")) == ("1", "error[R106]: `in_us` & <more>")


class Page(HTMLParser):
    """Reads a page: every element is closed in order, and nothing comes from elsewhere."""

    VOID = frozenset({"meta", "input", "path", "rect"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.scripts = 0
        self.text = ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes ids and addresses."""
        found = dict(attrs)
        self.text += " "
        assert "src" not in found
        assert tag != "link"
        self.scripts += tag == "script"
        self.ids |= {found["id"] or ""} if "id" in found else set()
        self.links += [found["href"] or ""] if "href" in found else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Closes the element that was opened last."""
        assert tag in self.VOID or self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Notes what can be read."""
        self.text += data if not self.open or self.open[-1] not in {"style", "script"} else ""


def test_the_page_stands_alone(good: Report) -> None:
    """The page is whole, needs nothing from elsewhere, and its links lead to its own parts."""
    page = as_html(good)
    read = Page(page)
    assert {link.removeprefix("#") for link in read.links} <= read.ids
    assert {"rules", "conditions", "sets", "dates", "states", "edits"} <= read.ids
    assert not re.search(r"https?://|url\((?!#)|@import", page)
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page


def test_the_page_of_a_good_run(good: Report) -> None:
    """It says that all passed, what is covered, which pairs of states were tried, and gives the scenario to paste."""
    text = " ".join(Page(as_html(good)).text.split())
    assert "All passed: 6 scenario cases, 1 promise kept in every possible case" in text
    assert "AZ to TX: 5 cases, a notice owed in 2" in text
    assert "2 of 3,249 pairs have one" in text
    assert "1 would go unnoticed" in text
    assert PASTE in text


def test_the_page_of_a_bad_run(bad: Report) -> None:
    """Failures come with what was expected and found; a hostile sentence is shown as it is and runs nothing."""
    read = Page(as_html(bad))
    text = " ".join(read.text.split())
    assert "2 failed, 5 passed" in text
    assert "[AZSIR0000, NESIR0000] [AZSIR0000, NBSIR0000]" in text
    assert "<script>alert(1)</script>" in text
    assert read.scripts == 1


def test_the_page_without_the_rest(good: Report) -> None:
    """Without coverage and wrong edits the page has no empty parts."""
    ids = Page(as_html(Report(good.trial, AT, 0.25))).ids
    assert "scenarios" in ids
    assert {"rules", "states", "edits"}.isdisjoint(ids)


def test_the_page_of_a_faulty_rulebook() -> None:
    """It shows the problems, escaped."""
    read = Page(refused_as_html("error[R106]: no set <in_us>\n  --> rules/a.yaml:1:2", AT))
    assert "The rulebook cannot be tested" in read.text
    assert "no set <in_us>\n  --> rules/a.yaml:1:2" in read.text


def test_every_form_shows_the_notice_whose_line_was_expected_otherwise(tmp_path: Path) -> None:
    """JSON, JUnit and the page show the nearest line and the whole notice that has it."""
    report = report_of(book_folder(tmp_path, NEAR))
    notice = "AM.VTINS07S0.NBSIR0000.*LN--------.TXT"
    (failure,) = as_json(report)["failures"]
    assert [shown["ori"] for shown in failure["notices"]] == ["AZSIR0000", "NBSIR0000"]
    (junit,) = parsed(as_junit(report)).iter("failure")
    assert "the nearest line is 'NAM/SAMPLE, PAT Q'" in (junit.text or "")
    assert notice in (junit.text or "")
    page = Page(as_html(report)).text
    assert "the nearest line is 'NAM/SAMPLE, PAT Q'" in page
    assert notice in page
