"""Why a release is decided as it is, and why not otherwise: every rule with what became of it, and the line that failed.

For people who may see the charges: an explanation names the facts, so it is never logged and never part of a message.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Literal

import msgspec

from app.decide.decide import Decider
from app.decide.facts import FactFinder
from app.domain.codes import WorkItemCode
from app.domain.decision import Copy, Decision, Outcome, tasks
from app.domain.release import Release
from app.rulebook.engine.verdicts import LookUp
from app.rulebook.language.evaluate import Verdict, evaluate, strongest
from app.rulebook.language.model import CONVICTION_FACTS, AskPerson, DecisionTable, Membership, Reply, Rule, Send, Test
from app.rulebook.language.view import View

Fate = Literal["fired", "beaten", "missed", "not_in_force"]


class Failing(msgspec.Struct, frozen=True):
    """A condition that did not hold: the fact, what it is, what the rule asks, and where the line stands."""

    fact: str
    """The fact that was looked at."""
    found: str
    """What it is here."""
    wanted: str
    """What the rule asks."""
    file: str
    """The rule's file."""
    line: int
    """The line of the condition, from 1."""


class RuleTrace(msgspec.Struct, frozen=True):
    """What became of one rule. `by` are the rules that beat it; `failing` the conditions that did not hold."""

    rule: str
    """The rule's id."""
    title: str
    """What the rule says, in one line."""
    fate: Fate
    """What became of it."""
    file: str
    """Its file."""
    line: int
    """Its line, from 1."""
    by: tuple[str, ...] = ()
    """The rules that overrode it."""
    failing: tuple[Failing, ...] = ()
    """The conditions that did not hold."""
    in_force: str = ""
    """From when to when it is in force, where that is why it was not looked at; empty otherwise."""


class Step(msgspec.Struct, frozen=True):
    """One decision taken: about one conviction (eligibility) or about the release (routing)."""

    decision: str
    """Which decision it is."""
    about: dict[str, str]
    """What it is about, e.g. which conviction."""
    answer: str
    """What was decided."""
    rules: tuple[RuleTrace, ...]
    """What became of each rule."""

    def nearest(self) -> tuple[RuleTrace, ...]:
        """The rules in force that missed by the fewest conditions; `otherwise`, which has none, is not among them."""
        missed = [trace for trace in self.rules if trace.fate == "missed" and trace.failing]
        least = min((len(trace.failing) for trace in missed), default=0)
        return tuple(trace for trace in missed if len(trace.failing) == least)


class UsedRow(msgspec.Struct, frozen=True):
    """A reference row that mattered: its cells on that day, without those left empty."""

    table: str
    """The reference table."""
    row: str
    """The row's code."""
    cells: dict[str, str]
    """Its cells on that day, without the empty ones."""
    sets: tuple[str, ...]
    """The sets that it belongs to."""


class Told(msgspec.Struct, frozen=True):
    """A state that is told. `held_because` is the code of the work item that keeps the message back, or None."""

    copy: Copy
    """Which copy the state gets."""
    state: str
    """USPS code of the state."""
    ori: str
    """The nine-character address on the network."""
    held_because: WorkItemCode | None
    """The code of the work item that holds the message back; null where none does."""


class Asked(msgspec.Struct, frozen=True):
    """What a person must do, about which state if about one, and the rules that ask."""

    code: WorkItemCode
    """What kind of work it is."""
    state: str | None
    """USPS code of the state that it is about; null where it is about none."""
    rule: str
    """The ids of the rules that ask for it."""


class Overall(msgspec.Struct, frozen=True):
    """What comes out for the release as a whole. `of` are the answers of its convictions; the strongest is the outcome."""

    outcome: Outcome
    """What was decided."""
    of: tuple[str, ...]
    """The answers about each conviction; the strongest is the outcome."""
    because: tuple[str, ...]
    """The ids of the rules that gave it."""
    messages: tuple[Told, ...]
    """Who is notified."""
    work_items: tuple[Asked, ...]
    """What a person must do."""


class Explanation(msgspec.Struct, frozen=True):
    """Why, and why not. `regime` says from when to when nothing in the rulebook changes around the day."""

    release_id: str
    """The system of record's own id of the release."""
    as_of: date
    """The day that decides."""
    regime: str
    """From when to when nothing in the rulebook changes around that day."""
    rulebook: str
    """The version of the rulebook that decided."""
    facts: dict[str, object]
    """The release as the rules see it."""
    steps: tuple[Step, ...]
    """The decisions taken, in order."""
    rows: tuple[UsedRow, ...]
    """The rows of reference tables that mattered."""
    overall: Overall
    """What comes out for the release as a whole."""


def explain(decider: Decider, release: Release, as_of: date | None = None, now: datetime | None = None) -> Explanation:
    """The explanation of a release's decision under the decider's rulebook, at the moment `now` (default: of the release)."""
    book = decider.book
    day = as_of or release.stay.day
    values, _ = FactFinder(book.content.facts, book.content.tables).find(release)
    look_up = book.eligibility[book.regime(day)]
    steps = []
    verdicts = []
    for pair in values.convictions:
        facts = {**values.shared, **dict(zip(CONVICTION_FACTS, pair, strict=True))}
        step, verdict = _step(look_up, facts)
        steps.append(step)
        verdicts.append(verdict)
    owed = strongest(look_up.program.table, verdicts)
    if owed.outcome == "notify":
        steps.append(_step(book.routing[book.regime(day)], values.shared)[0])
    rows = tuple(_used_rows(look_up.view, values.shared, values.convictions))
    regime = f"{_day(look_up.view.first, 'the beginning')} to {_day(look_up.view.last, 'further notice')}"
    decision = decider.decide(release, now or release.stay.instant, as_of)
    overall = _overall(decision, tuple(verdict.outcome or "" for verdict in verdicts))
    return Explanation(
        release_id=release.release_id,
        as_of=day,
        regime=regime,
        rulebook=book.hash,
        facts=values.evidence(),
        steps=tuple(steps),
        rows=rows,
        overall=overall,
    )


def _overall(decision: Decision, answers: tuple[str, ...]) -> Overall:
    messages = tuple(Told(notice.copy, notice.state, notice.ori, notice.held_because) for notice in decision.notices)
    asked = tuple(Asked(errand.code, errand.state, errand.rule) for errand, _ in tasks(decision))
    return Overall(
        outcome=decision.outcome,
        of=answers,
        because=tuple(reason.rule for reason in decision.because),
        messages=messages,
        work_items=asked,
    )


def _step(look_up: LookUp, facts: Mapping[str, str]) -> tuple[Step, Verdict]:
    table, view = look_up.program.table, look_up.view
    verdict = evaluate(table, view, facts)
    fired = {rule.id for rule in verdict.rules}
    traces = tuple(
        _trace(rule=rule, table=table, view=view, facts=facts, verdict=verdict, fired=fired) for rule in table.all_rules()
    )
    answer = verdict.outcome or "; ".join(map(_words, verdict.replies))
    return Step(table.name, {fact: facts[fact] for fact in table.reads}, answer, traces), verdict


def _trace(
    rule: Rule, table: DecisionTable, view: View, facts: Mapping[str, str], verdict: Verdict, fired: set[str]
) -> RuleTrace:
    place = (rule.spot.file, rule.spot.line)
    if rule.id in fired:
        return RuleTrace(rule.id, rule.title, "fired", *place)
    if rule in verdict.beaten:
        by = tuple(sorted(table.beaten_by[rule.id] & (fired | {other.id for other in verdict.beaten})))
        return RuleTrace(rule.id, rule.title, "beaten", *place, by)
    if not rule.period.covers(view.first):
        in_force = f"in force {_day(rule.period.first, 'always')} to {_day(rule.period.last, 'further notice')}"
        return RuleTrace(rule.id, rule.title, "not_in_force", *place, (), (), in_force)
    return RuleTrace(rule.id, rule.title, "missed", *place, (), tuple(_failing(rule, view, facts)))


def _failing(rule: Rule, view: View, facts: Mapping[str, str]) -> Iterator[Failing]:
    for condition in rule.when:
        for test in condition.tests:
            if not view.holds(test, facts):
                yield Failing(
                    fact=test.fact,
                    found=facts[test.fact],
                    wanted=wanted(test, view),
                    file=condition.spot.file,
                    line=condition.spot.line,
                )


def wanted(test: Test, view: View) -> str:
    """What a test asks, in words close to the file's."""
    if not isinstance(test, Membership):
        return f"{'not the same as' if test.negated else 'the same as'} {test.other}"
    table = view.facts[test.fact].table
    named = [*test.rows, *(f"{table}.{name}" for name in test.sets)]
    return f"{'none of' if test.negated else 'one of' if len(named) > 1 or test.sets else 'only'} {', '.join(named)}"


def _used_rows(view: View, shared: Mapping[str, str], convictions: tuple[tuple[str, str], ...]) -> Iterator[UsedRow]:
    pairs = [
        *shared.items(),
        *((fact, value) for pair in convictions for fact, value in zip(CONVICTION_FACTS, pair, strict=True)),
    ]
    for fact, value in dict.fromkeys(pairs):
        table = view.facts[fact].table
        if table is not None:
            cells = {name: text for name, text in view.cells[table][value].items() if text}
            sets = tuple(name for name, rows in view.sets[table].items() if value in rows)
            yield UsedRow(table, value, cells, sets)


def _words(reply: Reply) -> str:
    """A routing reply in words: whom to tell with which copy, or what a person must do about whom."""
    if isinstance(reply, Send):
        return f"send {reply.message} to {reply.audience} ({reply.copy})"
    if isinstance(reply, AskPerson):
        return f"work item {reply.code} about {reply.audience}"
    return "nobody to tell"


def _day(day: date, otherwise: str) -> str:
    return otherwise if day in {date.min, date.max} else day.isoformat()


def as_text(explanation: Explanation) -> str:
    """The explanation for people, as plain lines."""
    around = f"rulebook {explanation.rulebook}, unchanged from {explanation.regime}"
    out = [f"release {explanation.release_id}, as of {explanation.as_of} ({around})"]
    for step in explanation.steps:
        about = ", ".join(f"{fact} {value}" for fact, value in step.about.items())
        out += ["", f"{step.decision}: {step.answer}", f"  {about}"]
        for trace in step.rules:
            if trace.fate == "fired":
                out.append(f"  + {trace.rule} {trace.title}  ({trace.file}:{trace.line})")
            elif trace.fate == "beaten":
                out.append(f"  - {trace.rule} held, but is overridden by {', '.join(trace.by)}  ({trace.file}:{trace.line})")
        for trace in step.nearest():
            out.append(f"  . {trace.rule} missed: {trace.title}")
            for failing in trace.failing:
                out.append(f"      {failing.file}:{failing.line}: {failing.fact} is {failing.found}, wanted {failing.wanted}")
        out += [f"  . {trace.rule} is not in force: {trace.in_force}" for trace in step.rules if trace.fate == "not_in_force"]
    out += ["", "reference rows:"]
    for row in explanation.rows:
        cells = ", ".join(f"{name} {text}" for name, text in row.cells.items())
        out.append(f"  {row.table} {row.row}: {cells}" + (f"  [{', '.join(row.sets)}]" if row.sets else ""))
    return "\n".join([*out, "", *_overall_lines(explanation.overall)])


def _overall_lines(overall: Overall) -> Iterator[str]:
    strongest_of = ""
    if len(overall.of) > 1:
        strongest_of = f", the strongest answer of {len(overall.of)} convictions ({', '.join(overall.of)})"
    yield f"overall: {overall.outcome}{strongest_of}"
    if overall.because:
        yield f"  because {', '.join(overall.because)}"
    for told in overall.messages:
        held = f", held until the work item {told.held_because} is done" if told.held_because else ""
        yield f"  message to {told.state} ({told.copy}) at {told.ori}{held}"
    for asked in overall.work_items:
        about = f" about {asked.state}" if asked.state else ""
        yield f"  work item {asked.code}{about}" + (f" ({asked.rule})" if asked.rule else "")
    if not overall.messages:
        until = " until a person has acted" if overall.work_items else ""
        yield f"  no message{until}"
