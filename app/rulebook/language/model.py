"""The rulebook as frozen values: what the files say, with every name resolved and the place of each thing kept for faults.

Nothing here knows YAML, and nothing here decides; `view.py` adds the day, `evaluate.py` the meaning.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

from app.rulebook.problems.problem import Spot

FIRST_DAY = date.min
LAST_DAY = date.max


def day_after(day: date) -> date | None:
    """The next day, or None after the last day there is."""
    return day + timedelta(days=1) if day < date.max else None


CONVICTION_FACTS = ("charge_code", "charge_status")
"""The facts that belong to one conviction, in the order a conviction is written as a pair; all others are the release's."""

HOLD = "hold"
"""The fact that says which flag protects the person: the one fact of which a release can have several values."""


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `first` to `last`, both included."""

    first: date = FIRST_DAY
    last: date = LAST_DAY

    def covers(self, day: date) -> bool:
        """Whether `day` is within."""
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a reference table. `allowed` is for `one_of`; `starts_with` names a column whose text a cell must begin with."""

    name: str
    kind: Literal["text", "yes_no", "one_of"]
    spot: Spot
    allowed: tuple[str, ...] = ()
    matches: str | None = None
    starts_with: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A row as the file gives it, before any dated change."""

    key: str
    cells: dict[str, str]
    spot: Spot
    spots: dict[str, Spot] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """From a day on (and through another, where given) the cells named in `cells` stand in the row instead."""

    row: str
    period: Period
    cells: dict[str, str]
    authority: tuple[str, ...]
    spot: Spot
    spots: dict[str, Spot] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SetDefinition:
    """A named set of rows: those listed, or those whose cells are as `where` says; less the rows in `excepted`."""

    name: str
    spot: Spot
    listed: tuple[str, ...] | None
    where: tuple[tuple[str, tuple[str, ...]], ...]
    excepted: tuple[str, ...]
    spots: dict[str, Spot] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    """Rows put in besides, by a mutation of the set; no file says so."""


@dataclass(frozen=True, slots=True)
class Table:
    """A reference table. Rows keep the order of the file: where a fact could have several values, the first stands for all."""

    name: str
    spot: Spot
    columns: dict[str, Column]
    rows: dict[str, Row]
    changes: tuple[Change, ...]
    sets: dict[str, SetDefinition]
    sensitive: bool = False
    whole: bool = True
    """Whether no unknown row was lost to a fault; where one was, a word that names no row is no fault of its own."""
    lost: frozenset[str] = frozenset()
    """The rows known to be lost to a fault; a word that names one of these is no fault of its own."""
    every_row_in_a_set: bool = False
    """Whether each row must be in a set that a rule uses."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something a rule may speak of. Its values are the rows of `table`, or `yes` and `no` where it has none."""

    name: str
    table: str | None
    per_conviction: bool
    sensitive: bool
    when_missing: str | None
    when_unknown: str | None
    spot: Spot

    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Membership:
    """The fact's value is (or with `negated` is not) one of the rows named or in one of the sets named."""

    fact: str
    rows: tuple[str, ...]
    sets: tuple[str, ...]
    negated: bool
    spot: Spot = field(compare=False)
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Works the hash out once: proofs look members up by their test millions of times."""
        object.__setattr__(self, "_hash", hash((self.fact, self.rows, self.sets, self.negated)))

    def __hash__(self) -> int:
        """The hash of what the test says, its place left out."""
        return self._hash


@dataclass(frozen=True, slots=True)
class Comparison:
    """The fact's value is the same as (or with `negated` differs from) another fact's."""

    fact: str
    other: str
    negated: bool
    spot: Spot = field(compare=False)


Test = Membership | Comparison


@dataclass(frozen=True, slots=True)
class Condition:
    """One line of a `when`: all its tests must hold."""

    fact: str
    tests: tuple[Test, ...]
    spot: Spot = field(compare=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer of the eligibility decision."""

    outcome: str


@dataclass(frozen=True, slots=True)
class Send:
    """An answer of the routing decision: tell the audience's state. `within` is seconds from acceptance."""

    audience: str
    copy: str
    message: str
    ori_column: str
    within: int | None


@dataclass(frozen=True, slots=True)
class AskPerson:
    """An answer of the routing decision: a work item about the audience. `within` is seconds from acceptance."""

    audience: str
    code: str
    within: int | None


@dataclass(frozen=True, slots=True)
class Nothing:
    """An answer that asks for nothing (`then: {}`)."""

    audience: str | None = None


Reply = Outcome | Send | AskPerson | Nothing


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: in its period, when all conditions hold, it gives its reply, unless a rule that overrides it holds too."""

    id: str
    title: str
    period: Period
    authority: tuple[str, ...]
    overrides: tuple[str, ...]
    when: tuple[Condition, ...]
    reply: Reply
    spot: Spot = field(compare=False)
    spots: dict[str, Spot] = field(default_factory=dict, compare=False)
    intact: bool = True
    """Whether all of it could be read; a proof leaves out a rule that could not."""

    def tests(self) -> tuple[Test, ...]:
        """All tests of all conditions, in order."""
        return tuple(test for condition in self.when for test in condition.tests)


@dataclass(frozen=True, slots=True)
class DecisionTable:
    """One decision: eligibility (`outcomes` strongest first, per conviction) or routing (one reply per audience, on `notify`).

    `beaten_by` gives for each rule the ids of all that beat it, directly or through a chain of `overrides`.
    """

    name: Literal["eligibility", "routing"]
    file: str
    reads: tuple[str, ...]
    rules: tuple[Rule, ...]
    otherwise: Rule
    beaten_by: dict[str, frozenset[str]] = field(compare=False)
    outcomes: tuple[str, ...] = ()

    def all_rules(self) -> tuple[Rule, ...]:
        """The rules in the order of the file, `otherwise` last."""
        return (*self.rules, self.otherwise)


@dataclass(frozen=True, slots=True)
class TemplateLine:
    """A line of a message: literal texts and field names in turn; `only` names the condition it needs, if any."""

    parts: tuple[str | tuple[str], ...]
    only: str | None
    spot: Spot = field(compare=False)


@dataclass(frozen=True, slots=True)
class Template:
    """A message's lines."""

    name: str
    lines: tuple[TemplateLine, ...]
    spot: Spot = field(compare=False)


@dataclass(frozen=True, slots=True)
class Messages:
    """All templates and their limits. `line_length` and `max_characters` are characters."""

    file: str
    line_length: int
    max_characters: int
    templates: dict[str, Template]
    keep_possible: tuple[tuple[str, int, Spot], ...] = ()
    must_say: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """What each message must contain, word for word, in every case it is sent."""
    bound_spot: Spot | None = field(default=None, compare=False)
    """Where `max_characters` stands."""
    watch_words: tuple[str, ...] = ()
    """Words and phrases in capitals: a stated value that has one is looked at by a person before it is printed."""


@dataclass(frozen=True, slots=True)
class CodeTables:
    """NCIC codes that only lead to a warning when unknown: field (SEX, RAC, EYE, HAI, POB) -> codes."""

    codes: dict[str, frozenset[str]]


def closure(rules: tuple[Rule, ...]) -> dict[str, frozenset[str]]:
    """For each rule the ids of all rules that beat it, directly or through a chain of `overrides`."""
    direct: dict[str, set[str]] = {rule.id: set() for rule in rules}
    for rule in rules:
        for loser in rule.overrides:
            if loser in direct:
                direct[loser].add(rule.id)
    closed = {}
    for id, winners in direct.items():
        found: set[str] = set()
        ahead = list(winners)
        while ahead:
            winner = ahead.pop()
            if winner not in found:
                found.add(winner)
                ahead += direct[winner]
        closed[id] = frozenset(found)
    return closed


@dataclass(frozen=True, slots=True)
class Correction:
    """Why a rulebook may decide days before today otherwise than the one it `corrects`, which is named by its hash."""

    day: date
    corrects: str
    reason: str
    authority: tuple[str, ...]
    spot: Spot = field(compare=False)
