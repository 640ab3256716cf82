"""Every case of a rulebook on the days of one regime, in few steps and with exact counts.

Facts that no decision reads together (and that no comparison ties) are independent, so the cases are a product of *parts*:
in the default rulebook the facts of eligibility are one part and the two states another. Each part is walked by its
representatives, what is alike is joined with its count added up, and the parts are multiplied. Hundreds of millions of cases
become a few dozen `Stretch`es, each of which stands for an exact number of cases.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from app.rulebook.engine.cases import Axes, Split, axes, how_many, representatives
from app.rulebook.engine.masks import Matcher
from app.rulebook.language.evaluate import Verdict
from app.rulebook.language.model import Comparison, DecisionTable, Test
from app.rulebook.language.view import View

Mark = Callable[[Mapping[str, str]], Hashable]
"""Something told of a case from its facts; cases with different marks are not joined."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A decision to be taken in every case: its table and the view it is taken in (a diff takes two of each)."""

    table: DecisionTable
    view: View


@dataclass(frozen=True, slots=True)
class CaseMark:
    """A mark to be put on cases: it looks at these facts (at least one); tests and splits say which of their values differ."""

    facts: tuple[str, ...]
    mark: Mark
    tests: tuple[Test, ...] = ()
    splits: tuple[Split, ...] = ()


@dataclass(frozen=True, slots=True)
class Stretch:
    """Cases that are alike: the same verdict of each decision asked, the same marks. `values` is one of the `count` cases.

    They are the product of `parts`, one for each group of facts that hang together.
    """

    values: Mapping[str, str]
    verdicts: tuple[Verdict, ...]
    marks: tuple[Hashable, ...]
    count: int
    parts: "tuple[PartStretch, ...]" = ()


def stretches(view: View, asked: Sequence[Asked], told: Sequence[CaseMark] = ()) -> Iterator[Stretch]:
    """All cases of the domains of `view`, joined where the verdicts and marks are the same."""
    parts = [_join(view, part, asked, told) for part in independent_parts(view, asked, told)]
    for choice in product(*parts):
        values: dict[str, str] = {}
        verdicts: dict[int, Verdict] = {}
        marks: dict[int, Hashable] = {}
        count = 1
        for stretch in choice:
            values |= stretch.values
            verdicts |= stretch.verdicts
            marks |= stretch.marks
            count *= stretch.count
        in_order = {name: values[name] for name in view.facts}
        yield Stretch(
            values=in_order,
            verdicts=tuple(verdicts[i] for i in range(len(asked))),
            marks=tuple(marks[i] for i in range(len(told))),
            count=count,
            parts=choice,
        )


@dataclass(slots=True)
class PartStretch:
    """The facts of one part, where they are alike. `members` are the representatives that stand for its `count` combinations."""

    values: Mapping[str, str]
    verdicts: dict[int, Verdict]
    marks: dict[int, Hashable]
    count: int
    axes: Axes
    members: list[Mapping[str, str]]


def independent_parts(view: View, asked: Sequence[Asked], told: Sequence[CaseMark]) -> list[tuple[str, ...]]:
    """The facts in independent parts: facts read by one decision, looked at by one mark or compared are in the same part."""
    facts = tuple(view.facts)
    part_of = {fact: {fact} for fact in facts}
    tied = [list(ask.table.reads) for ask in asked] + [list(tell.facts) for tell in told]
    for group in tied:
        joined = set().union(*(part_of[fact] for fact in group)) if group else set()
        for fact in joined:
            part_of[fact] = joined
    return list(dict.fromkeys(tuple(fact for fact in facts if fact in part_of[first]) for first in facts))


def representatives_of(view: View, asked: Sequence[Asked], told: Sequence[CaseMark]) -> int:
    """How many representatives the parts have that `stretches` would join, without making them."""
    parts = independent_parts(view, asked, told)
    return sum(how_many(_axes_of(view, part, asked, told)) for part in parts)


def _axes_of(view: View, part: tuple[str, ...], asked: Sequence[Asked], told: Sequence[CaseMark]) -> Axes:
    decisions, marks = _asked_in(view, part, asked), _told_in(part, told)
    tests = [(ask.view, test) for _, ask in decisions for rule in ask.table.rules for test in rule.tests()]
    tests += [(view, test) for _, tell in marks for test in tell.tests]
    splits = [split for _, tell in marks for split in tell.splits]
    return axes(view, part, tests, splits)


def _asked_in(view: View, part: tuple[str, ...], asked: Sequence[Asked]) -> list[tuple[int, Asked]]:
    return [(place, ask) for place, ask in enumerate(asked) if (ask.table.reads or tuple(view.facts))[0] in part]


def _told_in(part: tuple[str, ...], told: Sequence[CaseMark]) -> list[tuple[int, CaseMark]]:
    return [(place, tell) for place, tell in enumerate(told) if tell.facts[0] in part]


def _join(view: View, part: tuple[str, ...], asked: Sequence[Asked], told: Sequence[CaseMark]) -> list[PartStretch]:
    matchers = [(place, Matcher(ask.table, ask.view)) for place, ask in _asked_in(view, part, asked)]
    marks = _told_in(part, told)
    found: dict[Hashable, PartStretch] = {}
    part_axes = _axes_of(view, part, asked, told)
    for case in representatives(part_axes):
        verdicts = {place: matcher.verdict(case.values) for place, matcher in matchers}
        told_here = {place: tell.mark(case.values) for place, tell in marks}
        key = (tuple(map(id, verdicts.values())), tuple(told_here.values()))
        if key in found:
            found[key].count += case.count
            found[key].members.append(case.values)
        else:
            found[key] = PartStretch(
                values=case.values, verdicts=verdicts, marks=told_here, count=case.count, axes=part_axes, members=[case.values]
            )
    return list(found.values())


def total(view: View) -> int:
    """How many cases there are on the days of a view."""
    count = 1
    for fact in view.facts:
        count *= len(view.domain(fact))
    return count


def facts_of(tests: Sequence[Test]) -> tuple[str, ...]:
    """The facts that tests look at."""
    names = [name for test in tests for name in ((test.fact, test.other) if isinstance(test, Comparison) else (test.fact,))]
    return tuple(dict.fromkeys(names))
