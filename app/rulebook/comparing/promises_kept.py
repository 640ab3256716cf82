"""Which promises of a rulebook another one makes no longer, or for fewer cases: found over every case, not by their words."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from app.rulebook.comparing.changes import Side, sides
from app.rulebook.comparing.scenarios_kept import Lost
from app.rulebook.engine.cases import Axes, ViewedTest, axes, how_many, representatives
from app.rulebook.engine.joint import facts_of
from app.rulebook.language.scenarios import Promise, PromisedAnswer
from app.rulebook.language.view import View
from app.rulebook.reading.content import Content

_MOST_AT_ONCE = 20_000
"""Kinds of cases at the most for which several promises together are held against one."""

_Sides = Sequence[tuple[Side, Side]]
_Content = tuple[object, ...]


class _Wanted(NamedTuple):
    """One thing that a promise wants in its cases: `kind` as in its `expect`, with the outcome or the answers it names."""

    kind: str
    outcome: str | None = None
    some_of: tuple[PromisedAnswer, ...] = ()

    def __str__(self) -> str:
        """The same, as the file has it."""
        return f"{self.kind}: {self.outcome}" if self.outcome else self.kind


class _Uncovered(NamedTuple):
    """In how many cases something was promised and is no longer, of how many, and one of them."""

    cases: int
    of: int
    example: Mapping[str, str]


def promise_losses(old: Content, new: Content) -> Iterator[Lost]:
    """The promises that are gone or weaker, in the order of the files.

    What one promises is kept where one of the same name, or one that was not there before, promises it.
    """
    promised, now = old.suite.promises, new.suite.promises
    if not promised:
        return
    both = list(sides(old, new))
    before = {(promise.name, _content(promise)) for promise in promised}
    names = {promise.name for promise in now}
    for promise in promised:
        fresh = [one for one in now if (one.name, _content(one)) not in before]
        others = [one for one in now if one.name == promise.name and one not in fresh]
        lost = _lost(promise, [*others, *fresh], both, known=promise.name in names)
        if lost is not None:
            yield lost


def _content(promise: Promise) -> _Content:
    """What a promise says, without its name and place."""
    some_of = tuple((wanted.kind, tuple(sorted(wanted.values.items()))) for wanted in promise.some_of)
    return (
        promise.never,
        promise.outcome,
        promise.when,
        promise.no_sends,
        promise.distinct,
        some_of,
        promise.outcome_is,
    )


def _lost(promise: Promise, others: Sequence[Promise], both: _Sides, *, known: bool) -> Lost | None:
    demands = [_wants(promise)] if promise.never else [[wanted] for wanted in _wants(promise)]
    found = [_uncovered(promise, demand, others, both) for demand in demands]
    missing = [(demand, left) for demand, left in zip(demands, found, strict=True) if left.cases]
    if not missing:
        alike = any(_content(one) == _content(promise) for one in others)
        idle = all(left.of == 0 for left in found)
        return Lost("gone", promise.name, "it held for no case") if idle and not known and not alike else None
    if not known and all(left.cases == left.of for left in found):
        return Lost("gone", promise.name, f"promised in {found[0].of:,} cases")
    told = [_told(demand, left, by_facts=promise.outcome is not None) for demand, left in missing]
    return Lost("weaker", promise.name, "; ".join(told))


def _told(demand: Sequence[_Wanted], left: _Uncovered, *, by_facts: bool) -> str:
    wanted = " and ".join(f"`{wanted}`" for wanted in demand)
    example = ", ".join(f"{fact} {value}" for fact, value in left.example.items())
    cases = "cases whose facts it means" if by_facts else "cases"  # of whatever outcome, which may be another in each rulebook
    shown = f", e.g. {example}" if example else ""
    return f"{wanted} no longer promised in {left.cases:,} of its {left.of:,} {cases}{shown}"


def _wants(promise: Promise) -> list[_Wanted]:
    found = [_Wanted("sends: []")] if promise.no_sends else []
    found += [_Wanted("sends_to: distinct")] if promise.distinct else []
    found += [_Wanted("outcome", outcome=promise.outcome_is)] if promise.outcome_is else []
    found += [_Wanted("some_of", some_of=promise.some_of)] if promise.some_of else []
    return found


def _sees_to(other: Promise, promise: Promise, demand: Sequence[_Wanted]) -> bool:
    """Whether another promise, in its cases, sees to what this one demands."""
    if other.outcome not in {None, promise.outcome} or other.never != promise.never:
        return False
    wants = _wants(other)
    if promise.never:  # fewer things that must not be together are the stronger promise
        return all(any(_implies(wanted, one) for wanted in demand) for one in wants)
    return all(any(_implies(one, wanted) for one in wants) for wanted in demand)


def _implies(one: _Wanted, other: _Wanted) -> bool:
    """Whether where `one` is so, `other` is."""
    if other.kind == "sends: []" and one.kind == "outcome":
        return one.outcome != "notify"
    if one.kind != other.kind or one.outcome != other.outcome:
        return False
    return all(any(_is_part(wanted, found) for wanted in other.some_of) for found in one.some_of)


def _is_part(wanted: PromisedAnswer, found: PromisedAnswer) -> bool:
    return wanted.kind == found.kind and wanted.values.items() <= found.values.items()


def _uncovered(promise: Promise, demand: Sequence[_Wanted], others: Sequence[Promise], both: _Sides) -> _Uncovered:
    able = [other for other in others if _sees_to(other, promise, demand)]
    cases = of = 0
    example: Mapping[str, str] = {}
    for before, after in both:
        found = _uncovered_here(promise, able, before, after)
        cases += found.cases
        of += found.of
        example = example or found.example
    return _Uncovered(cases, of, example)


def _uncovered_here(promise: Promise, able: Sequence[Promise], before: Side, after: Side) -> _Uncovered:
    """The same on the days of two sides; a case that one of them refuses is not counted."""

    def refused(fact: str, value: str) -> bool:
        return before.rejects(fact, value) or after.rejects(fact, value)

    found = _axes(promise, able, before, after, refused)
    if how_many(found) > _MOST_AT_ONCE:
        able = [other for other in able if other.name == promise.name][:1]
        found = _axes(promise, able, before, after, refused)
    unread = 1
    for fact in before.view.facts:
        if fact not in found.classes:
            unread *= sum(not refused(fact, value) for value in before.view.domain(fact))
    cases = of = 0
    example: Mapping[str, str] = {}
    for case in representatives(found):
        if not _is_meant(promise, before.view, case.values) or any(refused(*each) for each in case.values.items()):
            continue
        of += case.count * unread
        if not any(_is_meant(other, after.view, case.values) for other in able):
            cases += case.count * unread
            example = example or case.values
    return _Uncovered(cases, of, example)


def _axes(promise: Promise, able: Sequence[Promise], before: Side, after: Side, refused: Callable[[str, str], bool]) -> Axes:
    tests = [*_tests(promise, before.view), *(test for other in able for test in _tests(other, after.view))]
    facts = facts_of([test for _, test in tests])
    return axes(before.view, facts, tests, [(fact, partial(refused, fact)) for fact in facts])


def _tests(promise: Promise, view: View) -> list[ViewedTest]:
    return [(view, test) for condition in promise.when for test in condition.tests]


def _is_meant(promise: Promise, view: View, values: Mapping[str, str]) -> bool:
    return all(view.holds(test, values) for condition in promise.when for test in condition.tests)
