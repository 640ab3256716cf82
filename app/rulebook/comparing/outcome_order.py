"""What the order of the outcomes decides: which answer stands where somebody has several convictions.

A case has one conviction, so no case shows it. But what is decided for several follows from what is decided for each and from the
order, so two convictions of the same person show it, where they are decided differently.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from app.rulebook.engine.cases import axes, representatives
from app.rulebook.engine.masks import Matcher
from app.rulebook.language.evaluate import Verdict
from app.rulebook.language.model import CONVICTION_FACTS
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
