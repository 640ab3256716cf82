"""What differs between two answers, said in sentences and lines."""

from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher

from app.rulebook.comparing.changes import Days, Group
from app.rulebook.comparing.differences import Answered, Difference, Entry, FieldChange
from app.rulebook.comparing.glossary import Glossary
from app.rulebook.comparing.words import Line, WordChange
from app.rulebook.language.model import FIRST_DAY, LAST_DAY, day_after

_OUTCOMES = {
    "notify": "a notice is owed",
    "hold_for_review": "a person decides",
    "do_not_notify": "no notice is owed",
    "rejected": "the release is refused",
}
_LINES_SHOWN = 6


def what(differs: Difference) -> str:
    """One sentence on what differs in a group."""
    parts = [*_outcome(differs), *_fields(differs.fields), *_words(differs.words)]
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."


def _outcome(differs: Difference) -> Iterator[str]:
    for change in differs.fields:
        if change.audience is None:
            yield f"{_OUTCOMES[change.before or '']} before, {_OUTCOMES[change.after or '']} now"


def _fields(changes: Sequence[FieldChange]) -> Iterator[str]:
    for change in changes:
        if change.audience is None:
            continue
        name = _spoken(change.audience)
        word = "told" if change.field == "notice" else "asked about"
        if change.after is None:
            yield f"the {name} is no longer {word} ({change.before})"
        elif change.before is None:
            yield f"the {name} is now {word} ({change.after})"
        else:
            yield f"for the {name}: {change.field} {change.before or 'empty'} becomes {change.after or 'empty'}"


def _spoken(audience: str) -> str:
    return audience.replace("_", " ")


def _words(changes: Sequence[WordChange]) -> Iterator[str]:
    """Changes of words; notices that change alike are told together."""
    alike: dict[str, list[str]] = {}
    for change in changes:
        alike.setdefault("; ".join(_said(change)), []).append(_spoken(change.audience))
    for said, audiences in alike.items():
        notices = "notices" if len(audiences) > 1 else "notice"
        yield f"in the {notices} to the {' and the '.join(audiences)}: {said}"


def _said(change: WordChange) -> Iterator[str]:
    gone, come = lines_changed(*change.lines)
    if gone and sorted(map(str, gone)) == sorted(map(str, come)):
        yield f"{_quoted(come)} in another place"
    elif gone and come:
        yield f"{_quoted(come)} instead of {_quoted(gone)}"
    elif come:
        yield f"also {_quoted(come)}"
    elif gone:
        yield f"no longer {_quoted(gone)}"
    for name, before, after in change.fields:
        yield f"{name} {before or 'empty'} becomes {after or 'empty'}"
    (width, most), (width_now, most_now) = change.limits
    if width != width_now:
        yield f"lines of at most {width_now} characters instead of {width}"
    if most != most_now:
        yield f"at most {most_now:,} characters instead of {most:,}"


def _quoted(lines: Sequence[Line]) -> str:
    shown = ", ".join(f'"{line}"' for line in lines[:_LINES_SHOWN])
    more = len(lines) - _LINES_SHOWN
    return f"{shown} and {more} more lines" if more > 0 else shown


def lines_changed(before: Sequence[Line], after: Sequence[Line]) -> tuple[list[Line], list[Line]]:
    """The lines that go, and those that come."""
    gone: list[Line] = []
    come: list[Line] = []
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for kind, first, last, first_now, last_now in matcher.get_opcodes():
        if kind != "equal":
            gone += before[first:last]
            come += after[first_now:last_now]
    return gone, come


def days(group: Group) -> str:
    """The days of the group's cases."""
    return day_runs(group.counts)


def day_runs(all_days: Iterable[Days]) -> str:
    """Days, with those that follow one another joined."""
    runs: list[Days] = []
    for found in sorted(all_days):
        if runs and day_after(runs[-1].last) == found.first:
            runs[-1] = Days(runs[-1].first, found.last)
        else:
            runs.append(found)
    return ", ".join(map(_run, runs))


def _run(run: Days) -> str:
    if run.first == FIRST_DAY and run.last == LAST_DAY:
        return "every day"
    if run.last == LAST_DAY:
        return f"from {run.first.isoformat()} on"
    if run.first == FIRST_DAY:
        return f"through {run.last.isoformat()}"
    if run.first == run.last:
        return run.first.isoformat()
    return f"{run.first.isoformat()} through {run.last.isoformat()}"


def effects(sends: Iterable[Entry], work_items: Iterable[Entry]) -> list[str]:
    """What is sent and asked, in words."""
    sent = ", ".join(f"{send['copy']} to {send['ori']}" for send in sends)
    asked = ", ".join(f"{item['code']} ({item['to']})" for item in work_items)
    return ([f"sends {sent}"] if sent else []) + ([f"asks {asked}"] if asked else [])


def answer_line(answered: Answered, glossary: Glossary | None = None) -> str:
    """An answer on one line; with a glossary the rules are told with their titles."""
    rules = [_rule(rule, glossary) for rule in answered.rules]
    parts = [answered.outcome, " -> ".join(rules), *effects(answered.sends, answered.work_items)]
    return "; ".join(part for part in parts if part)


def _rule(rule: str, glossary: Glossary | None) -> str:
    title = glossary.title(rule) if glossary is not None else ""
    return f"{rule} ({title})" if title else rule
