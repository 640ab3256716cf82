"""Proves over every case that promises hold: each with a real counter-example where it is broken, and none that says nothing."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from app.rulebook.engine.joint import Asked, CaseMark, Stretch, facts_of, independent_parts
from app.rulebook.engine.masks import Masks
from app.rulebook.language.evaluate import Verdict
from app.rulebook.language.model import AskPerson, Comparison, Send
from app.rulebook.language.scenarios import Promise, PromisedAnswer
from app.rulebook.language.view import View
from app.rulebook.problems.problem import Problems
from app.rulebook.proving.found import Found
from app.rulebook.proving.idle_promises import is_kept_anyway, tell_kept_anyway, tell_never_asked, tell_never_meant


class PromiseProof:
    """What is found out of each promise: in which cases it is broken, and whether it is about any.

    `looked` is how many promises have been held against a kind of cases so far.
    """

    def __init__(self, promises: Sequence[Promise]) -> None:
        self._promises = promises
        self._tests = [[test for condition in promise.when for test in condition.tests] for promise in promises]
        self._wants_distinct = any(promise.distinct for promise in promises)
        self._addresses_marked = False
        self._broken: dict[int, Found] = {}
        self._meant: set[int] = set()
        self._asked: set[int] = set()
        self.looked = 0

    def marks(self, view: View, asked: Sequence[Asked]) -> list[CaseMark]:
        """What must be known of the cases of a view: whether both states have the same address, if a promise wants to know, and for
        each part of the facts which promises it leaves open. These are bits: bit n is up when all that promise n says of it holds.
        """
        marks = list(_same_address(view)) if self._wants_distinct else []
        self._addresses_marked = bool(marks)
        tied = [CaseMark(facts_of([test]), _nothing) for tests in self._tests for test in tests]
        for part in independent_parts(view, asked, [*marks, *tied]):
            groups = [[test for test in tests if test.fact in part] for tests in self._tests]
            together = tuple(test for tests in groups for test in tests)
            if together:
                marks.append(CaseMark(part, Masks(view, part, groups).of, together))
        return marks

    def look(self, view: View, stretch: Stretch, taken: Sequence[Verdict]) -> None:
        """Holds the promises against cases that are alike and have the marks asked for; `taken` are the verdicts that count."""
        same_address = not self._addresses_marked or bool(stretch.marks[0])
        meant = (1 << len(self._promises)) - 1
        for mark in stretch.marks[int(self._addresses_marked) :]:
            meant &= mark if isinstance(mark, int) else 0
        while meant:
            lowest = meant & -meant
            meant ^= lowest
            number = lowest.bit_length() - 1
            self.looked += 1
            promise = self._promises[number]
            self._meant.add(number)
            if promise.outcome not in {None, taken[0].outcome}:
                continue
            self._asked.add(number)
            if _expected(promise, taken, same_address=same_address) == promise.never:
                path = tuple(rule.id for verdict in taken for rule in verdict.rules)
                self._broken.setdefault(number, Found()).add(view, stretch, path)

    def tell(self, views: Sequence[View], problems: Problems) -> None:
        """Tells the promises that are broken, and those that prove nothing."""
        for number, found in self._broken.items():
            _tell_broken(self._promises[number], found, problems)
        for number, promise in enumerate(self._promises):
            if number not in self._meant:
                tell_never_meant(promise, views, problems)
            elif is_kept_anyway(promise):
                tell_kept_anyway(promise, problems)
            elif number not in self._asked and "R202" not in problems.codes:  # a rule that is dead may be why
                tell_never_asked(promise, problems)


def _nothing(_values: Mapping[str, str]) -> None:
    """No mark: only which facts hang together counts."""


def _same_address(view: View) -> Iterator[CaseMark]:
    """Whether the two states' addresses are the same: told apart are the same state, and rows that share an ORI."""
    states = [fact for fact in ("release_state", "residence_state") if view.facts[fact].table is not None]
    if len(states) < 2:
        return
    left, right = states
    oris = {
        fact: {row: cells.get("ori", "") for row, cells in view.cells[view.facts[fact].table or ""].items()} for fact in states
    }
    shared = {ori for ori, times in Counter(ori for fact in states for ori in oris[fact].values()).items() if ori and times > 2}
    splits = tuple(
        (fact, lambda value, own=oris[fact]: own.get(value) if own.get(value) in shared else None) for fact in states
    )
    same = Comparison(left, right, negated=False, spot=view.facts[left].spot)
    yield CaseMark(
        (left, right), lambda values: oris[left].get(values[left]) == oris[right].get(values[right]), (same,), splits
    )


def _expected(promise: Promise, taken: Sequence[Verdict], *, same_address: bool) -> bool:
    """Whether what the promise expects is so in this case."""
    replies = taken[1].replies if len(taken) > 1 else ()
    sends = [reply for reply in replies if isinstance(reply, Send)]
    if promise.no_sends and sends:
        return False
    if promise.distinct and len(sends) > 1 and (same_address or len({send.audience for send in sends}) < len(sends)):
        return False
    if promise.outcome_is is not None and taken[0].outcome != promise.outcome_is:
        return False
    return not promise.some_of or any(_is_wanted(wanted, reply) for wanted in promise.some_of for reply in replies)


def _is_wanted(wanted: PromisedAnswer, reply: object) -> bool:
    if wanted.kind == "send" and isinstance(reply, Send):
        found = {
            "to": reply.audience,
            "copy": reply.copy,
            "message": reply.message,
            "ori": f"{{{reply.audience}.{reply.ori_column}}}",
        }
    elif wanted.kind == "work_item" and isinstance(reply, AskPerson):
        found = {"to": reply.audience, "code": reply.code}
    else:
        return False
    return all(found.get(key) == value for key, value in wanted.values.items())


def _tell_broken(promise: Promise, found: Found, problems: Problems) -> None:
    path = " -> ".join(found.path)
    problems.error(
        "R250",
        f'promise broken: "{promise.name}"',
        promise.spot,
        help=f"path: {path}; mend those rules, or change the promise if policy has changed",
        cases=found.count,
        example=found.example,
    )
