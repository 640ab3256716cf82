"""Representatives: the few cases that stand for all.

A decision reads a handful of facts. Two values of a fact that no test tells apart are interchangeable, so one of them stands
for its class; where two facts are compared, a pair of equal values and a pair of different ones stand for all such pairs. The
count of the cases each representative stands for is exact, so a proof over representatives is a proof over every case.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from app.rulebook.language.model import CONVICTION_FACTS, Comparison, Membership, Test
from app.rulebook.language.view import View

Key = tuple[int, ...]

ViewedTest = tuple[View, Test]
"""A test, and the view that says which rows its sets have."""

Split = tuple[str, Callable[[str], Hashable]]
"""A fact, and what else of its values must be told apart than tests tell."""


@dataclass(frozen=True, slots=True)
class Representative:
    """One case for all like it. `count` is how many combinations of values it stands for."""

    values: dict[str, str]
    count: int


@dataclass(frozen=True, slots=True)
class Axes:
    """The classes of each fact's values in one view, and the pairs of facts that are compared.

    A key is the classes of the conviction's facts, then of the release's, then for each pair whether its values are equal.
    """

    class_of: Mapping[str, Mapping[str, int]]
    classes: Mapping[str, tuple[tuple[str, ...], ...]]
    own: tuple[tuple[int, Mapping[str, int]], ...]
    """The conviction's facts that are read: place in a conviction's pair, class by value."""
    shared: tuple[tuple[str, Mapping[str, int]], ...]
    """The release's facts that are read: name, class by value."""
    pairs: tuple[tuple[str, str], ...]

    def conviction_key(self, pair: tuple[str, str]) -> Key:
        """The part of the key that one conviction (charge code, charge status) gives."""
        return tuple([classes[pair[place]] for place, classes in self.own])

    def shared_key(self, values: Mapping[str, str]) -> Key:
        """The part of the key that the release's facts give."""
        key = [classes[values[fact]] for fact, classes in self.shared]
        for left, right in self.pairs:
            key.append(int(values[left] == values[right]))
        return tuple(key)

    def key(self, values: Mapping[str, str]) -> Key:
        """The key of the representative that stands for these values. Raises KeyError for a value that no table has."""
        own = tuple(classes[values[CONVICTION_FACTS[place]]] for place, classes in self.own)
        return own + self.shared_key(values)


def axes(view: View, facts: Sequence[str], tests: Sequence[ViewedTest], splits: Sequence[Split] = ()) -> Axes:
    """Sorts each fact's values into classes that no membership test and no split tells apart, in order of their first value.

    `view` gives the values there are; each test is taken in its own view.
    """
    member_sets: dict[str, list[frozenset[str]]] = {fact: [] for fact in facts}
    for seen, test in tests:
        if isinstance(test, Membership):
            member_sets[test.fact].append(seen.members(test))
    class_of, classes = {}, {}
    for fact in facts:
        found: dict[tuple[Hashable, ...], list[str]] = {}
        for value in view.domain(fact):
            signature = [value in members for members in member_sets[fact]]
            found.setdefault((*signature, *[split(value) for of, split in splits if of == fact]), []).append(value)
        classes[fact] = tuple(tuple(values) for values in found.values())
        class_of[fact] = {value: index for index, values in enumerate(found.values()) for value in values}
    pairs = {(min(test.fact, test.other), max(test.fact, test.other)) for _, test in tests if isinstance(test, Comparison)}
    own = tuple((place, class_of[fact]) for place, fact in enumerate(CONVICTION_FACTS) if fact in class_of)
    shared = tuple((fact, class_of[fact]) for fact in facts if fact not in CONVICTION_FACTS)
    return Axes(class_of=class_of, classes=classes, own=own, shared=shared, pairs=tuple(sorted(pairs)))


def representatives(found: Axes) -> Iterator[Representative]:
    """All representatives of these axes, with the number of combinations each stands for."""
    paired = {fact for pair in found.pairs for fact in pair}
    single = [[(fact, index) for index in range(len(found.classes[fact]))] for fact in found.classes if fact not in paired]
    pair_choices = [list(_pair_choices(found, left, right)) for left, right in found.pairs]
    for choice in product(*single):
        for pairs in product(*pair_choices):
            values = {fact: found.classes[fact][index][0] for fact, index in choice}
            count = 1
            for fact, index in choice:
                count *= len(found.classes[fact][index])
            for pair_values, pair_count in pairs:
                values |= pair_values
                count *= pair_count
            yield Representative(values, count)


def spread(found: Axes, members: Sequence[Mapping[str, str]]) -> dict[str, set[str]]:
    """For each fact, all values that it has in the cases which representatives of these axes stand for."""
    values: dict[str, set[str]] = {fact: set() for fact in found.classes}
    paired = {fact for pair in found.pairs for fact in pair}
    single = [fact for fact in found.classes if fact not in paired]
    for fact in single:
        for place in {found.class_of[fact][case[fact]] for case in members}:
            values[fact].update(found.classes[fact][place])
    for left, right in found.pairs:
        kinds = {
            (found.class_of[left][case[left]], found.class_of[right][case[right]], case[left] == case[right])
            for case in members
        }
        for left_place, right_place, equal in kinds:
            lefts, rights = found.classes[left][left_place], found.classes[right][right_place]
            values[left].update(_with_partner(lefts, rights, equal=equal))
            values[right].update(_with_partner(rights, lefts, equal=equal))
    return values


def _with_partner(own: tuple[str, ...], others: tuple[str, ...], *, equal: bool) -> Iterator[str]:
    """The values of a class that have an equal (or a different) one in another class."""
    there = set(others)
    for value in own:
        if (value in there) if equal else (len(there) > 1 or value not in there):
            yield value


def how_many(found: Axes) -> int:
    """How many representatives these axes have, without making them."""
    paired = {fact for pair in found.pairs for fact in pair}
    count = 1
    for fact, classes in found.classes.items():
        if fact not in paired:
            count *= len(classes)
    for left, right in found.pairs:
        count *= sum(1 for _ in _pair_choices(found, left, right))
    return count


def _pair_choices(found: Axes, left: str, right: str) -> Iterator[tuple[dict[str, str], int]]:
    """An equal and a different pair of values for each two classes, where there is one, with how many such pairs there are."""
    for left_class, right_class in product(found.classes[left], found.classes[right]):
        both = [value for value in left_class if value in set(right_class)]
        if both:
            yield {left: both[0], right: both[0]}, len(both)
        different = len(left_class) * len(right_class) - len(both)
        if different:
            first = next((a, b) for a, b in product(left_class, right_class) if a != b)
            yield {left: first[0], right: first[1]}, different
