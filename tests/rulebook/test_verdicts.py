"""The engine, the plain evaluator and the look-up table give the same verdicts: on random rulebooks and on the shipped one."""

from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.rulebook.engine.cases import representatives
from app.rulebook.engine.durable import Network
from app.rulebook.engine.verdicts import EngineDisagreement, LookUp, all_verdicts, compile_table
from app.rulebook.language.evaluate import evaluate, match, settle
from app.rulebook.language.model import CONVICTION_FACTS, DecisionTable
from tests.rulebook.random_rules import FACTS, FEWER, long_tables, regimes, tables, values_of
from tests.rulebook.shipped import shipped

ANY_VALUES = st.lists(values_of(FACTS), min_size=1, max_size=8)


@FEWER
@given(st.data(), tables(), ANY_VALUES)
def test_the_engine_holds_what_the_rules_say(data: st.DataObject, table: DecisionTable, cases: list[dict[str, str]]) -> None:
    """durable_rules and the plain evaluator find the same rules for any rules, on any day, for any values."""
    program = compile_table(table)
    network = Network(program.rules)
    try:
        for view in data.draw(regimes(table)):
            for values in cases:
                held = network.holding(program.flags(view, values))
                assert held == tuple(rule.id for rule in match(table, view, values))
    finally:
        network.close()


@FEWER
@given(st.data(), tables(), ANY_VALUES)
def test_a_representative_stands_for_each_case(data: st.DataObject, table: DecisionTable, cases: list[dict[str, str]]) -> None:
    """The counts add up to all combinations of values, and any case has the verdict of the representative with its key."""
    program = compile_table(table)
    for view in data.draw(regimes(table)):
        axes = program.axes(view)
        found = list(representatives(axes))
        verdicts = {axes.key(case.values): evaluate(table, view, case.values) for case in found}
        assert len(verdicts) == len(found)
        assert sum(case.count for case in found) == prod(len(view.domain(fact)) for fact in table.reads)
        for values in cases:
            assert verdicts[axes.key(values)] == evaluate(table, view, values)


@settings(max_examples=8)
@given(st.data(), st.one_of(tables(most=4), long_tables()), ANY_VALUES)
def test_verdicts_found_at_load_are_those_of_the_rules(
    data: st.DataObject, table: DecisionTable, cases: list[dict[str, str]]
) -> None:
    """What durable_rules decided in its own process is looked up, and is what the evaluator says of any case, however many rules."""
    look_ups, differences = all_verdicts((table,), data.draw(regimes(table)))
    assert differences == ()
    for look_up in look_ups["eligibility"]:
        for values in cases:
            verdict = evaluate(table, look_up.view, values)
            pair = (values[CONVICTION_FACTS[0]], values[CONVICTION_FACTS[1]])
            assert look_up.verdicts_of(values, (pair,)) == [verdict]
            assert look_up.decide_twice(values) == verdict
    network = look_ups["eligibility"][0].network
    assert network is not None
    network.close()


@FEWER
@given(st.lists(values_of(FACTS), min_size=8, max_size=8))
def test_the_shipped_rulebook_is_looked_up(cases: list[dict[str, str]]) -> None:
    """In the shipped rulebook no case is missing from the table, and each has the evaluator's verdict."""
    for look_up in (*shipped().eligibility, *shipped().routing):
        for values in cases:
            assert look_up.verdicts[look_up.axes.key(values)] == evaluate(look_up.program.table, look_up.view, values)


@given(tables(), values_of(FACTS))
def test_precedence(table: DecisionTable, values: dict[str, str]) -> None:
    """A rule stands when none that overrides it, directly or through others, holds too; the rest is beaten; none is lost."""
    holding = match(table, shipped().routing[-1].view, values)
    verdict = settle(table, holding)
    by_id = {rule.id: rule for rule in table.rules}

    def beats(winner: str, loser: str) -> bool:
        return loser in by_id[winner].overrides or any(beats(step, loser) for step in by_id[winner].overrides)

    beaten = {rule.id for rule in holding if any(beats(other.id, rule.id) for other in holding)}
    assert {rule.id for rule in verdict.beaten} == beaten
    assert {rule.id for rule in verdict.rules} == ({rule.id for rule in holding} - beaten or {table.otherwise.id})


def broken_look_up(shipped_one: LookUp, network: Network | None, *, empty: bool = True) -> LookUp:
    """A look-up as shipped, but with another network, and with no verdict known if `empty`."""
    return LookUp(
        view=shipped_one.view,
        program=shipped_one.program,
        network=network,
        axes=shipped_one.axes,
        verdicts={} if empty else shipped_one.verdicts,
    )


ROUTED = {"release_state": "AZ", "residence_state": "TX"}


def test_a_verdict_not_known_is_found_twice() -> None:
    """A miss of the table is decided by durable_rules and shadowed by the evaluator, with the same verdict as looked up."""
    known = shipped().routing[-1]
    assert broken_look_up(known, known.network).verdict(ROUTED) == known.verdict(ROUTED)


def test_another_answer_of_the_engine_is_a_disagreement() -> None:
    """A network that holds other rules than the table says is not believed, and neither is the evaluator alone."""
    known = shipped().routing[-1]
    network = Network([(id, [*flags, "never"]) for id, flags in known.program.rules])
    with pytest.raises(EngineDisagreement, match="differ on routing"):
        broken_look_up(known, network).verdict(ROUTED)
    network.close()


def test_an_engine_that_is_gone_is_a_disagreement() -> None:
    """A network that has been closed cannot be asked any more, and its silence is not taken for an answer."""
    known = shipped().routing[-1]
    network = Network(known.program.rules)
    network.close()
    with pytest.raises(EngineDisagreement):
        broken_look_up(known, network).verdict(ROUTED)


def test_a_known_verdict_needs_no_engine() -> None:
    """What was found at load is looked up, whatever has become of the engine since."""
    known = shipped().routing[-1]
    network = Network(known.program.rules)
    network.close()
    assert broken_look_up(known, network, empty=False).verdict(ROUTED) == known.verdict(ROUTED)
