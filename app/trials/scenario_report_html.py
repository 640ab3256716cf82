"""A run of the scenarios as one page for a tester: what failed, what is covered, which wrong edits would go unnoticed.

The page is one file that needs nothing from elsewhere. Its texts and shape stand in `scenario_report.html` and `.css`; here are
the values they show.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from jinja2 import Environment, PackageLoader, StrictUndefined

from app.trials.coverage import Coverage, StateCover, WordCover
from app.trials.scenario_report import Report
from app.trials.suite import Result, case_in_words

CELL = 14
"""Width and height of one pair of states in the matrix, in its own units."""
MARGIN = 26
"""Room for the states' codes at the top and at the left."""

KINDS = {
    "rules": ("Rules", "fired in a case"),
    "conditions": ("Conditions", "values that decided a case alone, each way"),
    "sets": ("Sets", "rows that decided a case alone, in and out"),
    "dates": ("Dates", "edges with a case on the day and the day before"),
    "states": ("States", "states of release and of residence in a case with a notice owed"),
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """One scenario's sentence with the cases it stands for."""

    name: str
    place: str
    results: Sequence[Result]

    @property
    def failed(self) -> int:
        """How many of its cases fail."""
        return sum(bool(result.faults) for result in self.results)


@dataclass(frozen=True, slots=True)
class Cell:
    """A pair of states that some case has: its place in the matrix, and what to say of it."""

    x: int
    y: int
    cases: int
    owed: int
    says: str


@dataclass(frozen=True, slots=True)
class Matrix:
    """All pairs of states: rows are states of release, columns states of residence."""

    states: Sequence[StateCover]
    cells: Sequence[Cell]

    @property
    def size(self) -> int:
        """Width and height of the whole, in its own units."""
        return MARGIN + CELL * len(self.states)


def as_html(report: Report) -> str:
    """The page of a run."""
    trial = report.trial
    failed = trial.failures
    return _page(
        problems="",
        at=report.at,
        rulebook=trial.loaded.book.hash,
        passed=len(trial.results) + len(trial.promises) - len(failed),
        failed=failed,
        files=_by_file(trial.results),
        cases=len(trial.results),
        promises=[(promise, trial.loaded.fault_of(promise)) for promise in trial.promises],
        coverage=report.coverage,
        shares=report.coverage.shares() if report.coverage is not None else (),
        conditions=_by_rule(report.coverage.words) if report.coverage is not None else (),
        matrix=_matrix(report.coverage) if report.coverage is not None else None,
        mutants=report.mutants,
        verdicts=report.verdicts(),
        survivors=report.survivors(),
    )


def refused_as_html(problems: str, at: datetime) -> str:
    """The page of a rulebook that cannot be tested, so that no tester takes an old page for a new one."""
    return _page(problems=problems, at=at)


def _page(**values: object) -> str:
    loader = PackageLoader("app.trials", "")
    pages = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    pages.filters["in_words"] = case_in_words
    return pages.get_template("scenario_report.html").render(kinds=KINDS, cell=CELL, margin=MARGIN, **values) + "\n"


def _by_file(results: Iterable[Result]) -> list[tuple[str, list[Sentence]]]:
    return [(file, list(_sentences(group))) for file, group in groupby(results, key=lambda result: result.scenario.spot.file)]


def _sentences(results: Iterable[Result]) -> Iterator[Sentence]:
    for spot, group in groupby(results, key=lambda result: result.scenario.spot):
        same = tuple(group)
        yield Sentence(same[0].scenario.name, str(spot), same)


def _by_rule(words: Iterable[WordCover]) -> list[tuple[str, list[WordCover]]]:
    return [(rule, list(group)) for rule, group in groupby(words, key=lambda word: word.rule)]


def _matrix(coverage: Coverage) -> Matrix:
    places: Mapping[str, int] = {cover.state: MARGIN + CELL * place for place, cover in enumerate(coverage.states)}
    cells = [
        Cell(
            x=places[lives],
            y=places[released],
            cases=cases,
            owed=owed,
            says=f"{released} to {lives}: {_many(cases)}, a notice owed in {owed}",
        )
        for (released, lives), (cases, owed) in coverage.pairs.items()
    ]
    return Matrix(coverage.states, cells)


def _many(cases: int) -> str:
    return "1 case" if cases == 1 else f"{cases:,} cases"
