"""What the order of the outcomes decides: which answer stands where somebody has several convictions.

A case has one conviction, so no case shows it. But what is decided for several follows from what is decided for each and from the
order, so two convictions of the same person show it, where they are decided differently.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from app.rulebook.engine.cases import axes, representatives
from app.rulebook.engine.masks import Matcher
from app.rulebook.language.evaluate import Verdict
from app.rulebook.language.model import CONVICTION_FACTS, DecisionTable
from app.rulebook.language.view import View
from app.rulebook.reading.content import Content


class TwoConvictions(NamedTuple):
    """Somebody with two convictions, decided by the order: a case of the first one, both of them, and the facts that are all one."""

    example: Mapping[str, str]
    convictions: tuple[tuple[str, str], ...]
    unread: tuple[str, ...]


def decided_by_order(old: Content, new: Content) -> TwoConvictions | None:
    """Two convictions of which another one is the stronger in `new` than in `old`, by the order alone; None where there are none.

    Takes both to decide alike about each single conviction.
    """
    turned = _reversed_pairs(old.eligibility.outcomes, new.eligibility.outcomes)
    for view in old.views() if turned else ():
        seen: dict[tuple[str, ...], dict[str, Mapping[str, str]]] = {}
        for values, verdict in _decide_all(old, view):
            shared = tuple(value for fact, value in values.items() if fact not in CONVICTION_FACTS)
            by_outcome = seen.setdefault(shared, {})
            by_outcome.setdefault(verdict.outcome, values)
            for first, second in turned:
                if first in by_outcome and second in by_outcome:
                    return _pair(old, view, by_outcome[first], by_outcome[second])
    return None


class OneSide(NamedTuple):
    """The eligibility of one of two rulebooks on days on which neither changes; `refuses` tells the values that it does not take."""

    table: DecisionTable
    view: View
    refuses: Callable[[str, str], bool]


def count_pairs(before: OneSide, after: OneSide) -> int:
    """In how many cases of two convictions another outcome stands, though each of the two alone is answered as before.

    The two are different convictions of one person, their order not mattering; the other facts are as in any case.
    """
    turned = _reversed_pairs(before.table.outcomes, after.table.outcomes)
    both = (before, after)
    tests = [(side.view, test) for side in both for rule in side.table.rules for test in rule.tests()]
    reads = [fact for side in both for fact in side.table.reads]
    facts = tuple(dict.fromkeys([*CONVICTION_FACTS, *reads]))
    splits = [(fact, lambda value, fact=fact: _is_refused(both, {fact: value})) for fact in facts]
    found = axes(before.view, facts, tests, splits)
    matchers = [Matcher(side.table, side.view) for side in both]
    outcomes: dict[tuple[str, ...], Counter[str]] = {}
    releases: dict[tuple[str, ...], int] = {}
    for case in representatives(found):
        outcome, becomes = (matcher.verdict(case.values).outcome for matcher in matchers)
        if outcome != becomes or _is_refused(both, case.values):
            continue
        shared = tuple(value for fact, value in case.values.items() if fact not in CONVICTION_FACTS)
        alike = 1
        for fact in CONVICTION_FACTS:
            alike *= len(found.classes[fact][found.class_of[fact][case.values[fact]]])
        outcomes.setdefault(shared, Counter())[outcome] += alike
        releases[shared] = case.count // alike
    unread = 1
    for fact in before.view.facts:
        unread *= 1 if fact in facts else len(_taken(both, fact))
    pairs = sum(releases[shared] * sum(by[one] * by[other] for one, other in turned) for shared, by in outcomes.items())
    return pairs * unread


def _is_refused(both: Sequence[OneSide], values: Mapping[str, str]) -> bool:
    return any(side.refuses(fact, value) for side in both for fact, value in values.items())


def _taken(both: Sequence[OneSide], fact: str) -> list[str]:
    return [value for value in both[0].view.domain(fact) if not _is_refused(both, {fact: value})]


def _reversed_pairs(before: tuple[str, ...], after: tuple[str, ...]) -> list[tuple[str, str]]:
    """The pairs of outcomes, the stronger one before first, of which the other is the stronger after."""
    pairs = [(first, second) for place, first in enumerate(before) for second in before[place + 1 :]]
    return [(a, b) for a, b in pairs if a in after and b in after and after.index(a) > after.index(b)]


def _decide_all(content: Content, view: View) -> Iterator[tuple[Mapping[str, str], Verdict]]:
    table = content.eligibility
    matcher = Matcher(table, view)
    tests = [(view, test) for rule in table.rules for test in rule.tests()]
    for case in representatives(axes(view, table.reads, tests)):
        yield case.values, matcher.verdict(case.values)


def _pair(content: Content, view: View, first: Mapping[str, str], second: Mapping[str, str]) -> TwoConvictions:
    day = view.first if view.first.year > 1 else view.last
    unread = tuple(fact for fact in view.facts if fact not in content.eligibility.reads)
    rest = {fact: view.domain(fact)[0] for fact in unread}
    code, status = CONVICTION_FACTS
    convictions = [({**rest, **values}[code], {**rest, **values}[status]) for values in (first, second)]
    return TwoConvictions({"release_date": day.isoformat(), **rest, **first}, tuple(convictions), unread)
