"""Scenarios and promises as frozen values. A scenario is one sentence and one or more cases; a promise is proved over all."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from app.rulebook.language.model import Condition
from app.rulebook.problems.problem import Spot


@dataclass(frozen=True, slots=True)
class Case:
    """The facts of one case: values by fact name, one or more convictions (charge code, charge status), and the day."""

    day: date
    values: dict[str, str]
    convictions: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a case must give; None means not looked at. `sends` and `work_items` are the keys named, with their values."""

    outcome: str | None = None
    because: tuple[str, ...] | None = None
    beaten: tuple[str, ...] | None = None
    sends: tuple[dict[str, str], ...] | None = None
    sends_to: tuple[str, ...] | None = None
    work_items: tuple[dict[str, str], ...] | None = None
    text: tuple[str, ...] | None = None
    no_text: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """One case with what is expected of it. `name` is the sentence, at `spot`; `variant` tells multiplied cases apart ("" for one), and
    `row` is where the row of its `table` stands that says this one.
    """

    file: str
    name: str
    variant: str
    case: Case
    expect: Expectation
    spot: Spot
    named: frozenset[str] = field(default_factory=frozenset)
    row: Spot | None = None
    notice: tuple[str, ...] = ()
    """The situation in which the notice is read: `late`, `follow_up`, `residence_stated`; an ordinary one where none is named."""

    @property
    def place(self) -> Spot:
        """Where to look when it fails."""
        return self.row or self.spot

    @property
    def title(self) -> str:
        """The sentence, with the variant where there are several."""
        return f"{self.name} [{self.variant}]" if self.variant else self.name


@dataclass(frozen=True, slots=True)
class PromisedAnswer:
    """Something a promise wants: a send or a work item with these values (`to`, `copy`, `code`, …)."""

    kind: str
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class Promise:
    """A sentence that must hold in every possible case that fits `when` (and `outcome`, where given).

    `no_sends`: nothing is sent. `distinct`: no address gets two messages. `some_of`: at least one of these happens.
    `outcome_is`: the outcome is this one.
    """

    name: str
    never: bool
    outcome: str | None
    when: tuple[Condition, ...]
    no_sends: bool
    distinct: bool
    some_of: tuple[PromisedAnswer, ...]
    outcome_is: str | None
    spot: Spot


@dataclass(frozen=True, slots=True)
class Suite:
    """All scenarios and promises of a rulebook, in the order of the files; `given` is the common start of the first file."""

    scenarios: tuple[Scenario, ...] = ()
    promises: tuple[Promise, ...] = ()
    given: Mapping[str, str] = field(default_factory=dict)
