"""Folds text to the characters that can be sent: upper-case printable ASCII.

Accents are removed and Latin letters without a plain form written out (`ß` SS, `Ł` L, `Þ` TH). A letter of another script has
no ASCII form: it becomes `?`, with a caution, since guessing a romanisation could give a state a name the person does not have.
No character can become a line, a header or a control character.
"""

import unicodedata
from collections.abc import Iterator

from anyascii import anyascii

from app.domain.decision import NUMBER_MARK

UNKNOWN = "\ufffd"
"""Stands for a character with no ASCII form until it is counted and written `?`."""

_CONTROL = frozenset([*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), "\u2028", "\u2029"])


_FRACTION_SLASH = "\u2044"


class _Folds(dict[int, str]):
    """Character by character, worked out at first meeting."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _fold_one(chr(code))
        return folded


def _fold_one(char: str) -> str:
    if char in _CONTROL:
        return "\0"
    if char.isascii():
        return char.upper()
    plain = "".join(_plain(part) for part in unicodedata.normalize("NFKD", char))
    return plain.upper()


def _plain(part: str) -> str:
    if part.isascii():
        return part
    category = unicodedata.category(part)
    if category in {"Mn", "Me", "Cf"}:
        return ""
    if category == "Zs":
        return " "
    if category[0] == "L" and "LATIN" in unicodedata.name(part, ""):
        written = anyascii(part)
    elif category[0] == "P" or category in {"Lm", "Sk"} or part == _FRACTION_SLASH:
        written = "".join(char for char in anyascii(part) if not char.isalnum()).replace("`", "'")
    else:
        written = ""
    return written if written and written.isascii() and written.isprintable() else UNKNOWN


_FOLDS = _Folds()


def is_stated(text: str | None) -> bool:
    """Whether there is anything to read in a value: not only blanks, and not only what leaves nothing when it is folded."""
    if not text:
        return False
    # A letter or digit of any script becomes something, `?` at the least.
    return text[0].isalnum() or bool(fold(text)[0].strip())


def stated_or(text: str | None, missing: str) -> str:
    """The value as stated, or what stands for it when there is nothing to read in it."""
    if text and text[0].isalnum():
        return text
    return text if text and is_stated(text) else missing


def fold(text: str) -> tuple[str, bool]:
    """The text as it can be sent, and whether a character had to become `?`. A run of control characters becomes one blank."""
    if text.isascii() and text.isprintable():
        return text.upper(), False
    folded = text.translate(_FOLDS)
    if "\0" in folded:
        folded = " ".join(_between_controls(folded))
    return (folded.replace(UNKNOWN, "?"), True) if UNKNOWN in folded else (folded, False)


def _between_controls(text: str) -> Iterator[str]:
    """The stretches between runs of control characters; an empty one at either end stands for the blank there."""
    parts = text.split("\0")
    for place, part in enumerate(parts):
        if part or place in {0, len(parts) - 1}:
            yield part


def wrap(line: str, width: int) -> list[str]:
    """A line cut at blanks into lines of at most `width` characters, each further one indented by two blanks."""
    lines = []
    indent = ""
    line = line.rstrip() if len(line) > width else line
    while len(line) > width:
        cut = line.rfind(" ", len(indent) + 1, width + 1)
        if cut < 0:
            cut = _hard_cut(line, width)
            lines.append(line[:cut])
            line = "  " + line[cut:]
        else:
            lines.append(line[:cut])
            line = "  " + line[cut + 1 :]
        indent = "  "
    lines.append(line)
    return lines


def _hard_cut(line: str, width: int) -> int:
    """Where to cut a stretch without blanks: at the width, or before the message number that stands across it."""
    start = width
    while start and line[start - 1] == NUMBER_MARK[0]:
        start -= 1
    return start + (width - start) // len(NUMBER_MARK) * len(NUMBER_MARK)
