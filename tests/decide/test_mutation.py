"""Mutation: each wrong edit is judged rightly, and a survivor comes with a scenario that kills it."""

from dataclasses import replace

import pytest

from app.rulebook.book import prove, tried
from app.rulebook.comparing.changes import compare
from app.rulebook.files.source import SourceFile
from app.rulebook.language.scenarios import Suite
from app.rulebook.problems.problem import Problems
from app.rulebook.reading.content import Content, read_content, read_suite
from app.trials.mutants import Mutant, mutants
from app.trials.mutation import Judge, Judged
from app.trials.suite import run
from tests.rulebook.small_books import edited, shipped_files

EVERY = 97
"""Of the edits of rows, one in so many is judged here; `lens test --mutation` judges all."""


@pytest.fixture(scope="module")
def content() -> Content:
    """The shipped rulebook."""
    return edited()


def some(content: Content) -> list[Mutant]:
    """All edits of rules, and some of sets and rows."""
    return [mutant for place, mutant in enumerate(mutants(content)) if mutant.row is None or place % EVERY == 0]


def test_the_shipped_scenarios_leave_no_survivor(content: Content) -> None:
    """Every wrong edit tried is refused, killed or proved harmless."""
    judge = Judge(content)
    survivors = [judged for judged in map(judge.judge, some(content)) if judged.verdict == "survived"]
    assert survivors == []


def test_the_short_ways_judge_as_the_long_way(content: Content) -> None:
    """Judging only what an edit can touch, and sharing proofs among like rows, gives what doing everything anew gives."""
    judge = Judge(content)
    for mutant in [mutant for mutant in some(content) if mutant.row is not None][::3]:
        if mutant.row is not None and mutant.row[1] in mutant.content.tables[mutant.row[0]].rows:
            assert judge.judge(mutant).verdict == _judged_plainly(content, mutant), mutant.edit


def _judged_plainly(content: Content, mutant: Mutant) -> str:
    """The verdict with no short way taken: all files read again in the light of the edit, all proofs, scenarios and cases."""
    problems = Problems()
    edited_content = replace(mutant.content, suite=read_suite(mutant.content, problems))
    views = edited_content.views()
    prove(edited_content, views, problems)
    if problems.has_errors:
        return "refused"
    book = tried(edited_content, views)
    if any(run(book, scenario).faults for scenario in edited_content.suite.scenarios):
        return "killed"
    return "survived" if compare(content, edited_content).groups else "equivalent"


def test_equivalent_edits_change_nothing_and_killed_ones_fail_a_scenario(content: Content) -> None:
    """The verdicts of edits of rules are true: compared over all cases, and run against all scenarios."""
    judge = Judge(content)
    for mutant in [mutant for mutant in mutants(content) if mutant.row is None][::9]:
        judged = judge.judge(mutant)
        if judged.verdict == "equivalent":
            assert not compare(content, mutant.content).groups, mutant.edit
        if judged.verdict == "killed":
            book = tried(mutant.content, mutant.content.views())
            assert any(run(book, scenario).faults for scenario in content.suite.scenarios), mutant.edit


def test_a_survivor_comes_with_a_scenario_that_kills_it(content: Content) -> None:
    """Without scenarios every harmful edit survives; its scenario, pasted in, passes before the edit and fails after it."""
    bare = replace(content, suite=Suite((), content.suite.promises, content.suite.given), scenario_nodes=())
    judge = Judge(bare)
    for mutant in list(mutants(bare))[10:60:7]:
        judged = judge.judge(mutant)
        if judged.scenario is None:
            continue
        pasted = _with_scenario(judged)
        problems = Problems()
        suite = read_suite(pasted, problems)
        assert not problems.found
        scenario = suite.scenarios[-1]
        assert not run(tried(content, content.views()), scenario).faults, judged.scenario
        assert run(tried(mutant.content, mutant.content.views()), scenario).faults, judged.scenario


def test_an_edit_of_words_that_survives_comes_with_a_scenario_that_kills_it(content: Content) -> None:
    """Without scenarios and `must_say` every edit of a line survives; its scenario passes before the edit and fails after it."""
    bare = replace(
        content,
        suite=Suite((), content.suite.promises, content.suite.given),
        scenario_nodes=(),
        messages=replace(content.messages, must_say={}),
    )
    judge = Judge(bare)
    seen = 0
    for mutant in [mutant for mutant in mutants(bare) if mutant.words][::5]:
        judged = judge.judge(mutant)
        if judged.verdict != "survived":
            continue
        assert judged.scenario is not None, mutant.edit
        scenario = read_suite(_with_scenario(judged), Problems()).scenarios[-1]
        assert not run(tried(content, content.views()), scenario).faults, judged.scenario
        assert run(tried(mutant.content, mutant.content.views()), scenario).faults, judged.scenario
        seen += 1
    assert seen > 10


def test_a_live_state_that_tests_by_mistake_is_noticed(content: Content) -> None:
    """The stage of a state only changes words: a scenario fails, and where none would, one is written out."""
    edit = "TX: stage testing instead of live"
    mutant = next(mutant for mutant in mutants(content) if mutant.edit == edit)
    assert Judge(content).judge(mutant).verdict == "killed"
    bare = replace(content, suite=Suite((), content.suite.promises, content.suite.given), scenario_nodes=())
    judged = Judge(bare).judge(next(mutant for mutant in mutants(bare) if mutant.edit == edit))
    assert judged.verdict == "survived"
    assert judged.scenario is not None
    assert 'no_text: ["TEST NOTICE - PILOT OPERATION"]' in judged.scenario


def test_deleting_what_must_be_said_is_refused(content: Content) -> None:
    """A line with words under `must_say` cannot go, be cut or be made conditional."""
    judge = Judge(content)
    caveat = [mutant for mutant in mutants(content) if mutant.words and "NO ENFORCEMENT" in mutant.edit]
    assert len(caveat) == 6
    assert {(judged.verdict, judged.by) for judged in map(judge.judge, caveat)} == {("refused", "R273")}


def test_the_order_of_outcomes_is_seen_by_two_convictions(content: Content) -> None:
    """Another order changes no case, as each has one conviction; yet it survives where no scenario has two, and one is written out."""
    bare = replace(content, suite=Suite((), content.suite.promises, content.suite.given), scenario_nodes=())
    turned = [mutant for mutant in mutants(bare) if "in the order" in mutant.edit]
    assert len(turned) == 2
    for mutant in turned:
        judged = Judge(bare).judge(mutant)
        assert judged.verdict == "survived"
        scenario = read_suite(_with_scenario(judged), Problems()).scenarios[-1]
        assert len(scenario.case.convictions) == 2
        assert not run(tried(content, content.views()), scenario).faults
        assert run(tried(mutant.content, mutant.content.views()), scenario).faults


def _with_scenario(judged: Judged) -> Content:
    files = {file.name: file.content for file in shipped_files()}
    name = "rules/scenarios/release_test.yaml"
    head, rest = files[name].split(b"scenarios:\n", 2)[0:1], files[name].split(b"\nalways:", 1)[1]
    start = head[0] if b"given:" in head[0] else files[name].split(b"\nscenarios:\n")[0] + b"\n"
    files[name] = start + f"scenarios:\n  - {judged.scenario}\n\nalways:".encode() + rest
    files.pop("rules/scenarios/tables_test.yaml")
    files.pop("rules/scenarios/words_test.yaml")
    content = read_content(tuple(SourceFile(name, text) for name, text in sorted(files.items())), Problems())
    assert content is not None
    return content


def test_a_survivor_asks_first_which_answer_is_right(content: Content) -> None:
    """What is answered today and with the edit is told before the scenario, since pasting it makes today's answer last."""
    bare = replace(content, suite=Suite((), content.suite.promises, content.suite.given), scenario_nodes=())
    mutant = next(mutant for mutant in mutants(bare) if mutant.edit == "LENS-E99: outcome hold_for_review")
    judged = Judge(bare).judge(mutant)
    assert judged.advice.startswith("today: do_not_notify because LENS-E99; with the edit: hold_for_review because LENS-E99")
    assert "Decide first which is right; if it is today's" in judged.advice


NEW_FLAG = (
    "ref_data/holds.yaml",
    "  none:              {",
    '  trafficking: {text: "A flag that no set names"}\n  none:              {',
)


def test_that_a_protected_person_is_announced_is_never_written_out_to_paste() -> None:
    """A new flag that no set names: the edit that would protect the person survives, and no scenario pins down the notice."""
    content = edited(NEW_FLAG)
    named = [mutant for mutant in mutants(content) if mutant.edit == "`holds.any_hold` also trafficking"]
    judged = Judge(content).judge(named[0])
    assert judged.verdict == "survived"
    assert judged.scenario is None
    assert "a notice goes out about a person with the flag trafficking: decide first whether" in judged.advice
