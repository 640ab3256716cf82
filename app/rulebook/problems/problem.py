"""What can be wrong with a rulebook: a problem has a stable code, a place, what is allowed and how to mend it.

Codes and their pages: docs/reference/problems/. `R0..` a file cannot be read, `R1..` a word or shape is wrong, `R2..` a proof
over all cases fails, `R3..` something to know. Severity `error` keeps a rulebook from being used; `warning` does not.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Literal

from app.rulebook.problems import lookalikes

Severity = Literal["error", "warning"]

ALIKE = 3
"""So many faults of one code and cause in one file are told each by itself; more are told once."""
PLACES = 5
"""How many places are told of faults that are told once."""
GROUPS_KEPT = 1_000
MOST_TOLD = 100
"""Problems told at the most; the rest is counted."""
LONGEST = 600
"""Characters of a message or help at the most."""

_PARTS_SHOWN = 4
_LONG_FOR_NEAR = 100
_MANY_TO_COMPARE = 2_000
_CAUSE = re.compile("`[^`]*`|[A-Z0-9]{2,}[A-Z0-9-]*|[0-9]+")
"""What differs between messages of the same cause: words of the file, ids, codes, numbers."""
_LONG_WORD = re.compile("`([^`\n]{80})[^`\n]+`")


@dataclass(frozen=True, slots=True, order=True)
class Spot:
    """A place in a file of the rulebook. Lines and columns count from 1; `length` is in characters, on that line."""

    file: str
    line: int = 1
    column: int = 1
    length: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong. `cases` counts the cases it concerns, `example` is one of them, `also` other places it involves."""

    code: str
    severity: Severity
    message: str
    spot: Spot
    help: str = ""
    label: str = ""
    cases: int = 0
    example: Mapping[str, str] | None = field(default=None, hash=False)
    also: tuple[Spot, ...] = ()

    @property
    def order(self) -> tuple[int, Spot, str]:
        """Errors first, then by place, then by code."""
        return (0 if self.severity == "error" else 1, self.spot, self.code)


@dataclass(slots=True)
class _Group:
    """Faults of one code and cause in one file: the first of them, how many there are, and what to say of many."""

    first: list[Problem]
    count: int
    many: str


@dataclass(slots=True)
class Problems:
    """Collects problems while a rulebook is read, so that all are told at once.

    Like faults are told once with their count and first places, and a hostile file cannot have an endless answer: of each group the
    first few are kept, of groups the first `GROUPS_KEPT` of either severity, and `MOST_TOLD` problems are told.
    """

    found: list[Problem] = field(default_factory=list)
    errors: int = 0
    """How many errors were found, like ones counted each."""
    codes: set[str] = field(default_factory=set)
    """The codes of all errors."""
    left_out: int = 0
    """How many groups were not kept."""
    _groups: dict[tuple[str, ...], _Group] = field(default_factory=dict)
    _kept: Counter[str] = field(default_factory=Counter)
    _seen: set[int] = field(default_factory=set)
    _spots: set[Spot] = field(default_factory=set)
    _places: set[tuple[str, str]] = field(default_factory=set)

    def error(
        self,
        code: str,
        message: str,
        spot: Spot,
        help: str = "",
        label: str = "",
        *,
        like: str = "",
        many: str = "",
        **more: object,
    ) -> None:
        """Adds an error. Where a word that it quotes has a character that looks like another, the help begins with that.

        `like` names the cause where the message alone does not show it; `many` is what is said of many, with `{count}`.
        """
        self.codes.add(code)
        problem = Problem(code, "error", _shorten(message), spot, help, label, **more)  # type: ignore[arg-type]
        self.errors += self._add(problem, like, many)

    def warning(self, code: str, message: str, spot: Spot, help: str = "", label: str = "", **more: object) -> None:
        """Adds a warning."""
        self._add(Problem(code, "warning", _shorten(message), spot, help, label, **more))  # type: ignore[arg-type]

    def _add(self, problem: Problem, like: str = "", many: str = "") -> bool:
        """Counts a problem, and keeps it where it is one of the first of its kind; False where the same was told before."""
        identity = hash((problem.code, problem.spot, problem.message, problem.also))
        if identity in self._seen:
            return False
        self._seen.add(identity)
        self._spots.update((problem.spot, *problem.also))
        self._places.add((problem.code, problem.spot.file))
        own = problem.message if problem.cases or problem.example else ""  # each proof that fails is told by itself
        cause = like or _CAUSE.sub("_", problem.message)
        key = (problem.severity, problem.code, problem.spot.file, cause, own)
        group = self._groups.get(key)
        if group is None and self._kept[problem.severity] >= GROUPS_KEPT:
            self.left_out += 1
            return True
        if group is None:
            self._kept[problem.severity] += 1
            group = self._groups[key] = _Group([], 0, many)
        group.count += 1
        if len(group.first) < PLACES:
            odd = lookalikes.in_message(problem.message) if problem.severity == "error" else ""
            help = "; ".join(part for part in (odd, problem.help) if part)
            kept = replace(problem, help=_cut(help), label=_cut(problem.label))
            group.first.append(kept)
            self.found.append(kept)
        return True

    @property
    def has_errors(self) -> bool:
        """Whether anything found keeps the rulebook from being used."""
        return self.errors > 0

    def told_at(self, *spots: Spot) -> bool:
        """Whether something was told of one of these places."""
        return not self._spots.isdisjoint(spots)

    def told_in(self, files: Iterable[str], codes: Collection[str] | None = None) -> bool:
        """Whether something was told of one of these files, of these codes or of any."""
        wanted = set(files)
        return any(file in wanted and (codes is None or code in codes) for code, file in self._places)

    @property
    def more(self) -> int:
        """How many problems are not among those that `sorted` gives."""
        return max(len(self._told()) - MOST_TOLD, 0) + self.left_out

    def sorted(self) -> tuple[Problem, ...]:
        """The problems to be told, errors first, then in order of place; like ones once."""
        return tuple(sorted(self._told(), key=lambda problem: problem.order)[:MOST_TOLD])

    def _told(self) -> list[Problem]:
        told: list[Problem] = []
        for group in self._groups.values():
            if group.count <= ALIKE:
                told += group.first
            else:
                told.append(_joined(group))
        return told


def _joined(group: _Group) -> Problem:
    """One problem for many alike: their count, and the first places."""
    first, *others = sorted(group.first, key=lambda problem: problem.spot)
    message = f"{first.message}, and {group.count - 1:,} more like it in this file"
    if group.many:
        message = group.many.format(count=f"{group.count:,}")
    return replace(first, message=message, also=tuple(problem.spot for problem in others))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _shorten(message: str) -> str:
    """A message in which no word quoted from a file is endless."""
    return _cut(_LONG_WORD.sub(r"`\1…`", message))


def list_meant(word: str, allowed: Iterable[str]) -> str:
    """What to say of several words where one was expected: `a, b`, `a or b`, `a b`, of which all or most are allowed; else ""."""
    parts = re.split(r"\s*,\s*|\s+(?:or|and)\s+|\s+", word.strip("[] "))
    options = set(allowed)
    if len(parts) < 2 or sum(part in options for part in parts) * 2 <= len(parts):
        return ""
    shown = ", ".join(parts if len(parts) <= _PARTS_SHOWN else (*parts[:2], "…"))
    return f"several stand in brackets: `[{shown}]`"


def did_you_mean(word: str, allowed: Iterable[str], prefix: str = "") -> str:
    """`did you mean `x`?` for the allowed word nearest to `word`, or "" when none is near.

    >>> did_you_mean("in_us", ["into_us", "left_us"], prefix="release_reasons.")
    'did you mean `release_reasons.into_us`?'
    """
    options = list(allowed)
    near = [option for option in options if word and option.lstrip("0") == word and option != word]  # a zero lost in front
    if not near and len(word) <= _LONG_FOR_NEAR and len(options) <= _MANY_TO_COMPARE:  # comparing is slow
        near = get_close_matches(word, [option for option in options if len(option) <= _LONG_FOR_NEAR], n=1, cutoff=0.6)
    if not near:
        folded = {option.casefold(): option for option in options}
        near = [folded[word.casefold()]] if word.casefold() in folded else []
    return f"did you mean `{prefix}{near[0]}`?" if near else ""


def one_of(allowed: Iterable[str], most: int = 12) -> str:
    """`allowed: a, b, c`, cut after `most` words with the number left out; "" where nothing is allowed."""
    words = list(allowed)
    if not words:
        return ""
    shown = ", ".join(words[:most])
    return f"allowed: {shown}" + (f" and {len(words) - most} more" if len(words) > most else "")
