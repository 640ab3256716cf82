from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.rulebook.comparing.change_report import Compared, as_json, as_markdown, as_text
from app.rulebook.comparing.change_report_html import as_html
from app.rulebook.comparing.safeguards import losses
from app.trials.rewording import compare_whole
from tests.rulebook.small_books import edited

SCENARIOS = "rules/scenarios/release_test.yaml"
MESSAGES = "rules/messages.yaml"
HOLD = "Nothing is ever sent for a person with a hold"
NEBRASKA = """  - name: Nebraska is NB on Nlets
    but: {residence_state: NE}
    expect: {sends_to: [AZSIR0000, NBSIR0000]}
"""
PROTECTED = "A protected person is never announced by machine"
NO_HOLD = f"  - name: {HOLD}\n    when: {{hold: {{not: none}}}}\n    expect: {{sends: []}}\n"

Told = list[tuple[str, str, str]]

LOST: dict[str, tuple[list[tuple[str, str, str]], Told]] = {
    "a scenario less": ([(SCENARIOS, NEBRASKA, "")], [("scenario", "gone", "Nebraska is NB on Nlets")]),
    "a case less": (
        [(SCENARIOS, "[pending, dismissed, not_stated]", "[pending, dismissed]")],
        [("scenario", "weaker", "A charge without a conviction")],
    ),
    "another case under the same name": (
        [(SCENARIOS, "    but: {residence_state: NE}\n", "    but: {residence_state: NV}\n")],
        [("scenario", "weaker", "Nebraska is NB on Nlets")],
    ),
    "less expected": (
        [(SCENARIOS, "because: [LENS-E30], beaten: [LENS-E10], sends: []}", "because: [LENS-E30]}")],
        [("scenario", "weaker", PROTECTED)],
    ),
    "a key less of what is sent": (
        [(SCENARIOS, "copy: departing, ori: AZSIR0000, message: NOTICE}", "ori: AZSIR0000, message: NOTICE}")],
        [("scenario", "weaker", "Released in Arizona, going to Texas, both states are told")],
    ),
    "a promise less": ([(SCENARIOS, NO_HOLD, "")], [("promise", "gone", HOLD)]),
    "a promise of less": (
        [(SCENARIOS, "when: {hold: {not: none}}", "when: {hold: {not: [none, asylum]}}")],
        [("promise", "weaker", HOLD)],
    ),
    "a promise of a smaller set": (
        [
            (SCENARIOS, "release_reasons.left_us}}", "release_reasons.left_soon}}"),
            (
                "ref_data/release_reasons.yaml",
                "  left_us: ",
                "  left_soon: {where: {kind: left_us}, except: [DEP]}\n  left_us: ",
            ),
        ],
        [("promise", "weaker", "Nothing is ever sent for someone who left the country")],
    ),
    "an alternative more": (
        [(SCENARIOS, "{work_item: {to: release_state}}]", "{work_item: {to: release_state}}, {work_item: {code: no-ori}}]")],
        [("promise", "weaker", "A notice owed reaches the state of release, or a person is asked")],
    ),
    "a text less": ([(MESSAGES, "    - 'DOB/{date_of_birth}'\n", "")], [("must_say", "gone", "NOTICE")]),
    "a text shorter": ([(MESSAGES, "    - 'DOB/{date_of_birth}'\n", "    - 'DOB'\n")], [("must_say", "gone", "NOTICE")]),
    "fewer possible": ([(MESSAGES, "keep_possible: 25", "keep_possible: 24")], [("keep_possible", "weaker", "charge_code")]),
    "rows in no set": (
        [("ref_data/holds.yaml", "every_row_in_a_set: yes", "every_row_in_a_set: no")],
        [("check", "gone", "every_row_in_a_set of holds")],
    ),
    "an ORI of any state": (
        [("ref_data/states.yaml", ", starts_with: nlets}", "}")],
        [("check", "gone", "starts_with of states.ori")],
    ),
    "routing reads more": (
        [("rules/routing.yaml", "reads: [release_state, residence_state]", "reads: [release_state, residence_state, hold]")],
        [("check", "weaker", "reads of routing")],
    ),
}


@pytest.mark.parametrize(("edits", "told"), LOST.values(), ids=list(LOST))
def test_what_guards_no_longer_is_told(edits: list[tuple[str, str, str]], told: Told) -> None:
    """By its kind and name; the other way round, where it comes, nothing is lost."""
    old, new = edited(), edited(*edits)
    assert [(loss.kind, loss.change, loss.name) for loss in losses(old, new)] == told
    back = [(loss.kind, loss.change) for loss in losses(new, old)]
    assert back == [] or told[0][1] == "weaker"


KEPT: dict[str, list[tuple[str, str, str]]] = {
    "renamed": [(SCENARIOS, "Nebraska is NB on Nlets", "On Nlets Nebraska is NB")],
    "a promise renamed": [(SCENARIOS, HOLD, "A hold stops every notice")],
    "moved": [(SCENARIOS, NEBRASKA, ""), ("rules/scenarios/words_test.yaml", "scenarios:\n", f"scenarios:\n{NEBRASKA}")],
    "split": [
        (
            SCENARIOS,
            "    for_each: {charge_status: [pending, dismissed, not_stated]}\n    expect: {outcome: do_not_notify, sends: []}\n",
            (
                "    for_each: {charge_status: [pending, dismissed]}\n    expect: {outcome: do_not_notify, sends: []}\n\n"
                "  - name: Nothing is known of the charge\n    but: {charge_status: not_stated}\n"
                "    expect: {outcome: do_not_notify, sends: []}\n"
            ),
        )
    ],
    "a promise split": [
        (
            SCENARIOS,
            NO_HOLD,
            (
                "  - name: No notice for a child\n    when: {hold: juvenile}\n    expect: {sends: []}\n"
                "  - name: No notice for anybody else with a hold\n    when: {hold: {not: [none, juvenile]}}\n    expect: {sends: []}\n"
            ),
        )
    ],
    "a promise of more": [
        (
            SCENARIOS,
            "    when: {hold: {not: none}}\n    expect: {sends: []}",
            "    when: {hold: {not: none}}\n    expect: {outcome: hold_for_review}",
        )
    ],
    "reworded with its scenario": [
        (MESSAGES, "INFORMATION ONLY", "FOR INFORMATION"),
        ("rules/scenarios/words_test.yaml", "INFORMATION ONLY", "FOR INFORMATION"),
    ],
    "a longer text": [(MESSAGES, "- 'DOB/{date_of_birth}'", "- 'DOB/{date_of_birth} POB/'")],
    "more expected": [
        (SCENARIOS, "expect: {sends_to: [AZSIR0000, NBSIR0000]}", "expect: {outcome: notify, sends_to: [AZSIR0000, NBSIR0000]}")
    ],
}


@pytest.mark.parametrize("edits", KEPT.values(), ids=list(KEPT))
def test_what_only_looks_otherwise_is_not_lost(edits: list[tuple[str, str, str]]) -> None:
    """Another name, another file, two for one: it still guards the same."""
    assert losses(edited(), edited(*edits)) == ()


def test_what_cannot_be_read_is_not_called_gone() -> None:
    """A scenario and a promise with a fault stand in the file: they guard nothing, and somebody is told why."""
    new = edited(
        (SCENARIOS, "but: {residence_state: NE}", "but: {residence_state: NX}"),
        (SCENARIOS, "{hold: {not: none}}", "{hold: {nit: none}}"),
    )
    assert [(loss.kind, loss.change, loss.name) for loss in losses(edited(), new)] == [
        ("scenario", "weaker", "Nebraska is NB on Nlets"),
        ("promise", "weaker", HOLD),
    ]
    assert all("cannot be read" in loss.what for loss in losses(edited(), new))


FORMS: dict[str, Callable[[Compared], str]] = {
    "text": as_text,
    "markdown": as_markdown,
    "html": as_html,
    "json": lambda compared: str(as_json(compared)),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_says_it_first(form: str) -> None:
    """The counts and the names stand before the number of cases."""
    new = edited((SCENARIOS, NEBRASKA, ""), (SCENARIOS, NO_HOLD, ""), (MESSAGES, "    - 'DOB/{date_of_birth}'\n", ""))
    told = FORMS[form](compare_whole(edited(), new, date(2026, 11, 25)))
    if form != "json":
        counts = "1 scenario, 1 promise and 1 text that a message must say are gone"
        assert 0 < told.index(counts) + 1 <= told.index("cases change")
    assert "Nebraska is NB on Nlets" in told
    assert HOLD in told


@settings(max_examples=20, deadline=None)
@given(
    st.sets(st.sampled_from(["section_1367", "asylum", "juvenile", "sealed", "citizenship_claim", "unknown_flag"]), min_size=1)
)
def test_a_promise_is_held_against_another_over_every_case(left_out: set[str]) -> None:
    """The cases that a narrower promise leaves out are counted exactly."""
    words = ", ".join(["none", *sorted(left_out)])
    new = edited((SCENARIOS, "when: {hold: {not: none}}", f"when: {{hold: {{not: [{words}]}}}}"))
    (lost,) = losses(edited(), new)
    each = 4_578_438_816 // 7
    assert f"in {each * len(left_out):,} of its {each * 6:,} cases" in lost.what
