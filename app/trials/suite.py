"""Runs a rulebook's own tests: decides each case of its scenarios and compares what came out with what was expected, and says
which of its promises are broken.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import partial
from pathlib import Path

from app.decide.decide import Decider
from app.decide.terms import Terms
from app.domain.identifiers import DRY_RUN_ID
from app.rulebook.book import RuleBook, use
from app.rulebook.files.report import case_words
from app.rulebook.files.source import read_folder
from app.rulebook.language.evaluate import Verdict, strongest
from app.rulebook.language.model import AskPerson, Send
from app.rulebook.language.scenarios import Case, Expectation, Promise, Scenario, Suite
from app.rulebook.language.view import View
from app.rulebook.problems.problem import Problem, Problems, Spot
from app.rulebook.reading.content import read_content
from app.trials.situations import notices_in, situation_of

BROKEN_PROMISE = "R250"
NEAREST_TOLD = 100
"""Failed scenarios of which the nearest line is told. Looking for it is slow, and of very many nobody reads it."""


@dataclass(frozen=True, slots=True)
class CaseAnswer:
    """What a rulebook answers for one case, in the words of a scenario's `expect`."""

    outcome: str
    because: tuple[str, ...]
    beaten: tuple[str, ...]
    sends: tuple[dict[str, str], ...]
    work_items: tuple[dict[str, str], ...]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing that did not come out as expected: which part of `expect`, and both in words."""

    part: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.part}: expected {self.expected}, found {self.found}"


@dataclass(frozen=True, slots=True)
class ShownNotice:
    """A notice as it would be sent, with dashes for its number, and the ORI it would go to."""

    ori: str
    text: str

    def lines(self) -> list[str]:
        """The notice for a report, under a heading."""
        return [f"the message to {self.ori}:", *(f"  {line}" for line in self.text.splitlines())]


@dataclass(frozen=True, slots=True)
class Result:
    """A scenario run. `faults` says what was not as expected; none when all was.

    `notices` are those to look at where a line was not found: each has a line that comes nearest to one.
    """

    scenario: Scenario
    answer: CaseAnswer
    faults: tuple[Mismatch, ...]
    notices: tuple[ShownNotice, ...] = ()

    def notice_lines(self) -> list[str]:
        """The notices to look at, line by line, as every report shows them."""
        return [line for notice in self.notices for line in notice.lines()]


@dataclass(frozen=True, slots=True)
class RulebookToTest:
    """A rulebook that can be tested: it has no errors but promises that do not hold, which are themselves a test's answer."""

    book: RuleBook
    broken: tuple[Problem, ...] = ()

    def fault_of(self, promise: Promise) -> str | None:
        """What is wrong with a promise, on one line with a real case; None when it holds in every possible case."""
        problem = next((problem for problem in self.broken if problem.spot == promise.spot), None)
        if problem is None:
            return None
        return f"broken in {problem.cases:,} cases, for example: {case_words(problem.example)}; {problem.help}"


@dataclass(frozen=True, slots=True)
class Failure:
    """A scenario or promise that fails, as every report tells it. `result` is None for a promise."""

    name: str
    spot: Spot
    faults: tuple[str, ...]
    result: Result | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """All scenarios and promises of a rulebook, tried."""

    loaded: RulebookToTest
    results: tuple[Result, ...]

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Everything that failed: scenarios, then promises, each in the order of the files."""
        failed = [
            Failure(result.scenario.title, result.scenario.place, tuple(map(str, result.faults)), result)
            for result in self.results
            if result.faults
        ]
        for promise in self.promises:
            fault = self.loaded.fault_of(promise)
            if fault is not None:
                failed.append(Failure(promise.name, promise.spot, (fault,)))
        return tuple(failed)

    @property
    def promises(self) -> tuple[Promise, ...]:
        """All promises of the rulebook."""
        return self.loaded.book.content.suite.promises


def load_to_test(folder: Path, problems: Problems) -> RulebookToTest | None:
    """The rulebook in `folder`, whether or not its promises hold; None where it has other errors. All found goes into `problems`."""
    content = read_content(read_folder(folder, problems), problems)
    if content is None:
        return None
    book = use(content, problems)
    if book is not None:
        return RulebookToTest(book)
    errors = tuple(problem for problem in problems.sorted() if problem.severity == "error")
    if {problem.code for problem in errors} != {BROKEN_PROMISE}:
        return None
    without = use(replace(content, suite=Suite(content.suite.scenarios)), Problems())
    return RulebookToTest(replace(without, content=content), errors) if without is not None else None


def try_all(loaded: RulebookToTest) -> Trial:
    """Runs every scenario of a rulebook; its promises were proved or broken when it was loaded."""
    return Trial(loaded, tuple(run_all(loaded.book)))


def case_in_words(case: Case) -> str:
    """A case of a scenario on one line."""
    convictions = " and ".join(f"charge {code} {status}" for code, status in case.convictions)
    facts = (f"{name} {value}" for name, value in case.values.items())
    return ", ".join((f"released {case.day}", convictions, *facts))


def run_all(book: RuleBook) -> list[Result]:
    """Runs every scenario of a rulebook, in the order of the files."""
    results, failed = [], 0
    decider = Decider(book, Terms())
    for scenario in book.content.suite.scenarios:
        result = run(book, scenario, decider, look_for_nearest=failed < NEAREST_TOLD)
        failed += bool(result.faults)
        results.append(result)
    return results


def run(book: RuleBook, scenario: Scenario, decider: Decider | None = None, *, look_for_nearest: bool = True) -> Result:
    """Runs one scenario. `decider`: one of this rulebook, where there is one already, since making it takes longer than a scenario.
    `look_for_nearest`: where a line is not found, the one that comes nearest is told.
    """
    answer = answer_case(book, scenario.case)
    faults = list(_differences(answer, scenario.expect))
    if scenario.expect.text is None and scenario.expect.no_text is None:
        return Result(scenario, answer, tuple(faults))
    text_faults, notices = _text_faults(decider or Decider(book, Terms()), scenario, look_for_nearest=look_for_nearest)
    return Result(scenario, answer, (*faults, *text_faults), notices)


def answer_case(book: RuleBook, case: Case) -> CaseAnswer:
    """What the rulebook answers for a case of a scenario. Raises EngineDisagreement."""
    place = book.regime(case.day)
    eligibility = book.eligibility[place]
    owed = strongest(eligibility.program.table, eligibility.verdicts_of(case.values, case.convictions))
    if owed.outcome != "notify":
        return _answer(owed, None, eligibility.view, case)
    return _answer(owed, book.routing[place].verdict(case.values), eligibility.view, case)


def _answer(owed: Verdict, routed: Verdict | None, view: View, case: Case) -> CaseAnswer:
    sends, items = [], []
    for reply in routed.replies if routed else ():
        if isinstance(reply, Send):
            cells = view.cells[view.facts[reply.audience].table or ""][case.values[reply.audience]]
            ori = cells[reply.ori_column]
            sends.append({"to": reply.audience, "copy": reply.copy, "ori": ori, "message": reply.message})
        elif isinstance(reply, AskPerson):
            items.append({"to": reply.audience, "code": reply.code})
    sends.sort(key=lambda send: ("departing", "only", "receiving").index(send["copy"]))
    verdicts = [owed, routed] if routed else [owed]
    because = tuple(rule.id for verdict in verdicts for rule in verdict.rules)
    beaten = tuple(rule.id for verdict in verdicts for rule in verdict.beaten)
    return CaseAnswer(outcome=owed.outcome, because=because, beaten=beaten, sends=tuple(sends), work_items=tuple(items))


def _differences(answer: CaseAnswer, expect: Expectation) -> Iterator[Mismatch]:
    if expect.outcome is not None and expect.outcome != answer.outcome:
        yield Mismatch("outcome", expect.outcome, answer.outcome)
    for name in ("because", "beaten"):
        wanted, found = getattr(expect, name), getattr(answer, name)
        if wanted is not None and tuple(wanted) != found:
            yield Mismatch(name, _list(wanted), _list(found))
    if expect.sends is not None:
        yield from _entry_differences("sends", expect.sends, answer.sends)
    if expect.work_items is not None:
        yield from _entry_differences("work_items", expect.work_items, answer.work_items)
    if expect.sends_to is not None:
        found_to = tuple(send["ori"] for send in answer.sends)
        if expect.sends_to == ("distinct",):
            if len(set(found_to)) < len(found_to):
                yield Mismatch("sends_to", "no address twice", _list(found_to))
        elif expect.sends_to != found_to:
            yield Mismatch("sends_to", _list(expect.sends_to), _list(found_to))


def _entry_differences(name: str, wanted: tuple[dict[str, str], ...], found: tuple[dict[str, str], ...]) -> Iterator[Mismatch]:
    """Entries are compared in order, each by the keys that the scenario names."""
    if len(wanted) != len(found):
        yield Mismatch(name, _list(map(_entry, wanted)), _list(map(_entry, found)))
        return
    for want, got in zip(wanted, found, strict=True):
        if any(got.get(key) != value for key, value in want.items()):
            yield Mismatch(name, _entry(want), _entry(got))


def _entry(entry: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in entry.items()) + "}"


def _list(words: Iterable[str]) -> str:
    return "[" + ", ".join(words) + "]"


def _text_faults(
    decider: Decider, scenario: Scenario, *, look_for_nearest: bool
) -> tuple[tuple[Mismatch, ...], tuple[ShownNotice, ...]]:
    """Lines that no message of this case has, and the messages that come nearest; and lines that one has and must not. The subject
    is an invented one; the situation is the one that the scenario names, else an ordinary one.
    """
    found = notices_in(decider, scenario.case, situation_of(scenario.notice))
    notices = [ShownNotice(notice.ori, notice.numbered(DRY_RUN_ID)) for notice in found]
    lines = {line: notice for notice in reversed(notices) for line in notice.text.splitlines()}
    faults, shown = [], []
    for wanted in scenario.expect.text or ():
        if wanted in lines:
            continue
        instead = "no message that has it" if lines else "no message is sent"
        if lines and look_for_nearest:
            nearest = max(lines, key=partial(_likeness, wanted))
            notice = lines[nearest]
            instead = f"no message that has it; the nearest line is {nearest!r}, in the message to {notice.ori}"
            shown.append(notice)
        most = decider.book.content.messages.line_length
        folded = f"; a line has {most} characters at the most, longer ones are folded" if len(wanted) > most else ""
        faults.append(Mismatch("text", f"the line {wanted!r}", f"{instead}{folded}"))
    for unwanted in scenario.expect.no_text or ():
        if unwanted in lines:
            shown.append(lines[unwanted])
            faults.append(Mismatch("no_text", f"no line {unwanted!r}", f"it, in the message to {lines[unwanted].ori}"))
    return tuple(faults), tuple(dict.fromkeys(shown))


def _likeness(wanted: str, line: str) -> float:
    """How like two lines are, from 0 to 1, capitals or not."""
    return SequenceMatcher(None, wanted.upper(), line.upper(), autojunk=False).ratio()
