"""What can be wrong with a rulebook: a problem has a stable code, a place, what is allowed and how to mend it.

Codes and their pages: docs/reference/problems/. `R0..` a file cannot be read, `R1..` a word or shape is wrong, `R2..` a proof
over all cases fails, `R3..` something to know. Severity `error` keeps a rulebook from being used; `warning` does not.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal

from app.rulebook import lookalikes

Severity = Literal["error", "warning"]

_PARTS_SHOWN = 4
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
class Problems:
    """Collects problems while a rulebook is read, so that all are told at once."""

    found: list[Problem] = field(default_factory=list)

    def error(self, code: str, message: str, spot: Spot, help: str = "", label: str = "", **more: object) -> None:
        """Adds an error. Where a word that it quotes has a character that looks like another, the help begins with that."""
        odd = lookalikes.in_message(message)
        help = "; ".join(part for part in (odd, help) if part)
        self.found.append(Problem(code, "error", _shortened(message), spot, help, label, **more))  # type: ignore[arg-type]

    def warning(self, code: str, message: str, spot: Spot, help: str = "", label: str = "", **more: object) -> None:
        """Adds a warning."""
        self.found.append(Problem(code, "warning", _shortened(message), spot, help, label, **more))  # type: ignore[arg-type]

    @property
    def errors(self) -> int:
        """How many errors were found."""
        return sum(problem.severity == "error" for problem in self.found)

    @property
    def has_errors(self) -> bool:
        """Whether anything found keeps the rulebook from being used."""
        return any(problem.severity == "error" for problem in self.found)

    def sorted(self) -> tuple[Problem, ...]:
        """All problems, errors first, then in order of place; the same thing is told once."""
        return tuple(sorted(dict.fromkeys(self.found), key=lambda problem: problem.order))


def _shortened(message: str) -> str:
    """A message in which no word quoted from a file is endless."""
    return _LONG_WORD.sub(r"`\1…`", message)


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
    near = near or get_close_matches(word, options, n=1, cutoff=0.6)
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
