"""Against the plain meaning: a word decides a case alone when the rule would go the other way if the word did.

"If the word did" is done here by hand: the value is put into, or taken out of, what the word names, and the rule is asked again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product

import pytest

from app.rulebook.language.model import Comparison, Membership, Rule
from app.rulebook.language.view import View
from app.rulebook.reading.content import Content
from app.trials.decisive import Reach, Tipped, Word, comparison_word, decided, reachable
from tests.rulebook.small_books import cut_down, edited

NEGATED = (
    "rules/routing.yaml",
    "release_state: [states.no_route, states.unknown]",
    "release_state: {not_in: [states.routable, AS]}",
)
OVERLAPPING = (
    "rules/eligibility.yaml",
    "charge_code:    unknown",
    'charge_code:    [unknown, charges.violent_or_serious, "0902"]',
)


@pytest.fixture(scope="module", params=[(), (NEGATED,), (OVERLAPPING,)], ids=["shipped", "negated", "overlapping"])
def content(request: pytest.FixtureRequest) -> Content:
    """A rulebook with few rows: the shipped one, one with a negated list, one whose words overlap."""
    return cut_down(edited(*request.param))


def every_case(view: View, facts: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """All combinations of the values of some facts."""
    for values in product(*(view.domain(fact) for fact in facts)):
        yield dict(zip(facts, values, strict=True))


def by_hand(view: View, rule: Rule, values: Mapping[str, str]) -> set[Tipped]:
    """The words that decide a case alone, found by turning each round and asking the rule again."""
    tests = rule.tests()
    found = set()
    for place, test in enumerate(tests):
        rest = all(view.holds(other, values) for other in tests[:place] + tests[place + 1 :])
        value = values[test.fact]
        if isinstance(test, Comparison):
            if rest:
                found.add(Tipped(Word(rule.id, place, comparison_word(test)), value == values[test.other], value))
            continue
        table = view.facts[test.fact].table
        named = {row: {row} for row in test.rows} | {f"{table}.{name}": set(view.sets[table or ""][name]) for name in test.sets}
        for word, members in named.items():
            turned = named | {word: members ^ {value}}
            before, after = (value in set().union(*words.values()) for words in (named, turned))
            if rest and before != after:
                found.add(Tipped(Word(rule.id, place, word), value in members, value))
    return found


def views_and_rules(content: Content) -> Iterator[tuple[View, Rule, tuple[str, ...]]]:
    """Every rule in each view in which it is in force, with the facts its decision reads."""
    for view in content.views():
        for table in content.decisions():
            yield from ((view, rule, table.reads) for rule in table.rules if rule.period.covers(view.first))


def test_what_decides_a_case_alone(content: Content) -> None:
    """In every case of every rule the words found are those that turn the rule when turned round."""
    for view, rule, facts in views_and_rules(content):
        for values in every_case(view, facts):
            assert set(decided(view, rule, values)) == by_hand(view, rule, values)


def test_what_can_decide_a_case_alone(content: Content) -> None:
    """What is reachable is what some case reaches: no goal is set that no scenario can meet, none is left out."""
    for view, rule, facts in views_and_rules(content):
        reached: dict[tuple[Word, bool], set[str]] = {}
        for values in every_case(view, facts):
            for tip in decided(view, rule, values):
                reached.setdefault((tip.word, tip.inside), set()).add(tip.value)
        told = {(reach.word, reach.inside): set(reach.values) for reach in reachable(view, rule) if reach.values}
        assert told == reached


def test_a_word_that_another_covers_has_no_case(content: Content) -> None:
    """A row listed beside a set that holds it is never the one word that counts, so nothing is asked for it."""
    view = content.views()[-1]
    rule = next(rule for rule in content.eligibility.rules if rule.id == "LENS-E45")
    test = next(test for test in rule.tests() if isinstance(test, Membership) and test.fact == "charge_code")
    both = replace(rule, when=(replace(rule.when[0], tests=(replace(test, rows=("0902",), sets=("violent_or_serious",)),)),))
    reached: list[Reach] = [reach for reach in reachable(view, both) if reach.word.text == "0902"]
    assert [(reach.inside, bool(reach.values)) for reach in reached] == [(True, False), (False, True)]
