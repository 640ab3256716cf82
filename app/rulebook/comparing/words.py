"""The words of a notice, as far as a case decides them: what a state reads is a part of the answer.

A case says nothing of a name or a street, so these stay fields. Two notices have the same words when every release of the
case would get the same text from both: in time or late, new or after another message, with a residence stated or not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product

from app.rulebook.comparing.stand_ins import UNLISTED, UNSTATED
from app.rulebook.language.model import Fact, Messages, Send, TemplateLine
from app.rulebook.language.view import View
from app.rulebook.reading.content import Content

TESTING = "testing"
"""The stage of a state whose notices are test notices."""

NONE = "NONE"
NOT_STATED = "NOT STATED"

_FACT_FIELDS = ("release_state", "residence_state", "release_reason")
"""Fields that print the value of the fact of the same name."""
RESIDENCE = "residence_state"
_RESIDENCE_FIELDS = ("street", "city", "zip", "residence_state")
_NEW = {"type": "NEW", "refers_to": NONE}
"""What the fields say in a notice that follows no other."""


Lines = tuple[TemplateLine, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A line as a rulebook has it, with its fields in braces, and the condition it needs."""

    text: str
    only: str | None

    def __str__(self) -> str:
        return self.text if self.only is None else f"{self.text} (only: {self.only})"


@dataclass(frozen=True, slots=True)
class NoticeWords:
    """What decides the words of one notice: its lines, their limits, and the fields whose text the case gives.

    `stated` are the ways a release of the case can have a residence: stated, not stated, or both.
    """

    audience: str
    message: str
    lines: Lines
    limits: tuple[int, int]
    given: tuple[tuple[str, str], ...]
    testing: bool
    stated: tuple[bool, ...]

    def field(self, name: str) -> str:
        """What a field says in this case."""
        return dict(self.given)[name]

    def with_field(self, name: str, text: str) -> "NoticeWords":
        """The same words, with another text in one field."""
        given = {**dict(self.given), name: text}
        return replace(self, given=tuple(given.items()))

    def shown(self) -> tuple[Line, ...]:
        """The lines that a state of this stage can get."""
        lines = [Line(_written(line), line.only) for line in self.lines]
        return tuple(line for line in lines if self.testing or line.only != "test_stage")

    def texts(self) -> tuple[tuple[str, ...], ...]:
        """The text in every situation, with fields that the case does not decide left open."""
        situations = product((False, True), (False, True), self.stated)
        return tuple(self._text(late, follow_up, stated) for late, follow_up, stated in situations)

    def _text(self, late: bool, follow_up: bool, stated: bool) -> tuple[str, ...]:  # noqa: FBT001 - the three together
        there = {"late": late, "follow_up": follow_up, "residence_stated": stated, "test_stage": self.testing}
        known = dict(self.given)
        if not follow_up:
            known |= _NEW
        if not stated:
            known |= dict.fromkeys(_RESIDENCE_FIELDS, NOT_STATED)
        return tuple(_filled(line, known) for line in self.lines if line.only is None or there[line.only])


def _written(line: TemplateLine) -> str:
    return "".join(part if isinstance(part, str) else f"{{{part[0]}}}" for part in line.parts)


def _filled(line: TemplateLine, known: Mapping[str, str]) -> str:
    """The line in capitals; an open field stands between NULs, which no text can have."""
    texts = [part if isinstance(part, str) else known.get(part[0], f"\0{part[0]}\0") for part in line.parts]
    return "".join(texts).upper()


@dataclass(frozen=True, slots=True)
class WordChange:
    """How the words of one audience's notice differ: the lines of the message, and fields that a row gives, before and after.

    `of_row`: the row of the state says so (its stage, or a field printed from it), which can be changed from a day on.
    """

    audience: str
    lines: tuple[tuple[Line, ...], tuple[Line, ...]]
    limits: tuple[tuple[int, int], tuple[int, int]]
    fields: tuple[tuple[str, str, str], ...]
    of_row: bool


def word_change(was: NoticeWords, becomes: NoticeWords) -> WordChange | None:
    """How two notices for one audience differ in words; None where they do not.

    What is printed only because other states are told, or with another copy, is no change of words.
    """
    alike = was.with_field("copy", becomes.field("copy"))
    if NONE in {was.field("also_sent_to"), becomes.field("also_sent_to")}:
        alike = alike.with_field("also_sent_to", becomes.field("also_sent_to"))
    if alike == becomes or _same_texts(alike, becomes):
        return None
    after = dict(becomes.given)
    fields = tuple((name, text, after[name]) for name, text in alike.given if after.get(name, text) != text)
    return WordChange(
        audience=was.audience,
        lines=(was.shown(), becomes.shown()),
        limits=(was.limits, becomes.limits),
        fields=fields,
        of_row=bool(fields) or was.testing != becomes.testing,
    )


def _same_texts(was: NoticeWords, becomes: NoticeWords) -> bool:
    """Whether a state reads the same in every situation. Lines that both begin and end with say the same where fields do."""
    if was.limits != becomes.limits:
        return False
    if was.given == becomes.given and was.testing == becomes.testing:
        old, new = lines_apart(was.lines, becomes.lines)
        was, becomes = replace(was, lines=old), replace(becomes, lines=new)
    return was.texts() == becomes.texts()


def lines_apart(before: Lines, after: Lines) -> tuple[Lines, Lines]:
    """What is left of two messages when the lines that both begin with, and those that both end with, are taken away."""
    shortest = min(len(before), len(after))
    first = next((place for place in range(shortest) if before[place] != after[place]), shortest)
    left = shortest - first
    last = next((place for place in range(left) if before[-1 - place] != after[-1 - place]), left)
    return before[first : len(before) - last], after[first : len(after) - last]


class WordFinder:
    """Finds the words of notices under one rulebook."""

    def __init__(self, content: Content, apart: Mapping[str, tuple[str, ...]]) -> None:
        self._messages = content.messages
        self._limits = limits(content.messages)
        self._facts = content.facts
        self._standing = {name: _values_standing(fact, apart[name]) for name, fact in content.facts.items()}
        unstated = [value for value in apart[RESIDENCE] if value.startswith(UNSTATED)]
        self._missing = unstated[0] if unstated else content.facts[RESIDENCE].when_missing

    def may_be_missing(self, residence: str) -> bool:
        """Whether this value of the residence is also that of a release which states none."""
        return residence == self._missing

    def words(self, send: Send, values: Mapping[str, str], row: Mapping[str, str], also: str) -> NoticeWords:
        """The words of a notice. `row` are the cells of the state told, `also` is the Nlets code of the other state told, or NONE."""
        given = {"copy": send.copy, "state": row.get("nlets", ""), "also_sent_to": also}
        for name in _FACT_FIELDS:
            if values[name] not in self._standing[name]:
                given[name] = values[name]
        return NoticeWords(
            audience=send.audience,
            message=send.message,
            lines=self._messages.templates[send.message].lines,
            limits=self._limits,
            given=tuple(given.items()),
            testing=row.get("stage") == TESTING,
            stated=(True, False) if self.may_be_missing(values[RESIDENCE]) else (True,),
        )


def limits(messages: Messages) -> tuple[int, int]:
    """The longest line and the longest text, in characters."""
    return messages.line_length, messages.max_characters


def _values_standing(fact: Fact, apart: tuple[str, ...]) -> frozenset[str | None]:
    """The values that also stand for what a release leaves out, or says in a code that no table has."""
    rows = {UNSTATED: fact.when_missing, UNLISTED: fact.when_unknown}
    for value in apart:
        word = next(word for word in rows if value.startswith(word))
        rows[word] = value
    return frozenset(rows.values())


def printed_fields(old: Messages, new: Messages) -> frozenset[str] | None:
    """The fields in stretches of lines that two rulebooks do not share; None where every message of both has the same lines."""
    found: set[str] = set()
    differ = False
    for name in old.templates.keys() & new.templates.keys():
        before, after = old.templates[name].lines, new.templates[name].lines
        if before != after:
            differ = True
            lines = [line for part in lines_apart(before, after) for line in part]
            found |= {part[0] for line in lines for part in line.parts if isinstance(part, tuple)}
    return frozenset(found) if differ else None


def row_mark(view: View, fact: str, value: str) -> tuple[bool, str]:
    """What a state's row puts into words: whether its notices are test notices, and its Nlets code."""
    cells = cells_of(view, fact, value)
    return cells.get("stage") == TESTING, cells.get("nlets", "")


def cells_of(view: View, fact: str, value: str) -> Mapping[str, str]:
    """The cells of the row that answers for a value; none where there is no such row."""
    table = view.facts[fact].table or ""
    row = view.stands_for.get(table, {}).get(value, value)
    return view.cells[table].get(row, {})
