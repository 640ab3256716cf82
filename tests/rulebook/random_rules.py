"""Random rulebooks over the shipped tables: decision tables that no person would write, and values of their facts to try."""

from dataclasses import replace
from datetime import date

from hypothesis import settings
from hypothesis import strategies as st

from app.rulebook.engine.durable import RULES_A_SET
from app.rulebook.language.model import (
    Change,
    Comparison,
    Condition,
    DecisionTable,
    Membership,
    Outcome,
    Period,
    Rule,
    Table,
    Test,
    closure,
)
from app.rulebook.language.view import View, views
from app.rulebook.problems.problem import Spot
from tests.rulebook.shipped import shipped

FEWER = settings(max_examples=settings.default.max_examples // 5 if settings.default else 12)
FEWEST = settings(max_examples=settings.default.max_examples // 12 if settings.default else 5)
"""For laws in which each example is a whole rulebook with several regimes."""

NOWHERE = Spot("rules/random.yaml")
OUTCOMES = ("notify", "hold_for_review", "do_not_notify")
FACTS = tuple(shipped().content.facts)
PAIR = ("release_state", "residence_state")
DAYS = tuple(date(year, month, 1) for year in (2015, 2020, 2026) for month in (1, 7))

PERIODS = st.one_of(
    st.just(Period()),
    st.lists(st.sampled_from(DAYS), min_size=2, max_size=2).map(lambda days: Period(min(days), max(days))),
    st.sampled_from(DAYS).map(lambda day: Period(first=day)),
)


def _rows(fact: str) -> list[str]:
    table = shipped().content.facts[fact].table
    return list(shipped().content.tables[table].rows) if table else ["yes", "no"]


def _sets(fact: str) -> list[str]:
    table = shipped().content.facts[fact].table
    return list(shipped().content.tables[table].sets) if table else []


@st.composite
def _memberships(draw: st.DrawFn, fact: str) -> Membership:
    sets = draw(st.lists(st.sampled_from(_sets(fact)), max_size=2, unique=True)) if _sets(fact) else []
    rows = draw(st.lists(st.sampled_from(_rows(fact)), min_size=0 if sets else 1, max_size=2, unique=True))
    return Membership(fact=fact, rows=tuple(rows), sets=tuple(sets), negated=draw(st.booleans()), spot=NOWHERE)


def _tests(fact: str, reads: tuple[str, ...]) -> st.SearchStrategy[Test]:
    if fact in PAIR and set(PAIR) <= set(reads):
        other = PAIR[1 - PAIR.index(fact)]
        compared = st.booleans().map(lambda negated: Comparison(fact, other, negated, NOWHERE))
        return st.one_of(_memberships(fact), compared)
    return _memberships(fact)


@st.composite
def _rules(draw: st.DrawFn, place: int, reads: tuple[str, ...]) -> Rule:
    facts = draw(st.lists(st.sampled_from(reads), max_size=3, unique=True))
    when = tuple(Condition(fact, tuple(draw(st.lists(_tests(fact, reads), min_size=1, max_size=2))), NOWHERE) for fact in facts)
    # Only earlier rules are overridden, so that there is never a ring.
    overrides = tuple(f"RULE-{number}" for number in range(place) if draw(st.booleans()))
    outcome = Outcome(draw(st.sampled_from(OUTCOMES)))
    return Rule(
        id=f"RULE-{place}",
        title="",
        period=draw(PERIODS),
        authority=(),
        overrides=overrides,
        when=when,
        reply=outcome,
        spot=NOWHERE,
    )


@st.composite
def tables(draw: st.DrawFn, most: int = 6) -> DecisionTable:
    """A decision table of at most `most` random rules that reads some of the facts."""
    reads = tuple(draw(st.lists(st.sampled_from(FACTS), min_size=1, max_size=4, unique=True)))
    rules = tuple(draw(_rules(place, reads)) for place in range(draw(st.integers(1, most))))
    otherwise = Rule(
        id="RULE-99",
        title="",
        period=Period(),
        authority=(),
        overrides=(),
        when=(),
        reply=Outcome("do_not_notify"),
        spot=NOWHERE,
    )
    return DecisionTable(
        name="eligibility",
        file=NOWHERE.file,
        reads=reads,
        rules=rules,
        otherwise=otherwise,
        beaten_by=closure(rules),
        outcomes=OUTCOMES,
    )


@st.composite
def long_tables(draw: st.DrawFn) -> DecisionTable:
    """A random table over and over, so that its rules need several rulesets; each rule overrides those of its own round."""
    table = draw(tables(most=4))
    rounds = 2 * RULES_A_SET // len(table.rules) + 1
    rules = tuple(
        replace(rule, id=f"{rule.id}-{number}", overrides=tuple(f"{id}-{number}" for id in rule.overrides))
        for number in range(rounds)
        for rule in table.rules
    )
    return replace(table, rules=rules, beaten_by=closure(rules))


@st.composite
def regimes(draw: st.DrawFn, table: DecisionTable) -> tuple[View, ...]:
    """The regimes of a table's rules, with a dated change of a charge and one of a state now and then."""
    content = shipped().content
    changed = dict(content.tables)
    if draw(st.booleans()):
        changed["charges"] = _changed(changed["charges"], "0902", draw(PERIODS), {"tier": draw(st.sampled_from("ABC"))})
    if draw(st.booleans()):
        changed["states"] = _changed(
            changed["states"], "TX", draw(PERIODS), {"stage": draw(st.sampled_from(["not_joined", "testing"]))}
        )
    edges = {rule.period.first for rule in table.rules}
    edges |= {date.fromordinal(rule.period.last.toordinal() + 1) for rule in table.rules if rule.period.last != date.max}
    return views(content.facts, changed, edges)


def _changed(table: Table, row: str, period: Period, cells: dict[str, str]) -> Table:
    return replace(table, changes=(Change(row=row, period=period, cells=cells, authority=(), spot=NOWHERE),))


def values_of(facts: tuple[str, ...]) -> st.SearchStrategy[dict[str, str]]:
    """Any values of facts, with those that a rule is likely to name more often."""
    return st.fixed_dictionaries({fact: st.sampled_from(_rows(fact)) for fact in facts})
