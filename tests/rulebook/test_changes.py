"""The semantic difference of two rulebooks, held against deciding every case one by one."""

from collections import Counter, defaultdict
from datetime import date

import pytest

from app.rulebook.comparing.change_report import as_text
from app.rulebook.comparing.changes import REJECTED, compare, sides
from app.rulebook.comparing.differences import Difference, difference
from app.rulebook.engine.joint import Asked, stretches, total
from app.rulebook.problems.problem import Problems
from app.rulebook.proving.proofs import prove_rules
from app.rulebook.reading.content import Content
from app.trials.rewording import compare_whole
from tests.rulebook.small_books import cut_down, edited, one_by_one

EDITS = {
    "a status more": ("rules/eligibility.yaml", "charge_status:  convicted", "charge_status:  [convicted, pending]"),
    "a rule a day later": ("rules/eligibility.yaml", "from: 2015-06-01", "from: 2015-06-02"),
    "another ORI": ("ref_data/states.yaml", 'ori: "AZSIR0000"', 'ori: "AZDPS0000"'),
    "a state leaves": (
        "ref_data/states.yaml",
        'stage: live, bureau: "Texas',
        'stage: not_joined, bureau: "Texas',
    ),
    "a charge qualifies": ("ref_data/charges.csv", "0301,IMMIGRATION,ILLEGAL ENTRY,C", "0301,IMMIGRATION,ILLEGAL ENTRY,A"),
    "a charge from a day": (
        "ref_data/charges.yaml",
        "changes: []",
        'changes: [{row: "0101", from: 2026-10-01, through: 2027-09-30, set: {tier: A}}]',
    ),
    "no precedence": ("rules/routing.yaml", "    overrides: [LENS-R10]\n", ""),
    "two states leave, a dated change of one": (
        "ref_data/states.yaml",
        "changes: []",
        "changes: [{row: TX, from: 2020-01-01, set: {stage: not_joined}}, {row: AZ, from: 2030-01-01, set: {stage: testing}}]",
    ),
    "a state only tests": ("ref_data/states.yaml", 'stage: live, bureau: "Texas', 'stage: testing, bureau: "Texas'),
    "a line less": ("rules/messages.yaml", '      - "NO ENFORCEMENT ACTION MAY BE BASED SOLELY ON THIS NOTICE."\n', ""),
    "a line for late notices": ("rules/messages.yaml", 'text: "LATE NOTICE"', 'text: "LATE  NOTICE"'),
    "another state printed": ("rules/messages.yaml", "FROM STATE/{release_state}", "FROM STATE/{residence_state}"),
    "another condition": ("rules/messages.yaml", "only: residence_stated", "only: late"),
    "shorter lines": ("rules/messages.yaml", "line_length: 72", "line_length: 60"),
    "the other outcome": ("rules/eligibility.yaml", "outcome: hold_for_review}", "outcome: do_not_notify}"),
    "another code": ("rules/routing.yaml", "code: no-residence-state", "code: ask-residence"),
    "routing reads the reason": (
        "rules/routing.yaml",
        "    when: {residence_state: {in: states.unknown}}",
        "    when: {residence_state: {in: states.unknown}, release_reason: OSUP}",
    ),
}
EDITS |= {
    f"a fact says {put}": ("rules/facts.yaml", find, put)
    for find, put in (
        ("when_unknown: unknown_flag", "when_unknown: none"),
        ("release_reasons, when_unknown: unknown", "release_reasons, when_unknown: DEP"),
        ("release_reasons, when_unknown: unknown", "release_reasons, when_unknown: OSUP"),
        ("when_missing: not_stated", "when_missing: convicted"),
        ("holds,           when_missing: none", "holds,           when_missing: juvenile"),
        ("when_missing: ZZ,   when_unknown: reject", "when_missing: AZ,   when_unknown: TX"),
        ("states,          when_unknown: reject", "states,          when_unknown: MP"),
    )
}
READS = (
    "rules/routing.yaml",
    "reads: [release_state, residence_state]",
    "reads: [release_state, residence_state, release_reason]",
)


TODAY = date(2026, 11, 24)


@pytest.mark.parametrize("name", EDITS)
def test_counts_are_those_of_deciding_every_case(name: str) -> None:
    """Changed and reworded cases, those of days before today, and each group's values are as found by deciding each case alone."""
    more = [READS] if "reads the reason" in name else []
    old, new = cut_down(edited(*more)), cut_down(edited(*more, EDITS[name]))
    assert_as_one_by_one(old, new)
    found = compare(old, new)
    assert found.changed + found.reworded > 0


def assert_as_one_by_one(old: Content, new: Content) -> None:
    """What `compare` finds is what deciding every case alone finds: all counts, and the values that each group touches."""
    counted: Counter[Difference] = Counter()
    past: Counter[bool] = Counter()
    values: defaultdict[Difference, set[tuple[str, str]]] = defaultdict(set)
    cases = 0
    for case in one_by_one(old, new):
        cases += 1
        found = difference(case.before, case.after)
        if found is None:
            assert case.before.effect == case.after.effect
            continue
        assert found.reworded == (case.before.effect == case.after.effect)
        counted[found] += 1
        past[found.reworded] += case.first < TODAY
        values[found] |= set(case.values.items())
    changes = compare(old, new)
    assert changes.cases == cases
    assert {key: group.count for key, group in changes.groups.items()} == counted
    assert changes.before(TODAY) == (past[False], past[True])
    for key, group in changes.groups.items():
        assert group.touched == _touched(old, new, values[key])
        assert difference(group.before, group.after) == key


def _touched(old: Content, new: Content, pairs: set[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """The values of each fact among these, for the facts that do not have every value of both rulebooks among them."""
    before, _ = next(sides(old, new))
    touched = {}
    for fact in before.view.facts:
        domain = before.view.domain(fact)
        found = tuple(value for value in domain if (fact, value) in pairs)
        if found != domain:
            touched[fact] = found
    return touched


def test_rows_that_one_rulebook_lacks_count_as_what_it_makes_of_them() -> None:
    """A new charge was unknown before; a new state was refused before."""
    new_charge = ("ref_data/charges.csv", "0101,SOVEREIGNTY,TREASON,B", "0101,SOVEREIGNTY,TREASON,B\n0100,INVENTED,INVENTED,A")
    gone_state = ("ref_data/states.yaml", "  TX: {", "  XX: {")
    for edit, more, outcome in (
        (new_charge, {"charges": ("0100",)}, "hold_for_review"),
        (gone_state, {"states": ("XX",)}, REJECTED),
    ):
        old, new = cut_down(edited(), **more), cut_down(edited(edit), **more)
        counted = sum(case.before.effect != case.after.effect for case in one_by_one(old, new))
        found = compare(old, new)
        assert found.changed == counted
        assert outcome in {group.before.outcome for group in found.groups.values()}


def test_an_example_of_a_group_really_changes() -> None:
    """The case shown for a group has its answers, before and after."""
    found = compare(edited(), edited(EDITS["a status more"]))
    for group in found.groups.values():
        assert group.example["charge_status"] == "pending"
        assert group.before.effect != group.after.effect


def test_nothing_changes_between_a_rulebook_and_itself() -> None:
    """A rulebook does not differ from itself, over all of its 4,578,438,816 cases."""
    found = compare(edited(), edited())
    assert (found.cases, found.changed) == (4_578_438_816, 0)


def test_stretches_add_up_to_all_cases() -> None:
    """Every case is in exactly one stretch, so the counts add up to the product of the tables' sizes."""
    content = edited()
    for view in content.views():
        asked = tuple(Asked(table, view) for table in content.decisions())
        assert sum(stretch.count for stretch in stretches(view, asked)) == total(view)


def test_an_overlap_is_counted_exactly() -> None:
    """Without its `overrides` E30 clashes with E10 in 147 charges x 12 reasons x 6 flags x 57 x 57 states."""
    content = edited(("rules/eligibility.yaml", "    overrides: [LENS-E10]\n", ""))
    problems = Problems()
    prove_rules(*content.decisions(), content.suite, content.views(), problems)
    overlap = next(problem for problem in problems.sorted() if problem.code == "R201")
    assert overlap.cases == 147 * 12 * 6 * 57 * 57


def test_a_flag_that_nobody_knows_is_counted_where_it_becomes_no_flag() -> None:
    """The cases of unknown flags are those of one row more: 147 charges, 12 reasons that owe a notice, 57 x 57 states, and earlier days too."""
    new = edited(("rules/facts.yaml", "when_unknown: unknown_flag", "when_unknown: none"))
    found = compare(edited(), new)
    told = [group for group in found.groups.values() if group.after.outcome == "notify"]
    assert found.changed == found.before(TODAY).changed > 0
    assert {group.touched["hold"] for group in told} == {("a code in no table",)}
    assert {group.example["hold"] for group in told} == {"a code in no table"}
    assert all(group.before.outcome == "hold_for_review" for group in told)


@pytest.mark.parametrize("name", [name for name in EDITS if name.startswith("a fact says")])
def test_what_facts_count_otherwise_can_be_shown(name: str) -> None:
    """The report of such a change can be made, with the notices of its examples."""
    compared = compare_whole(edited(), edited(EDITS[name]), TODAY)
    assert "in no table" in as_text(compared) or "nothing stated" in as_text(compared)
    assert compared.changes.changed > 0
