"""What the scenarios of a rulebook try out: counted over the cases really run, held against what any case could reach.

Five kinds of things are covered: rules, words of conditions, rows of sets, edges of dates, states. Each has *goals*; a goal that
no possible case can reach is not counted against the scenarios.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from app.rulebook.book import RuleBook
from app.rulebook.language.model import CONVICTION_FACTS, DecisionTable, Membership, Rule, day_after
from app.rulebook.language.view import View
from app.rulebook.problems.problem import Spot
from app.rulebook.reading.content import Content
from app.trials.decisive import Word, decided, reachable
from app.trials.suite import Result

Kind = Literal["rules", "conditions", "sets", "dates", "states"]

RELEASED_IN, LIVES_IN = "release_state", "residence_state"


@dataclass(frozen=True, slots=True)
class RuleCover:
    """In how many cases a rule fired, was beaten, and was expected by name. `possible`: some possible case falls to it."""

    rule: str
    title: str
    decision: str
    spot: Spot
    fired: int
    beaten: int
    expected: int
    possible: bool


@dataclass(frozen=True, slots=True)
class WordCover:
    """A word of a condition: cases in which the rule held by it, and in which it alone failed; and whether any case could."""

    rule: str
    fact: str
    text: str
    negated: bool
    spot: Spot
    held: int
    failed: int
    can_hold: bool
    can_fail: bool

    @property
    def written(self) -> str:
        """The word as the rule has it, with `not` where it does."""
        return f"not {self.text}" if self.negated else self.text


@dataclass(frozen=True, slots=True)
class SetCover:
    """A set that rules use: its rows, and the rows outside of it, for which it decided a case alone, and those for which not."""

    name: str
    spot: Spot
    inside: tuple[str, ...]
    inside_missing: tuple[str, ...]
    outside: tuple[str, ...]
    outside_missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EdgeCover:
    """A day from which on something is otherwise: what, and how many cases are released on the day before and on that day."""

    day: date
    changes: tuple[str, ...]
    before: int
    on: int


@dataclass(frozen=True, slots=True)
class StateCover:
    """In how many cases in which a notice was owed a state was the state of release, and that of residence."""

    state: str
    released_in: int
    lives_in: int


@dataclass(frozen=True, slots=True)
class Share:
    """How much of one kind is covered, in goals. `percent` is cut, not rounded, to one place: 100 is said only of all."""

    kind: Kind
    covered: int
    total: int

    @property
    def percent(self) -> float:
        """0 to 100; of nothing, all is covered."""
        return self.covered * 1000 // self.total / 10 if self.total else 100.0


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the scenarios try out. `pairs` counts the cases of each pair (state of release, state of residence): all of them,
    and those in which a notice was owed.
    """

    cases: int
    rules: tuple[RuleCover, ...]
    words: tuple[WordCover, ...]
    sets: tuple[SetCover, ...]
    edges: tuple[EdgeCover, ...]
    states: tuple[StateCover, ...]
    pairs: Mapping[tuple[str, str], tuple[int, int]]

    def shares(self) -> tuple[Share, ...]:
        """How much of each kind is covered."""
        words = [(word.can_hold, word.held) for word in self.words] + [(word.can_fail, word.failed) for word in self.words]
        rows = [len(cover.inside) + len(cover.outside) for cover in self.sets]
        rows_missing = [len(cover.inside_missing) + len(cover.outside_missing) for cover in self.sets]
        return (
            _share("rules", [rule.fired for rule in self.rules if rule.possible]),
            _share("conditions", [count for can, count in words if can]),
            Share("sets", sum(rows), sum(rows) + sum(rows_missing)),
            _share("dates", [count for edge in self.edges for count in (edge.before, edge.on)]),
            _share("states", [count for state in self.states for count in (state.released_in, state.lives_in)]),
        )


def _share(kind: Kind, counts: Sequence[int]) -> Share:
    return Share(kind, sum(count > 0 for count in counts), len(counts))


def cover(book: RuleBook, results: Sequence[Result]) -> Coverage:
    """What the cases of these results try out."""
    tips = _Tips()
    for result in results:
        tips.add(book, result)
    for table, look_ups in ((book.content.eligibility, book.eligibility), (book.content.routing, book.routing)):
        for look_up in look_ups:
            tips.add_reach(table, look_up.view)
    days = Counter(result.scenario.case.day for result in results)
    edges = [date.fromordinal(first) for first in book.first_days[1:]]
    return Coverage(
        cases=len(results),
        rules=tuple(_rules(book, results)),
        words=tuple(_words(book.content, tips)),
        sets=tuple(_sets(book.content, tips)),
        edges=tuple(
            EdgeCover(day, tuple(_changes(book.content, day)), days[day - timedelta(days=1)], days[day]) for day in edges
        ),
        states=tuple(_states(book, results)),
        pairs=_pairs(results),
    )


def _rules(book: RuleBook, results: Sequence[Result]) -> Iterator[RuleCover]:
    fired = Counter(rule for result in results for rule in result.answer.because)
    beaten = Counter(rule for result in results for rule in result.answer.beaten)
    expected = Counter(rule for result in results for rule in result.scenario.expect.because or ())
    idle = {uncovered.rule for uncovered in book.proved.uncovered if not uncovered.cases}
    for table in book.content.decisions():
        for rule in table.all_rules():
            counts = fired[rule.id], beaten[rule.id], expected[rule.id]
            yield RuleCover(rule.id, rule.title, table.name, rule.spot, *counts, rule.id not in idle)


class _Tips:
    """Where words decided a case alone, and where they could: counts and values by word and side (inside or outside)."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[Word, bool]] = Counter()
        self.values: defaultdict[tuple[Word, bool], set[str]] = defaultdict(set)
        self.possible: defaultdict[tuple[Word, bool], set[str]] = defaultdict(set)

    def add(self, book: RuleBook, result: Result) -> None:
        """The words that tip one case: for eligibility in each of its convictions, for routing where a notice was owed."""
        case = result.scenario.case
        place = book.regime(case.day)
        tipped = set()
        for pair in case.convictions:
            values = {**case.values, **dict(zip(CONVICTION_FACTS, pair, strict=True))}
            tipped |= self._tipped(book.content.eligibility, book.eligibility[place].view, values)
        if result.answer.outcome == "notify":
            tipped |= self._tipped(book.content.routing, book.routing[place].view, case.values)
        self.counts.update({(word, inside) for word, inside, _ in tipped})

    def _tipped(self, table: DecisionTable, view: View, values: Mapping[str, str]) -> set[tuple[Word, bool, str]]:
        found = set()
        for rule in _in_force(table, view):
            for tip in decided(view, rule, values):
                self.values[tip.word, tip.inside].add(tip.value)
                found.add((tip.word, tip.inside, tip.value))
        return found

    def add_reach(self, table: DecisionTable, view: View) -> None:
        """The words that could tip a case on the days of a view."""
        for rule in _in_force(table, view):
            for reach in reachable(view, rule):
                self.possible[reach.word, reach.inside] |= reach.values


def _in_force(table: DecisionTable, view: View) -> Iterator[Rule]:
    return (rule for rule in table.rules if rule.period.covers(view.first))


def _words(content: Content, tips: _Tips) -> Iterator[WordCover]:
    spots = {
        (rule.id, place): test
        for table in content.decisions()
        for rule in table.rules
        for place, test in enumerate(rule.tests())
    }
    for word in dict.fromkeys(word for word, _ in tips.possible):
        test = spots[word.rule, word.place]
        negated = isinstance(test, Membership) and test.negated
        # A comparison's word says itself which way round it is.
        inside = not test.negated
        yield WordCover(
            rule=word.rule,
            fact=test.fact,
            text=word.text,
            negated=negated,
            spot=test.spot,
            held=tips.counts[word, inside],
            failed=tips.counts[word, not inside],
            can_hold=bool(tips.possible[word, inside]),
            can_fail=bool(tips.possible[word, not inside]),
        )


def _sets(content: Content, tips: _Tips) -> Iterator[SetCover]:
    uses: defaultdict[str, list[Word]] = defaultdict(list)
    for word in dict.fromkeys(word for word, _ in tips.possible):
        if "." in word.text:
            uses[word.text].append(word)
    for table in content.tables.values():
        for definition in table.sets.values():
            name = f"{table.name}.{definition.name}"
            if name in uses:
                rows = [_rows_seen(tuple(table.rows), tips, uses[name], inside=inside) for inside in (True, False)]
                yield SetCover(name, definition.spot, *rows[0], *rows[1])


def _rows_seen(
    rows: tuple[str, ...], tips: _Tips, uses: Sequence[Word], *, inside: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The rows for which one of these words decided a case alone, and those for which it could have, in the table's order."""
    seen = set[str]().union(*(tips.values[word, inside] for word in uses))
    possible = set[str]().union(*(tips.possible[word, inside] for word in uses))
    return tuple(row for row in rows if row in seen), tuple(row for row in rows if row in possible - seen)


def _changes(content: Content, day: date) -> Iterator[str]:
    """What is otherwise from a day on, in words."""
    rules = content.rules().values()
    begin = [rule.id for rule in rules if rule.period.first == day]
    ended = [rule.id for rule in rules if day_after(rule.period.last) == day]
    if ended:
        yield f"no longer in force: {', '.join(ended)}"
    if begin:
        yield f"in force: {', '.join(begin)}"
    for table in content.tables.values():
        for change in table.changes:
            what = f"{', '.join(change.cells)} of {change.row} in {table.name}"
            if change.period.first == day:
                yield f"another {what}"
            if day_after(change.period.last) == day:
                yield f"the former {what} again"


def _states(book: RuleBook, results: Sequence[Result]) -> Iterator[StateCover]:
    owed = [result.scenario.case.values for result in results if result.answer.outcome == "notify"]
    released, lives = (Counter(values[fact] for values in owed) for fact in (RELEASED_IN, LIVES_IN))
    view = book.routing[-1].view
    for state in dict.fromkeys((*view.domain(RELEASED_IN), *view.domain(LIVES_IN))):
        yield StateCover(state, released[state], lives[state])


def _pairs(results: Sequence[Result]) -> Mapping[tuple[str, str], tuple[int, int]]:
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for result in results:
        values = result.scenario.case.values
        pair = values[RELEASED_IN], values[LIVES_IN]
        cases, owed = found.get(pair, (0, 0))
        found[pair] = cases + 1, owed + (result.answer.outcome == "notify")
    return found
