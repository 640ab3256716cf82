"""Which word of a rule's conditions decides a case alone: all else the rule asks for holds, so that this word tips it.

A case in which two conditions of a rule fail at once says nothing about either, and a row that two sets of one list both have
says nothing about either set. What a tester can rely on is a case that would come out otherwise if one word were wrong; that is
what coverage counts. `decided` finds it in a case, `reachable` over every possible case.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from app.rulebook.engine.joint import facts_of
from app.rulebook.language.model import Comparison, Membership, Rule, Test
from app.rulebook.language.view import View


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a condition: a row, a set as `table.set`, or a comparison as `same_as fact`. `place` numbers a rule's tests."""

    rule: str
    place: int
    text: str


@dataclass(frozen=True, slots=True)
class Tipped:
    """A word decided a case alone. `inside`: the fact's value is one the word names (or both compared values are the same)."""

    word: Word
    inside: bool
    value: str


@dataclass(frozen=True, slots=True)
class Reach:
    """The values of its fact for which a word decides some possible case alone."""

    word: Word
    inside: bool
    values: frozenset[str]


def words_of(view: View, test: Test) -> Mapping[str, frozenset[str]]:
    """The words of a membership test as they are written, each with the values it names on the days of a view."""
    if isinstance(test, Comparison):
        return {}
    table = view.facts[test.fact].table
    named = {row: frozenset((row,)) for row in test.rows}
    return named | {f"{table}.{name}": view.sets[table or ""][name] for name in test.sets}


def comparison_word(test: Comparison) -> str:
    """A comparison as it is written."""
    return f"{'differs_from' if test.negated else 'same_as'} {test.other}"


def decided(view: View, rule: Rule, values: Mapping[str, str]) -> Iterator[Tipped]:
    """The words that alone decide whether a rule in force holds for these values."""
    tests = rule.tests()
    failing = [place for place, test in enumerate(tests) if not view.holds(test, values)]
    if len(failing) > 1:
        return
    for place in failing or range(len(tests)):
        test = tests[place]
        if isinstance(test, Comparison):
            same = values[test.fact] == values[test.other]
            yield Tipped(Word(rule.id, place, comparison_word(test)), same, values[test.fact])
            continue
        value = values[test.fact]
        words = words_of(view, test)
        hits = [word for word, members in words.items() if value in members]
        if len(hits) <= 1:
            for word in hits or words:
                yield Tipped(Word(rule.id, place, word), bool(hits), value)


def reachable(view: View, rule: Rule) -> Iterator[Reach]:
    """For each word of a rule in force the values for which it could decide alone, inside and outside of what it names."""
    tests = rule.tests()
    facts = facts_of(tests)
    for place, test in enumerate(tests):
        others = tests[:place] + tests[place + 1 :]
        allowed = _allowed_values(view, facts, others)
        if isinstance(test, Comparison):
            word = Word(rule.id, place, comparison_word(test))
            for inside in (True, False):
                wanted = Comparison(test.fact, test.other, not inside, test.spot)
                yield Reach(word, inside, _values(test.fact, allowed, (*others, wanted)))
            continue
        possible = _values(test.fact, allowed, others)
        words = words_of(view, test)
        outside = possible.difference(*words.values())
        for name, members in words.items():
            rest = frozenset[str]().union(*(named for other, named in words.items() if other != name))
            yield Reach(Word(rule.id, place, name), inside=True, values=(possible & members) - rest)
            yield Reach(Word(rule.id, place, name), inside=False, values=outside)


def _allowed_values(view: View, facts: Sequence[str], tests: Sequence[Test]) -> dict[str, frozenset[str]]:
    """For each fact the values that the membership tests allow."""
    allowed = {fact: frozenset(view.domain(fact)) for fact in facts}
    for test in tests:
        if isinstance(test, Membership):
            allowed[test.fact] &= view.members(test)
    return allowed


def _values(fact: str, allowed: Mapping[str, Collection[str]], tests: Sequence[Test]) -> frozenset[str]:
    """The values of a fact with which the comparisons among tests can all hold, when each fact has one of its values allowed."""
    if not all(allowed.values()):
        return frozenset()
    comparisons = [test for test in tests if isinstance(test, Comparison)]
    tied = tuple(dict.fromkeys(name for test in comparisons for name in (test.fact, test.other)))
    if fact not in tied:
        return frozenset(allowed[fact]) if _can_agree({name: allowed[name] for name in tied}, comparisons) else frozenset()
    return frozenset(
        value for value in allowed[fact] if _can_agree({name: allowed[name] for name in tied} | {fact: (value,)}, comparisons)
    )


def _can_agree(allowed: Mapping[str, Collection[str]], comparisons: Sequence[Comparison]) -> bool:
    for choice in product(*allowed.values()):
        values = dict(zip(allowed, choice, strict=True))
        if all((values[test.fact] == values[test.other]) != test.negated for test in comparisons):
            return True
    return False
