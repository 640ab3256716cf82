"""Which scenarios of a rulebook another one tries no longer, or with less expected of them."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Literal, NamedTuple

from app.rulebook.language.model import CONVICTION_FACTS
from app.rulebook.language.scenarios import Expectation, Scenario
from app.rulebook.reading.content import Content
from app.rulebook.reading.expected import forms_of

_Aspect = tuple[str | int, ...]
"""Something that a scenario looks at, e.g. ("outcome",) or ("sends", 0, "ori")."""

_TRIED: _Aspect = ("tried",)
_LISTS = ("sends", "work_items")
_WHOLE = ("outcome", "because", "beaten", "sends_to")
_LINES = ("text", "no_text")


class _Tried(NamedTuple):
    """What is tried: the day, the facts, the convictions, and the situation in which a notice is read."""

    day: date
    facts: tuple[tuple[str, str], ...]
    convictions: tuple[tuple[str, str], ...]
    notice: tuple[str, ...]


_Cases = Mapping[_Tried, list[Expectation]]


class Lost(NamedTuple):
    """A scenario or promise that is gone or weaker, by its sentence, and in words what is no longer seen to."""

    change: Literal["gone", "weaker"]
    name: str
    what: str


def scenario_losses(old: Content, new: Content) -> Iterator[Lost]:
    """The scenarios that are gone or weaker, in the order of the files.

    What one looked at is kept where one of the same name still looks at it, or one that is new or says more than before.
    """
    was, becomes = _by_name(old.suite.scenarios), _by_name(new.suite.scenarios)
    fresh = _fresh(was, becomes)
    forms = tuple(forms_of(new.messages.templates.values()).values())
    for name, cases in was.items():
        same = becomes.get(name, {})
        missing: dict[_Tried, set[_Aspect]] = {}
        for tried, looked in cases.items():
            now = [*same.get(tried, ()), *fresh[tried]]
            missing[tried] = {aspect for aspect in _missing(looked, now) if not _is_reworded(aspect, now, forms)}
        lost = _lost(name, missing, new, known=name in becomes)
        if lost is not None:
            yield lost


def _by_name(scenarios: Sequence[Scenario]) -> dict[str, dict[_Tried, list[Expectation]]]:
    found: dict[str, dict[_Tried, list[Expectation]]] = {}
    for scenario in scenarios:
        case = scenario.case
        tried = _Tried(
            day=case.day,
            facts=tuple(sorted(case.values.items())),
            convictions=tuple(sorted(case.convictions)),
            notice=tuple(sorted(scenario.notice)),
        )
        found.setdefault(scenario.name, {}).setdefault(tried, []).append(scenario.expect)
    return found


def _fresh(was: Mapping[str, _Cases], becomes: Mapping[str, _Cases]) -> Mapping[_Tried, list[Expectation]]:
    """What is expected now, for each case, by scenarios that did not expect it before."""
    found: dict[_Tried, list[Expectation]] = defaultdict(list)
    for name, cases in becomes.items():
        for tried, expected in cases.items():
            if _missing(expected, was.get(name, {}).get(tried, [])):
                found[tried] += expected
    return found


def _missing(expected: Sequence[Expectation], others: Sequence[Expectation]) -> set[_Aspect]:
    """What is looked at by `expected` and by none of the others."""
    looked: set[_Aspect] = set().union(*map(_aspects, expected))
    seen: set[_Aspect] = set().union(*map(_aspects, others))
    return {aspect for aspect in looked - seen if not any(_is_shorter(other, aspect) for other in others)}


def _aspects(expect: Expectation) -> set[_Aspect]:
    found: set[_Aspect] = {_TRIED}
    found |= {(name,) for name in (*_WHOLE, *_LISTS) if getattr(expect, name) is not None}
    for name in _LISTS:
        for place, entry in enumerate(getattr(expect, name) or ()):
            found |= {(name, place, key) for key in entry}
    for name in _LINES:
        found |= {(name, line) for line in getattr(expect, name) or ()}
    return found


def _is_shorter(other: Expectation, aspect: _Aspect) -> bool:
    """Whether the list is expected to end before this entry: then it is looked at, and expected otherwise."""
    if len(aspect) < 3:
        return False
    entries = getattr(other, str(aspect[0]))
    return entries is not None and len(entries) <= int(aspect[1])


def _is_reworded(aspect: _Aspect, now: Sequence[Expectation], forms: Sequence[re.Pattern[str]]) -> bool:
    """Whether it is a line that no message says any more, and other lines are looked at in its place."""
    if aspect[0] not in _LINES or not any(getattr(expect, str(aspect[0])) for expect in now):
        return False
    return not any(form.fullmatch(str(aspect[1]).upper()) for form in forms)


def _lost(name: str, missing: Mapping[_Tried, set[_Aspect]], new: Content, *, known: bool) -> Lost | None:
    untried = [tried for tried, aspects in missing.items() if _TRIED in aspects]
    count = len(missing)
    cases = f"its {count:,} cases are" if count > 1 else "its case is"
    if len(untried) == count and not known:
        return Lost("gone", name, f"{cases} no longer tried")
    others = len(untried) == count
    # A case that names a row which is gone cannot be tried any more; what became of it, the cases of the diff tell.
    untried = [tried for tried in untried if _is_possible(tried, new)]
    told = [f"{len(untried):,} of its {count:,} cases no longer tried"] if untried and not others else []
    told += [f"{cases} no longer tried; it tries others"] if untried and others else []
    unseen = [aspect for aspects in missing.values() if _TRIED not in aspects for aspect in sorted(aspects, key=str)]
    if unseen:
        told.append(f"no longer expects {', '.join(dict.fromkeys(map(_spoken, unseen)))}")
    return Lost("weaker", name, "; ".join(told)) if told else None


def _spoken(aspect: _Aspect) -> str:
    if aspect[0] in _LINES:
        return f'`{aspect[0]}` "{aspect[1]}"'
    if len(aspect) > 1:
        return f"`{aspect[-1]}` of `{aspect[0]}`"
    return f"`{aspect[0]}`"


def _is_possible(tried: _Tried, content: Content) -> bool:
    """Whether the rulebook still has the rows that a case names."""
    charge, status = CONVICTION_FACTS
    named = [(charge, code) for code, _ in tried.convictions]
    named += [(status, word) for _, word in tried.convictions]
    named += tried.facts
    tables = [(content.facts[fact].table, value) for fact, value in named]
    return all(table is None or value in content.tables[table].rows for table, value in tables)
