"""What decides about people and is no answer in a case: who lifts a flag, what a person must do by when, words that are watched.

The cases of a diff do not show it, so it is told in words, each change with its count.
"""

from collections.abc import Iterator, Sequence

import msgspec

from app.rulebook.comparing.change_words import day_runs
from app.rulebook.comparing.changes import Changes, Days, Side, sides
from app.rulebook.comparing.glossary import FEW
from app.rulebook.comparing.words import cells_of
from app.rulebook.language.model import HOLD
from app.rulebook.reading.content import Content

_PEOPLE = {"two_people": "two people", "one_person": "one person"}
_CELLS = (("lift", HOLD), ("ori_status", "release_state"))
"""Columns that decide about people, each with a fact whose table has it."""

_SPANS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


class Handling(msgspec.Struct, frozen=True):
    """One change of how people and messages are handled."""

    setting: str
    """The key or column that changes, such as `lift`."""
    before: str
    """What it said before; empty for nothing."""
    after: str
    """What it says now; empty for nothing."""
    values: tuple[str, ...]
    """The rows, words or codes that it is about."""
    count: int
    """How many these are; for `within`, how many cases."""
    what: str
    """The same in a sentence."""


def handling(old: Content, new: Content, changes: Changes) -> tuple[Handling, ...]:
    """Every such change, those of flags first."""
    both = list(sides(old, new))
    found = [change for column, fact in _CELLS for change in _cells(column, fact, both)]
    found += _flag_order(old, new)
    found += _rows(old, new)
    found += _due(changes)
    found += _words("watch_words", "watched", old.messages.watch_words, new.messages.watch_words)
    for field in sorted(old.codes.codes.keys() | new.codes.codes.keys()):
        codes = (sorted(content.codes.codes.get(field, ())) for content in (old, new))
        found += _words(f"{field} codes", "known", *codes)
    return tuple(found)


def _cells(column: str, fact: str, both: Sequence[tuple[Side, Side]]) -> Iterator[Handling]:
    """A column's cells that differ, rows that change alike on the same days together."""
    days: dict[tuple[str, str, str], list[Days]] = {}
    for before, after in both:
        for value in before.view.domain(fact):
            was, becomes = (_cell(side, column, fact, value) for side in (before, after))
            if was != becomes and not before.rejects(fact, value) and not after.rejects(fact, value):
                run = Days(before.view.first, before.view.last)
                days.setdefault((value, was, becomes), []).append(run)
    alike: dict[tuple[str, str, tuple[Days, ...]], list[str]] = {}
    for (value, was, becomes), runs in days.items():
        alike.setdefault((was, becomes, tuple(runs)), []).append(value)
    for (was, becomes, found), values in alike.items():
        yield Handling(
            setting=column,
            before=was,
            after=becomes,
            values=tuple(values),
            count=len(values),
            what=_cell_words(column, was, becomes, values, day_runs(found)),
        )


def _cell(side: Side, column: str, fact: str, value: str) -> str:
    cell = cells_of(side.view, fact, value).get(column, "")
    if column == "lift":  # what says nothing is lifted by one person
        return "two_people" if cell == "two_people" else "one_person"
    return cell


def _cell_words(column: str, was: str, becomes: str, values: Sequence[str], released: str) -> str:
    days = "" if released == "every day" else f" (released {released})"
    names = ", ".join(values)
    if column == "lift":
        flags = f"{len(values)} flag{'' if len(values) == 1 else 's'}"
        verb = "is" if len(values) == 1 else "are"
        return f"{flags} {verb} lifted by {_PEOPLE[becomes]} instead of {_PEOPLE[was]}: {names}{days}"
    states = f"{len(values)} state{'' if len(values) == 1 else 's'}"
    return f"{column} of {states} was {was or 'empty'} and becomes {becomes or 'empty'}: {names}{days}"


def _flag_order(old: Content, new: Content) -> Iterator[Handling]:
    """The order of the flags: of several on one release, the first stands for them all."""
    rows = [content.tables[content.facts[HOLD].table or ""].rows for content in (old, new)]
    before, after = [row for row in rows[0] if row in rows[1]], [row for row in rows[1] if row in rows[0]]
    if before != after:
        moved = tuple(row for row, other in zip(after, before, strict=True) if row != other)
        was, becomes = ", ".join(before), ", ".join(after)
        what = f"the order of the flags was {was}, and becomes {becomes}: of several on a release another one may stand"
        yield Handling("flag_order", was, becomes, moved, len(moved), what)


def _rows(old: Content, new: Content) -> Iterator[Handling]:
    """Rows that are gone or new; a code of no row counts as unknown from then on. Codes of a sensitive table are not in words."""
    for name in dict.fromkeys([*old.tables, *new.tables]):
        both = [content.tables.get(name) for content in (old, new)]
        before, after = (list(table.rows) if table is not None else [] for table in both)
        sensitive = any(table is not None and table.sensitive for table in both)
        for rows, was, becomes in ((_without(before, after), "there", ""), (_without(after, before), "", "there")):
            if rows:
                count = f"{len(rows):,} row{'' if len(rows) == 1 else 's'} of {name}"
                how = f"{'is' if len(rows) == 1 else 'are'} {'gone' if was else 'new'}"
                codes = "" if sensitive else f": {_listed(rows)}"
                yield Handling(f"rows of {name}", was, becomes, rows, len(rows), f"{count} {how}{codes}")


def _without(some: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    known = set(others)
    return tuple(each for each in some if each not in known)


def _listed(values: Sequence[str]) -> str:
    more = len(values) - FEW
    return f"{', '.join(values[:FEW])} and {more:,} more" if more > 0 else ", ".join(values)


def _due(changes: Changes) -> Iterator[Handling]:
    for due, count in sorted(changes.dues.items(), key=lambda found: (-found[1], str(found[0]))):
        was, becomes = (_span(seconds) for seconds in (due.before, due.after))
        about = due.audience.replace("_", " ")
        asked = f"the notice to the {about}" if due.code is None else f"{due.code} about the {about}"
        cases = f"{count:,} case{'' if count == 1 else 's'}"
        yield Handling(
            setting="within",
            before=was,
            after=becomes,
            values=(due.audience if due.code is None else due.code,),
            count=count,
            what=f"{asked} {_due_words(due.before)} before and {_due_words(due.after)} now, in {cases}",
        )


def _due_words(seconds: int | None) -> str:
    return "has no due time" if seconds is None else f"is due within {_span(seconds)}"


def _span(seconds: int | None) -> str:
    if seconds is None:
        return ""
    size, letter = next((size, letter) for size, letter in _SPANS if seconds % size == 0)
    return f"{seconds // size}{letter}"


def _words(setting: str, verb: str, before: Sequence[str], after: Sequence[str]) -> Iterator[Handling]:
    gone, come = _without(before, after), _without(after, before)
    for words, was, becomes, how in ((gone, verb, "", "no longer"), (come, "", verb, "now")):
        if words:
            what = f"{len(words):,} of the {setting} {'is' if len(words) == 1 else 'are'} {how} {verb}: {_listed(words)}"
            yield Handling(setting, was, becomes, words, len(words), what)


def handling_words(found: Sequence[Handling]) -> list[str]:
    """A sentence on how many such changes there are, then each of them; nothing for none."""
    if not found:
        return []
    count = "1 setting that decides" if len(found) == 1 else f"{len(found):,} settings that decide"
    verb = "changes" if len(found) == 1 else "change"
    return [f"{count} how people and messages are handled {verb}:", *(f"  {change.what}" for change in found)]
