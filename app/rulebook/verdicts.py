"""Verdicts found once and looked up ever after: durable_rules decides every representative, the plain evaluator agrees or the
rulebook is refused, and a release's verdict is then a look-up by its representative.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.rulebook.cases import Axes, Key, axes, representatives
from app.rulebook.engine import EngineFault, Network, RuleFlags, try_out
from app.rulebook.evaluate import Verdict, evaluate, match, settle
from app.rulebook.model import CONVICTION_FACTS, DecisionTable, Period, Rule, Test
from app.rulebook.view import View


class EngineDisagreement(Exception):
    """durable_rules and the plain evaluator do not agree on a case, so nothing may be sent on its account."""


@dataclass(frozen=True, slots=True)
class Program:
    """A decision table as the engine gets it: each distinct test and each distinct period is a flag with a short safe key."""

    table: DecisionTable
    tests: Mapping[str, Test]
    periods: Mapping[str, Period]
    rules: RuleFlags

    def flags(self, view: View, values: Mapping[str, str]) -> tuple[str, ...]:
        """The flags that are up for these values in this view, sorted. They are all the engine ever sees of a release."""
        up = [flag for flag, test in self.tests.items() if view.holds(test, values)]
        up += [flag for flag, period in self.periods.items() if period.covers(view.first)]
        return tuple(sorted(up))


def compile_table(table: DecisionTable) -> Program:
    """Numbers the tests `t0…` and periods `p0…` of a table and writes each rule as the flags it needs."""
    tests: dict[Test, str] = {}
    periods: dict[Period, str] = {}
    rules = []
    for rule in table.rules:
        flags = [periods.setdefault(rule.period, f"p{len(periods)}")]
        flags += [tests.setdefault(test, f"t{len(tests)}") for test in rule.tests()]
        rules.append((rule.id, tuple(dict.fromkeys(flags))))
    return Program(table, {flag: test for test, flag in tests.items()}, {flag: p for p, flag in periods.items()}, rules)


@dataclass(frozen=True, slots=True)
class LookUp:
    """All verdicts of one decision table in one view."""

    view: View
    program: Program
    network: Network
    axes: Axes
    verdicts: Mapping[Key, Verdict]

    def verdict(self, values: Mapping[str, str]) -> Verdict:
        """The verdict of a table that reads no conviction. One that was not found at load is decided now, twice. Raises EngineDisagreement."""
        found = self.verdicts.get(self.axes.shared_key(values))
        return found if found is not None else self.decide_twice(values)

    def verdicts_of(self, shared: Mapping[str, str], convictions: Sequence[tuple[str, str]]) -> list[Verdict]:
        """The verdicts for each conviction (charge code, charge status) with the facts shared; one verdict once.

        Raises EngineDisagreement.
        """
        axes = self.axes
        tail = axes.shared_key(shared)
        found: dict[Key, Verdict] = {}
        for pair in convictions:
            key = axes.conviction_key(pair)
            if key not in found:
                verdict = self.verdicts.get(key + tail)
                if verdict is None:
                    verdict = self.decide_twice({**shared, **dict(zip(CONVICTION_FACTS, pair, strict=True))})
                found[key] = verdict
        return list(found.values())

    def decide_twice(self, values: Mapping[str, str]) -> Verdict:
        """durable_rules decides, the plain evaluator shadows it. Raises EngineDisagreement when they differ or one fails."""
        table = self.program.table
        try:
            holding = self.network.holding(self.program.flags(self.view, values))
        except EngineFault as fault:
            raise EngineDisagreement(str(fault)) from fault
        verdict = settle(table, tuple(rule for rule in table.rules if rule.id in holding))
        if verdict != evaluate(table, self.view, values):
            raise EngineDisagreement(f"durable_rules and the evaluator differ on {table.name}")
        return verdict


@dataclass(frozen=True, slots=True)
class Difference:
    """A case in which the compiled ruleset does not hold what the rules say."""

    table: DecisionTable
    values: Mapping[str, str]
    rules: tuple[Rule, ...]


def all_verdicts(
    tables: Sequence[DecisionTable], views: Sequence[View]
) -> tuple[dict[str, tuple[LookUp, ...]], tuple[Difference, ...]]:
    """For each table (by name) its look-ups, one a view; and every difference found between engine and evaluator.

    Raises EngineFault when durable_rules hangs, crashes or fails in the child process that tries it out.
    """
    programs = [compile_table(table) for table in tables]
    asked: dict[tuple[int, tuple[str, ...]], int] = {}
    wanted = []
    for index, program in enumerate(programs):
        tests = tuple(program.tests.values())
        for view in views:
            found = axes(view, program.table.reads, tests)
            for representative in representatives(found):
                flags = program.flags(view, representative.values)
                place = asked.setdefault((index, flags), len(asked))
                wanted.append((index, view, found, representative, place))
    answers = try_out([program.rules for program in programs], list(asked), limit=10 + len(asked) / 500)
    networks = [Network(program.rules) for program in programs]
    verdicts: dict[tuple[int, int], dict[Key, Verdict]] = {}
    kept: dict[tuple[int, int], Axes] = {}
    differences = []
    for index, view, found, representative, place in wanted:
        table = programs[index].table
        holding = frozenset(answers[place])
        matching = match(table, view, representative.values)
        if holding != {rule.id for rule in matching}:
            differences.append(Difference(table, representative.values, matching))
        verdicts.setdefault((index, view.first.toordinal()), {})[representative.key] = settle(
            table, tuple(rule for rule in table.rules if rule.id in holding)
        )
        kept[index, view.first.toordinal()] = found
    look_ups = {
        program.table.name: tuple(
            LookUp(view, program, networks[index], kept[index, day], verdicts[index, day])
            for view in views
            if (day := view.first.toordinal()) is not None
        )
        for index, program in enumerate(programs)
    }
    return look_ups, tuple(differences)
