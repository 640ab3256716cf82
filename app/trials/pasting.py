"""What to do about a wrong edit that no scenario notices: which answers differ, and a scenario that would notice it, written out.

A scenario pins what the rulebook answers today, so pasting one makes a mistake last where today's answer is the mistake. Whoever
reads it is asked to decide first; and where a protected person would be announced today, nothing is written out to paste.
"""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from app.rulebook.book import RuleBook
from app.rulebook.comparing.changes import Group
from app.rulebook.comparing.outcome_order import TwoConvictions
from app.rulebook.language.model import CONVICTION_FACTS, HOLD
from app.rulebook.language.scenarios import Case
from app.rulebook.reading.scenarios import DAY
from app.trials.pasting_words import WordWatcher
from app.trials.suite import CaseAnswer, answer_case


class Proposal(NamedTuple):
    """What to decide, in sentences, and the scenario that notices the edit; None where none may be pasted unread."""

    advice: str
    scenario: str | None


def ready_to_paste(before: RuleBook, after: RuleBook, group: Group, edit: str) -> Proposal:
    """A scenario that an edit would fail: one changed case, near the common start, with what the rulebook answers today."""
    given = before.content.suite.given
    example = dict(group.example)
    for name, value in group.example.items():
        nearer = {**example, name: given.get(name, value)}
        if _differs(before, after, nearer):
            example = nearer
    answer, other = answer_case(before, _case(example)), _answer(after, _case(example))
    but = _but(before, example)
    expect = [f"outcome: {answer.outcome}", f"because: [{', '.join(answer.because)}]"]
    if other is None or answer.sends != other.sends:
        expect.append(f"sends: [{', '.join(map(_flow, answer.sends))}]")
    if other is not None and answer.work_items != other.work_items:
        expect.append(f"work_items: [{', '.join(map(_flow, answer.work_items))}]")
    if _announces_protected(before, example, answer):
        return Proposal(_protected(example, but, answer, other), None)
    return Proposal(_undecided(answer, other), _scenario(edit, but, "", expect))


def words_to_paste(before: RuleBook, after: RuleBook, group: Group, edit: str) -> Proposal:
    """A scenario that an edit of words would fail: a line that today's notice has, or has not."""
    found = WordWatcher(before, after).seen(group.example, before.content.suite.given)
    if found is None:
        return Proposal("only words differ that no line of an invented notice shows: look at the lines yourself", None)
    answer = answer_case(before, _case(found.example))
    but = _but(before, found.example)
    lines = found.text or found.no_text
    told = f"today's notice {'has' if found.text else 'does not have'} the line {lines[0]!r}; with the edit it is the other way round"
    if _announces_protected(before, found.example, answer):
        return Proposal(_protected(found.example, but, answer, answer), None)
    notice = f"notice: [{', '.join(found.situation.words)}], " if found.situation.words else ""
    expected = [f"{'text' if found.text else 'no_text'}: [{', '.join(map(_quoted, lines))}]"]
    advice = f"{told}. Decide first which is right; if it is today's, this scenario notices the edit"
    return Proposal(advice, _scenario(edit, but, notice, expected))


def _quoted(line: str) -> str:
    """A line in quotes, as YAML reads it."""
    escaped = line.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def pair_to_paste(book: RuleBook, after: RuleBook, pair: TwoConvictions, edit: str) -> Proposal:
    """A scenario of somebody with two convictions, which another order of the outcomes would fail."""
    given = book.content.suite.given
    example = {**pair.example, **{name: given[name] for name in pair.unread if name in given}}
    case = _case(example)
    of_both = Case(case.day, case.values, pair.convictions)
    answer, other = answer_case(book, of_both), answer_case(after, of_both)
    of_each = ", ".join(_flow(dict(zip(CONVICTION_FACTS, pair, strict=True))) for pair in pair.convictions)
    expect = [f"outcome: {answer.outcome}", f"because: [{', '.join(answer.because)}]"]
    but = {name: value for name, value in _but(book, example).items() if name not in CONVICTION_FACTS}
    if _announces_protected(book, example, answer):
        return Proposal(_protected(example, but, answer, other), None)
    return Proposal(_undecided(answer, other), _scenario(edit, but, f"convictions: [{of_each}], ", expect))


def _announces_protected(book: RuleBook, example: Mapping[str, str], answer: CaseAnswer) -> bool:
    """Whether a notice goes out today about somebody with a flag: only a person can say that the flag does not protect."""
    return answer.outcome == "notify" and example[HOLD] != book.content.facts[HOLD].when_missing


def _undecided(answer: CaseAnswer, other: CaseAnswer | None) -> str:
    return f"{_both(answer, other)}. Decide first which is right; if it is today's, this scenario notices the edit"


def _protected(example: Mapping[str, str], but: Mapping[str, str], answer: CaseAnswer, other: CaseAnswer | None) -> str:
    flag = example[HOLD]
    return (
        f"{_both(answer, other)}. Today a notice goes out about a person with the flag {flag}: decide first whether {flag} should stop "
        "it. If it should, correct the rules or sets, and write a scenario that says so; only if it should not, write one that "
        f"expects the notice, with `but: {_flow(but)}`"
    )


def _both(answer: CaseAnswer, other: CaseAnswer | None) -> str:
    edited = "a row of this case is gone" if other is None else _in_words(other)
    return f"today: {_in_words(answer)}; with the edit: {edited}"


def _in_words(answer: CaseAnswer) -> str:
    sends = ", ".join(f"{send['copy']} to {send['ori']}" for send in answer.sends)
    asks = ", ".join(f"{item['code']} about {item['to']}" for item in answer.work_items)
    parts = [f"{answer.outcome} because {', '.join(answer.because)}"]
    parts += [f"sends {sends}"] if sends else []
    parts += [f"asks {asks}"] if asks else []
    return ", ".join(parts)


def _but(book: RuleBook, example: Mapping[str, str]) -> dict[str, str]:
    """What differs from the common start."""
    given = book.content.suite.given
    return {name: value for name, value in example.items() if given.get(name) != value}


def _scenario(edit: str, but: Mapping[str, str], convictions: str, expect: list[str]) -> str:
    name = f"Notices: {edit}".replace('"', "'")
    differs = f"but: {_flow(but)}, " if but else ""
    return f'{{name: "{name}", {differs}{convictions}expect: {{{", ".join(expect)}}}}}'


def _differs(before: RuleBook, after: RuleBook, example: Mapping[str, str]) -> bool:
    """Whether two rulebooks answer a case differently, in what counts as a change."""
    case = _case(example)
    first, second = _answer(before, case), _answer(after, case)
    if first is None or second is None:
        return True
    return (first.outcome, first.sends, first.work_items) != (second.outcome, second.sends, second.work_items)


def _answer(book: RuleBook, case: Case) -> CaseAnswer | None:
    """What a rulebook answers in a case; None where it lacks a row that the case names, so that no scenario can name it."""
    view = book.eligibility[book.regime(case.day)].view
    values = [*case.values.items(), *zip(CONVICTION_FACTS, case.convictions[0], strict=True)]
    return answer_case(book, case) if all(value in view.domain(fact) for fact, value in values) else None


def _case(example: Mapping[str, str]) -> Case:
    shared = {name: value for name, value in example.items() if name not in {*CONVICTION_FACTS, DAY}}
    code, status = (example[name] for name in CONVICTION_FACTS)
    return Case(date.fromisoformat(example[DAY]), shared, ((code, status),))


def _flow(values: Mapping[str, str]) -> str:
    """A YAML flow mapping on one line; codes that look like numbers are quoted for the eye."""
    return (
        "{" + ", ".join(f'{name}: "{value}"' if value.isdigit() else f"{name}: {value}" for name, value in values.items()) + "}"
    )
