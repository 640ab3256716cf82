"""Why, and why not: the rules that fired, those beaten and by what, and for the nearest misses the line that failed."""

import json
from datetime import date
from pathlib import Path

import pytest

from app.decide.decide import Decider
from app.decide.explain import Explanation, RuleTrace, Step, as_text, explain
from app.decide.terms import Terms
from tests.decide.deciding import decider, decider_of
from tests.domain.releases import Document, release_document
from tests.rulebook.shipped import ROOT

QUALIFIES = {"charge_code": "0902", "status": "convicted"}
PENDING = {"charge_code": "0101", "status": "pending"}
ELIGIBILITY, ROUTING = "rules/eligibility.yaml", "rules/routing.yaml"


def explained(document: Document, by: Decider | None = None, as_of: date | None = None) -> Explanation:
    """The explanation of a release's decision."""
    chosen = by or decider()
    return explain(chosen, chosen.read(json.dumps(document).encode()), as_of)


def fates(step: Step) -> dict[str, str]:
    """What became of each rule."""
    return {trace.rule: trace.fate for trace in step.rules}


def trace_of(step: Step, rule: str) -> RuleTrace:
    """What became of one rule."""
    return next(trace for trace in step.rules if trace.rule == rule)


def line(file: str, number: int) -> str:
    """A line of a shipped file."""
    return (ROOT / file).read_text().splitlines()[number - 1]


def test_a_notice_for_two_states() -> None:
    """Two steps: the conviction qualifies, then both states are told; each rule stands with its place."""
    explanation = explained(release_document())
    eligibility, routing = explanation.steps
    assert (eligibility.decision, eligibility.answer, routing.decision) == ("eligibility", "notify", "routing")
    assert fates(eligibility) == dict.fromkeys(
        ["LENS-E30", "LENS-E40", "LENS-E45", "LENS-E50", "LENS-E60", "LENS-E99"], "missed"
    ) | {"LENS-E10": "fired"}
    assert [trace.rule for trace in routing.rules if trace.fate == "fired"] == ["LENS-R10", "LENS-R30"]
    for step in explanation.steps:
        for trace in step.rules:
            assert f"id: {trace.rule}" in line(trace.file, trace.line)
    assert eligibility.about == {
        "charge_code": "0902",
        "charge_status": "convicted",
        "release_reason": "OSUP",
        "stay_ended": "yes",
        "hold": "none",
    }


def test_a_beaten_rule_and_its_winner() -> None:
    """A rule that held and was overridden names what beat it."""
    (step,) = explained(release_document(holds=["juvenile"])).steps
    assert fates(step)["LENS-E30"] == "fired"
    assert (trace_of(step, "LENS-E10").fate, trace_of(step, "LENS-E10").by) == ("beaten", ("LENS-E30",))


def test_the_nearest_miss_and_its_line() -> None:
    """A removal misses by the reason alone: the nearest rules are those, each with the line of the file that failed."""
    document = release_document()
    document["stay"]["reason"] = "DEP"
    (step,) = explained(document).steps
    assert fates(step)["LENS-E99"] == "fired"
    nearest = {trace.rule: trace for trace in step.nearest()}
    assert set(nearest) == {"LENS-E10", "LENS-E40", "LENS-E50", "LENS-E60"}
    (failing,) = nearest["LENS-E10"].failing
    assert (failing.fact, failing.found, failing.wanted) == ("release_reason", "DEP", "one of release_reasons.into_us")
    assert failing.file == ELIGIBILITY
    assert line(failing.file, failing.line).strip() == "release_reason: {in: release_reasons.into_us}"
    (failing,) = nearest["LENS-E50"].failing
    assert (failing.found, failing.wanted) == ("convicted", "none of convicted")
    assert "charge_status: {not: convicted}" in line(failing.file, failing.line)


def test_a_comparison_that_failed() -> None:
    """Where two states are compared, the line says with what."""
    routing = explained(release_document()).steps[1]
    failing = trace_of(routing, "LENS-R20").failing
    assert [(part.fact, part.found, part.wanted, part.file) for part in failing] == [
        ("residence_state", "TX", "the same as release_state", ROUTING)
    ]
    assert "residence_state: {same_as: release_state}" in line(ROUTING, failing[0].line)


def test_otherwise_is_no_near_miss() -> None:
    """What has no conditions cannot miss by one, so the nearest are always real rules."""
    for step in explained(release_document()).steps:
        assert all(trace.failing for trace in step.nearest())
        assert step.nearest()


def test_before_the_first_day() -> None:
    """Rules not in force say from when they are; the days without a change around the release are told."""
    explanation = explained(release_document(), as_of=date(2015, 5, 31))
    (step,) = explanation.steps
    assert {fate for rule, fate in fates(step).items() if rule != "LENS-E99"} == {"not_in_force"}
    assert trace_of(step, "LENS-E10").in_force == "in force 2015-06-01 to further notice"
    assert explanation.regime == "the beginning to 2015-05-31"
    assert step.nearest() == ()


def test_each_conviction_has_its_step() -> None:
    """Several convictions are explained one by one, and routing follows when one of them is owed a notice."""
    convictions = [{"charge_code": "2301", "status": "convicted"}, {"charge_code": "1201", "status": "convicted"}]
    explanation = explained(release_document(convictions=convictions))
    assert [(step.decision, step.answer) for step in explanation.steps[:2]] == [
        ("eligibility", "do_not_notify"),
        ("eligibility", "notify"),
    ]
    assert explanation.steps[2].decision == "routing"
    assert [step.about["charge_code"] for step in explanation.steps[:2]] == ["2301", "1201"]


def test_the_rows_that_mattered() -> None:
    """The rows of the tables that the facts name are there as they are on that day, with the sets they are in."""
    rows = {(row.table, row.row): row for row in explained(release_document()).rows}
    assert set(rows) == {
        ("release_reasons", "OSUP"),
        ("holds", "none"),
        ("states", "AZ"),
        ("states", "TX"),
        ("charges", "0902"),
        ("charge_statuses", "convicted"),
    }
    assert rows["states", "TX"].sets == ("routable",)
    assert rows["charges", "0902"].cells["tier"] == "A"


def test_rows_are_those_of_the_day(tmp_path: Path) -> None:
    """A dated change of a row shows from its day on."""
    by = decider_of(
        tmp_path,
        (
            "ref_data/states.yaml",
            "changes: []",
            "changes: [{row: TX, from: 2026-11-23, set: {stage: not_joined}, authority: {cite: Memo}}]",
        ),
    )
    after, before = explained(release_document(), by), explained(release_document(), by, date(2026, 11, 22))
    stages = [next(row for row in found.rows if row.row == "TX").cells["stage"] for found in (before, after)]
    assert stages == ["live", "not_joined"]
    assert (before.regime, after.regime) == ("2015-06-01 to 2026-11-22", "2026-11-23 to further notice")
    assert fates(after.steps[1])["LENS-R30"] == "missed"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {},
            [
                "eligibility: notify",
                "+ LENS-E10 Violent or serious conviction",
                "+ LENS-R30",
                "reference rows:",
                "states TX: name Texas",
            ],
        ),
        ({"holds": ["asylum"]}, ["eligibility: hold_for_review", "- LENS-E10 held, but is overridden by LENS-E30"]),
        (
            {"convictions": []},
            ["+ LENS-E50 No conviction, no notice", ". LENS-E60 missed", "stay_ended is yes, wanted only no"],
        ),
    ],
)
def test_in_words(changes: Document, words: list[str]) -> None:
    """The text for people has the answer, what fired, what was beaten and where the nearest missed."""
    text = as_text(explained(release_document(**changes)))
    assert text.startswith("release EARM-2026-000123, as of 2026-11-23 (rulebook ")
    assert [word for word in words if word not in text] == []


def test_an_explanation_says_what_was_decided() -> None:
    """For any of the examples the rules that fired are those that the decision names."""
    for raw in (ROOT / "docs" / "examples" / "releases.ndjson").read_bytes().splitlines():
        release = decider().read(raw)
        decision = decider().decide(release, release.stay.instant)
        explanation = explain(decider(), release)
        answers = {step.answer for step in explanation.steps if step.decision == "eligibility"}
        fired = {
            trace.rule
            for step in explanation.steps
            for trace in step.rules
            if trace.fate == "fired"
            and step.answer in {decision.outcome, *({step.answer} if step.decision == "routing" else ())}
        }
        assert decision.outcome in answers
        assert fired == {reason.rule for reason in decision.because}


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        (
            {},
            (
                "overall: notify\n  because LENS-E10, LENS-R10, LENS-R30\n"
                "  message to AZ (departing) at AZSIR0000\n  message to TX (receiving) at TXSIR0000"
            ),
        ),
        (
            {"residence": None},
            (
                "overall: notify\n  because LENS-E10, LENS-R10, LENS-R40\n"
                "  message to AZ (departing) at AZSIR0000\n  work item no-residence-state about ZZ (LENS-R40)"
            ),
        ),
        (
            {"holds": ["asylum"], "convictions": [QUALIFIES, PENDING]},
            (
                "overall: hold_for_review, the strongest answer of 2 convictions (hold_for_review, do_not_notify)\n"
                "  because LENS-E30\n  work item review (LENS-E30)\n  no message until a person has acted"
            ),
        ),
    ],
)
def test_the_end_is_what_comes_out_overall(changes: Document, end: str) -> None:
    """The last lines say the outcome of all convictions together, who is told where, and what a person must do."""
    assert as_text(explained(release_document(**changes))).endswith(f"\n\n{end}")


def test_an_address_that_no_state_has_confirmed_holds_the_message_overall() -> None:
    """What the settings keep back is told too, not only what the rules say."""
    careful = Decider(decider().book, Terms(allow_generic_ori=False))
    overall = explained(release_document(), careful).overall
    assert [told.held_because for told in overall.messages] == ["ori-not-confirmed"] * 2
    assert [asked.code for asked in overall.work_items] == ["ori-not-confirmed"] * 2
