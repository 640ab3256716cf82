from collections import Counter
from dataclasses import replace
from datetime import date
from itertools import combinations, product

import pytest

from app.rulebook.comparing.change_report import as_json, as_markdown, as_text
from app.rulebook.comparing.change_report_html import as_html
from app.rulebook.comparing.changes import Due, compare, sides
from app.rulebook.comparing.handling import Handling, handling
from app.rulebook.language.evaluate import Verdict, evaluate, strongest
from app.rulebook.language.model import CONVICTION_FACTS
from app.rulebook.reading.content import Content
from app.trials.rewording import compare_whole
from tests.rulebook.small_books import cut_down, edited, one_by_one

HOLDS, STATES, ROUTING = "ref_data/holds.yaml", "ref_data/states.yaml", "rules/routing.yaml"
ELIGIBILITY, MESSAGES = "rules/eligibility.yaml", "rules/messages.yaml"
TODAY = date(2026, 11, 25)
OUTCOMES = "[notify, hold_for_review, do_not_notify]"


def told(old: Content, new: Content) -> tuple[Handling, ...]:
    """What is handled otherwise."""
    return handling(old, new, compare(old, new))


ASYLUM = ('8 CFR 208.6", stops: yes, lift: two_people', '8 CFR 208.6", stops: yes, lift: one_person')
JUVENILE = '  juvenile:          {text: "Juvenile", stops: yes, lift: one_person}\n'

CHANGES: dict[str, tuple[list[tuple[str, str, str]], tuple[str, str, str, tuple[str, ...]], str]] = {
    "one person lifts": (
        [(HOLDS, *ASYLUM)],
        ("lift", "two_people", "one_person", ("asylum",)),
        "1 flag is lifted by one person instead of two people: asylum",
    ),
    "an ORI not confirmed any more": (
        [(STATES, "changes: []", "changes: [{row: AL, from: 2027-01-01, set: {ori_status: confirmed}, authority: {cite: x}}]")],
        ("ori_status", "generic", "confirmed", ("AL",)),
        "ori_status of 1 state was generic and becomes confirmed: AL (released from 2027-01-01 on)",
    ),
    "a flag taken out": (
        [(HOLDS, JUVENILE, "")],
        ("lift", "one_person", "two_people", ("juvenile",)),
        "1 flag is lifted by two people instead of one person: juvenile",
    ),
    "words not watched": (
        [(MESSAGES, "  SHOOT, DISREGARD,\n", "")],
        ("watch_words", "watched", "", ("SHOOT", "DISREGARD")),
        "2 of the watch_words are no longer watched: SHOOT, DISREGARD",
    ),
    "flags in another order": (
        [(HOLDS, JUVENILE, ""), (HOLDS, "  section_1367: ", JUVENILE + "  section_1367: ")],
        (
            "flag_order",
            "section_1367, asylum, juvenile, sealed, citizenship_claim, unknown_flag, none",
            "juvenile, section_1367, asylum, sealed, citizenship_claim, unknown_flag, none",
            ("juvenile", "section_1367", "asylum"),
        ),
        "of several on a release another one may stand",
    ),
}


@pytest.mark.parametrize(("edits", "change", "words"), CHANGES.values(), ids=list(CHANGES))
def test_what_decides_about_people_is_told(
    edits: list[tuple[str, str, str]], change: tuple[str, str, str, tuple[str, ...]], words: str
) -> None:
    """The setting, before and after, what it is about, and all of it in words; in every form of the diff."""
    compared = compare_whole(edited(), edited(*edits), TODAY)
    found = compared.handling[0]
    assert (found.setting, found.before, found.after, found.values) == change
    assert found.count == len(found.values)
    assert words in found.what
    for form in (as_text, as_markdown, as_html):
        assert "how people and messages are handled change" in form(compared)
        assert words in form(compared)
    assert as_json(compared)["handling"][0]["what"] == found.what


def test_rows_that_are_gone_or_new_are_told() -> None:
    """With their count, and by name; the codes of a sensitive table are not put into words, which a log has."""
    burglary = "2202,BURGLARY,BURGL - FORCED ENTRY-RESID,B\n"
    old, new = edited(), edited((HOLDS, JUVENILE, ""), ("ref_data/charges.csv", burglary, ""))
    gone, come = ([change for change in told(*pair) if change.setting.startswith("rows")] for pair in ((old, new), (new, old)))
    assert [(change.values, change.what) for change in gone] == [
        (("2202",), "1 row of charges is gone"),
        (("juvenile",), "1 row of holds is gone: juvenile"),
    ]
    assert {change.what for change in come} == {"1 row of charges is new", "1 row of holds is new: juvenile"}


def test_due_times_are_counted_as_one_by_one() -> None:
    """Whoever is told or asked by another time: in exactly the cases in which it is so, deciding every case alone."""
    few = {"charges": ("0901", "none", "unknown"), "release_reasons": ("OSUP", "unknown"), "holds": ("juvenile", "none")}
    old = _few(edited(), few)
    new = _few(
        edited(
            (
                ROUTING,
                'copy: only, ori: "{release_state.ori}", message: NOTICE, within: 30m',
                'copy: only, ori: "{release_state.ori}", message: NOTICE, within: 2h',
            ),
            (ROUTING, "code: no-residence-state, within: 1h", "code: no-residence-state"),
        ),
        few,
    )
    counted: Counter[Due] = Counter()
    for case in one_by_one(old, new):
        for what, seconds in case.before.due.items():
            if what in case.after.due and case.after.due[what] != seconds:
                counted[Due(*what, seconds, case.after.due[what])] += 1
    assert compare(old, new).dues == counted
    words = [change.what for change in told(old, new)]
    assert any(
        "the notice to the release state is due within 30m before and is due within 2h now, in" in each for each in words
    )
    assert any(
        "no-residence-state about the residence state is due within 1h before and has no due time now, in" in each
        for each in words
    )
    assert sorted(change.count for change in told(old, new)) == sorted(counted.values())


def pairs_one_by_one(old: Content, new: Content) -> int:
    """The cases of two convictions that are decided otherwise though neither alone is: each decided by itself, before today."""
    count = 0
    for before, after in sides(old, new):
        if before.view.first >= TODAY:
            continue
        shared = [fact for fact in before.view.facts if fact not in CONVICTION_FACTS]
        for values in product(*map(before.view.domain, shared)):
            release = dict(zip(shared, values, strict=True))
            verdicts: list[tuple[Verdict, Verdict]] = []
            for pair in product(*map(before.view.domain, CONVICTION_FACTS)):
                case = release | dict(zip(CONVICTION_FACTS, pair, strict=True))
                if any(side.rejects(fact, value) for side in (before, after) for fact, value in case.items()):
                    continue
                now, then = (evaluate(side.content.eligibility, side.view, case) for side in (before, after))
                verdicts.append((now, then))
            for first, second in combinations(verdicts, 2):
                alike = all(was.outcome == becomes.outcome for was, becomes in (first, second))
                was = strongest(before.content.eligibility, (first[0], second[0]))
                becomes = strongest(after.content.eligibility, (first[1], second[1]))
                count += alike and was.outcome != becomes.outcome
    return count


@pytest.mark.parametrize(
    "edits",
    [
        [(ELIGIBILITY, OUTCOMES, "[hold_for_review, notify, do_not_notify]")],
        [(ELIGIBILITY, OUTCOMES, "[do_not_notify, hold_for_review, notify]")],
        [
            (ELIGIBILITY, OUTCOMES, "[hold_for_review, notify, do_not_notify]"),
            ("ref_data/charges.csv", "0301,", "0302,"),
            (ELIGIBILITY, "charge_status: {not: convicted}", "charge_status: {not: [convicted, pending]}"),
        ],
    ],
    ids=["two change places", "the other way round", "with other changes"],
)
def test_the_order_of_outcomes_is_counted_as_one_by_one(edits: list[tuple[str, str, str]]) -> None:
    """In cases of two convictions, each answered as before; what is said first, and counts among what changes the past."""
    few = {"charges": ("0901", "0301", "0302", "none", "unknown"), "states": ("AZ", "ZZ"), "holds": ("juvenile", "none")}
    old, new = (_few(content, few) for content in (edited(), edited(*edits)))
    compared = compare_whole(old, new, TODAY)
    pairs = pairs_one_by_one(old, new)
    assert compared.past_pairs == pairs > 0
    found = as_json(compared)
    assert found["outcome_order"]["past"] == pairs
    assert found["past"] == pairs + compared.past.changed
    for form in (as_text, as_markdown, as_html):
        text = form(compared)
        assert 0 < text.index("Earlier days change too") + 1 <= text.index("The order of the outcomes was")
        assert text.index("The order of the outcomes was") < text.index("cases of one conviction change")
        assert f"in {pairs:,} cases of two convictions" in text


def _few(content: Content, kept: dict[str, tuple[str, ...]]) -> Content:
    """A rulebook with so few rows that every two convictions can be looked at."""
    small = cut_down(content, charges=("0302",))
    tables = dict(small.tables)
    for name, rows in kept.items():
        left = {key: row for key, row in tables[name].rows.items() if key in rows}
        tables[name] = replace(tables[name], rows=left)
    return replace(small, tables=tables)
