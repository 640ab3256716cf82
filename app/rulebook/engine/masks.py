"""Which tests and rules hold in very many cases of one view: worked out once for each value, then a few `and`s a case.

Bit i of a mask is up when all tests of group i hold. It says what `View.holds` says, test by test; a property test holds the two
together. The plain evaluator stays the reference; this is for walking hundreds of thousands of cases in a proof.
"""

from collections.abc import Mapping, Sequence

from app.rulebook.language.evaluate import Verdict, settle
from app.rulebook.language.model import Comparison, DecisionTable, Test
from app.rulebook.language.view import View


class Masks:
    """The groups of tests that hold, as bits."""

    def __init__(self, view: View, facts: Sequence[str], groups: Sequence[Sequence[Test]]) -> None:
        every = (1 << len(groups)) - 1
        by_fact = {fact: dict.fromkeys(view.domain(fact), every) for fact in facts}
        pairs: dict[tuple[str, str], list[int]] = {}
        for place, tests in enumerate(groups):
            bit = 1 << place
            for test in tests:
                if isinstance(test, Comparison):
                    masks = pairs.setdefault((test.fact, test.other), [every, every])
                    masks[0 if test.negated else 1] &= ~bit
                else:
                    members = view.members(test)
                    masks_of = by_fact[test.fact]
                    for value in masks_of:
                        if value not in members:
                            masks_of[value] &= ~bit
        self._by_fact = tuple(by_fact.items())
        self._pairs = tuple((left, right, equal, different) for (left, right), (equal, different) in pairs.items())
        self._every = every

    def of(self, values: Mapping[str, str]) -> int:
        """The bits of the groups that hold for these values."""
        mask = self._every
        for fact, masks in self._by_fact:
            mask &= masks[values[fact]]
        for left, right, equal, different in self._pairs:
            mask &= equal if values[left] == values[right] else different
        return mask


class Matcher:
    """Decides very many cases of one decision table in one view, as the plain evaluator does."""

    def __init__(self, table: DecisionTable, view: View) -> None:
        self._table = table
        self._rules = tuple(rule for rule in table.rules if rule.period.covers(view.first))
        self._masks = Masks(view, table.reads, [rule.tests() for rule in self._rules])
        self._by_mask: dict[int, Verdict] = {}
        self._by_rules: dict[tuple[tuple[str, ...], tuple[str, ...]], Verdict] = {}

    def verdict(self, values: Mapping[str, str]) -> Verdict:
        """The answer for these values; verdicts with the same rules and the same beaten rules are one object."""
        mask = self._masks.of(values)
        verdict = self._by_mask.get(mask)
        if verdict is None:
            holding = tuple(rule for place, rule in enumerate(self._rules) if mask >> place & 1)
            found = settle(self._table, holding)
            key = (tuple(rule.id for rule in found.rules), tuple(rule.id for rule in found.beaten))
            verdict = self._by_mask[mask] = self._by_rules.setdefault(key, found)
        return verdict
