"""Verdicts found once and looked up ever after: durable_rules decides every representative, the plain evaluator agrees or the
rulebook is refused, and a release's verdict is then a look-up by its representative.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from app.rulebook.engine.cases import Axes, Key, Representative, axes, how_many, representatives
from app.rulebook.engine.durable import EngineFault, Network, RuleFlags, portions, try_out
from app.rulebook.engine.masks import Masks
from app.rulebook.language.evaluate import Verdict, evaluate, holds, settle
from app.rulebook.language.model import CONVICTION_FACTS, DecisionTable, Period, Rule, Test
from app.rulebook.language.view import View


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

    def names(self) -> tuple[str, ...]:
        """The flags in the order of their bits: the tests, then the periods."""
        return (*self.tests, *self.periods)

    def axes(self, view: View) -> Axes:
        """The classes of the values of all facts the table reads, in one view."""
        return axes(view, self.table.reads, [(view, test) for test in self.tests.values()])


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
    """All verdicts of one decision table in one view.

    Without a network (a rulebook that is only tried, never used) the plain evaluator alone decides what is asked.
    """

    view: View
    program: Program
    network: Network | None
    axes: Axes
    verdicts: dict[Key, Verdict]
    by_pair: dict[tuple[tuple[str, str], Key], Verdict] = field(default_factory=dict, init=False, repr=False)
    """Verdicts by conviction as well, as they come to be asked; no more than charges x statuses x keys of the release's facts."""

    def verdict(self, values: Mapping[str, str]) -> Verdict:
        """The verdict of a table that reads no conviction. One not found at load is decided now, twice.

        Raises EngineDisagreement.
        """
        key = self.axes.shared_key(values)
        found = self.verdicts.get(key)
        if found is None:
            found = self.verdicts[key] = self.decide_twice(values)
        return found

    def verdicts_of(self, shared: Mapping[str, str], convictions: Sequence[tuple[str, str]]) -> list[Verdict]:
        """The verdicts for each conviction (charge code, charge status) with the facts shared; one verdict once.

        Raises EngineDisagreement.
        """
        tail = self.axes.shared_key(shared)
        found: dict[int, Verdict] = {}
        for pair in convictions:
            verdict = self.by_pair.get((pair, tail))
            if verdict is None:
                verdict = self.by_pair[pair, tail] = self._of_conviction(pair, shared, tail)
            found[id(verdict)] = verdict
        return list(found.values())

    def _of_conviction(self, pair: tuple[str, str], shared: Mapping[str, str], tail: Key) -> Verdict:
        key = self.axes.conviction_key(pair) + tail
        verdict = self.verdicts.get(key)
        if verdict is None:
            values = {**shared, **dict(zip(CONVICTION_FACTS, pair, strict=True))}
            verdict = self.verdicts[key] = self.decide_twice(values)
        return verdict

    def decide_twice(self, values: Mapping[str, str]) -> Verdict:
        """durable_rules decides, the plain evaluator shadows it. Raises EngineDisagreement when they differ or one fails."""
        table = self.program.table
        if self.network is None:
            return evaluate(table, self.view, values)
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


def all_verdicts(
    tables: Sequence[DecisionTable], views: Sequence[View]
) -> tuple[dict[str, tuple[LookUp, ...]], tuple[Difference, ...]]:
    """For each table (by name) its look-ups, one a view; and every difference found between engine and evaluator.

    Raises EngineFault when durable_rules hangs, crashes or fails in the child process that tries it out.
    """
    programs = [compile_table(table) for table in tables]
    parts = [part for network, program in enumerate(programs) for part in _parts(network, program)]
    questions = [
        question for index, program in enumerate(programs) for view in views for question in _questions(index, program, view)
    ]
    held, differences = _held(parts, questions)
    settled: dict[tuple[int, int], Verdict] = {}
    verdicts: dict[tuple[int, date], dict[Key, Verdict]] = {}
    for question in questions:
        up = 0
        for place, part in enumerate(parts):
            if part.network == question.network:
                up |= held[place, question.flags & part.needed]
        if (question.network, up) not in settled:
            table = programs[question.network].table
            settled[question.network, up] = settle(table, tuple(table.rules[place] for place in _places(up)))
        of_view = verdicts.setdefault((question.network, question.view.first), {})
        of_view[question.key] = settled[question.network, up]
    look_ups = {}
    for index, program in enumerate(programs):
        network = Network(program.rules)
        look_ups[str(program.table.name)] = tuple(
            LookUp(view=view, program=program, network=network, axes=program.axes(view), verdicts=verdicts[index, view.first])
            for view in views
        )
    return look_ups, differences


@dataclass(frozen=True, slots=True)
class _Part:
    """The rules of a program that one ruleset holds. What they and the engine see of a case is the flags they need, nothing else,
    so one case stands for all in which these are the same.

    `first` is the place of its first rule in the table; `needs` are the flags of each rule and `needed` those of any, as bits.
    """

    network: int
    first: int
    rules: tuple[Rule, ...]
    named: RuleFlags
    needs: tuple[int, ...]
    needed: int
    names: tuple[str, ...]
    table: DecisionTable


def _parts(network: int, program: Program) -> Iterator[_Part]:
    names = program.names()
    bits = {name: 1 << place for place, name in enumerate(names)}
    first = 0
    for named in portions(program.rules):
        needs = tuple(sum(bits[flag] for flag in flags) for _, flags in named)
        needed = sum(bits[flag] for flag in {flag for _, flags in named for flag in flags})
        rules = program.table.rules[first : first + len(named)]
        yield _Part(
            network=network, first=first, rules=rules, named=named, needs=needs, needed=needed, names=names, table=program.table
        )
        first += len(named)


def _held(
    parts: Sequence[_Part], questions: Sequence["_Question"]
) -> tuple[dict[tuple[int, int], int], tuple[Difference, ...]]:
    """For each part (by place) and each choice of its flags that a question has: the rules that durable_rules holds, as bits, and
    the cases in which the plain evaluator holds others. Raises EngineFault.
    """
    asked: dict[tuple[int, int], _Question] = {}
    for place, part in enumerate(parts):
        for question in questions:
            if question.network == part.network:
                asked[place, question.flags & part.needed] = question
    cases = [(place, tuple([parts[place].names[flag] for flag in _places(flags)])) for place, flags in asked]
    answers = try_out([part.named for part in parts], cases, limit=10 + len(cases) / 500)
    held: dict[tuple[int, int], int] = {}
    differences = []
    seen: dict[tuple[int, int, int], bool] = {}
    for ((place, flags), question), ids in zip(asked.items(), answers, strict=True):
        part = parts[place]
        found, said = set(ids), 0
        differs = False
        for number, (rule, needs) in enumerate(zip(part.rules, part.needs, strict=True)):
            key = (place, number, flags & needs)
            if key not in seen:
                seen[key] = holds(rule, question.view, question.case.values)
            differs = differs or seen[key] != (rule.id in found)
            said |= (rule.id in found) << (part.first + number)
        if differs:
            differences.append(Difference(part.table, question.case.values))
        held[place, flags] = said
    return held, tuple(differences)


def _places(bits: int) -> Iterator[int]:
    """The places of the bits that are up, lowest first."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


@dataclass(frozen=True, slots=True)
class _Question:
    """A representative to be decided by the network with this index; bit i of `flags` is flag i of the program."""

    network: int
    view: View
    case: Representative
    key: Key
    flags: int


def _questions(network: int, program: Program, view: View) -> Iterator[_Question]:
    masks = Masks(view, program.table.reads, [[test] for test in program.tests.values()])
    in_force = sum(1 << place for place, period in enumerate(program.periods.values()) if period.covers(view.first))
    above = in_force << len(program.tests)
    found = program.axes(view)
    for case in representatives(found):
        yield _Question(network=network, view=view, case=case, key=found.key(case.values), flags=masks.of(case.values) | above)


def representatives_needed(tables: Sequence[DecisionTable], views: Sequence[View]) -> int:
    """How many representatives the engine would have to decide, without making them."""
    return sum(how_many(compile_table(table).axes(view)) for table in tables for view in views)
