"""Lays out a YAML text anew: two blanks a level, `{a: b, c: d}`, no blanks at the end of a line. Words and comments stay.

What is aligned stays aligned: more than one blank after a comma or colon is left where a word of a line beside begins in the
same column, and a comment behind a line keeps its column where there is room.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from app.rulebook.files.source import Token, tokens

STEP = 2
"""Blanks a level."""

_BLANKS = " \t"
_OPENS = {"FlowMappingStart", "FlowSequenceStart"}
_CLOSES = {"FlowMappingEnd", "FlowSequenceEnd"}
_WORDS = {"Scalar", *_OPENS}


def laid_out(text: str) -> str:
    """The text, laid out once. Line ends are LF. Taking blanks out may end an alignment, so it is repeated until nothing changes."""
    return _Layout(text).whole()


@dataclass(slots=True)
class _Columns:
    """The columns that open blocks have in the new text; the innermost is last."""

    blocks: list[tuple[str, int]] = field(default_factory=list)
    flows: int = 0

    def read(self, token: Token) -> int:
        """Takes in the next token; the column it has where it begins a line."""
        kind = token.kind
        if kind in {"Key", "BlockEnd"} and self._innermost == "entries":
            self.blocks.pop()
        if kind == "BlockEntry" and self._innermost == "BlockMappingStart":
            self.blocks.append(("entries", self.inner))  # a list that is not indented has no token of its own
        if kind in {"BlockMappingStart", "BlockSequenceStart"}:
            self.blocks.append((kind, self.inner))
        elif kind == "BlockEnd":
            self.blocks.pop()
        self.flows += (kind in _OPENS) - (kind in _CLOSES)
        return self.blocks[-1][1] if self.blocks and kind in {"Key", "BlockEntry"} else self.inner

    @property
    def _innermost(self) -> str:
        return self.blocks[-1][0] if self.blocks and not self.flows else ""

    @property
    def inner(self) -> int:
        """The column of what is inside the innermost block."""
        return self.blocks[-1][1] + STEP if self.blocks else 0


class _Layout:
    """One text on its way to its new layout."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = [_without_line_end(token, text) for token in tokens(text)]
        self._aligned = _aligned(text, self._tokens)
        self._out: list[str] = []
        self._column = 0
        self._shift = 0
        self._moved: dict[int, int] = {}
        self._old_end = 0

    def whole(self) -> str:
        """The new text."""
        columns = _Columns()
        before: Token | None = None
        of_key: int | None = None
        for token in self._tokens:
            inside = columns.flows > 0
            wanted = columns.read(token)
            if token.start == token.end:
                of_key = wanted if token.kind == "Key" else of_key
                continue
            self._between(before, token, wanted if of_key is None else of_key, inside=inside)
            self._put(token)
            before, of_key = token, None
        self._behind(before)
        return "".join(self._out).rstrip("\n") + "\n"

    def _between(self, before: Token | None, token: Token, wanted: int, *, inside: bool) -> None:
        """What stands between two tokens: blanks on a line, or the end of a line, comments and an indentation."""
        gap = self._text[before.end if before else 0 : token.start]
        if before is not None and "\n" not in gap:
            self._write(_blanks(before.kind, token.kind, gap, aligned=token.start in self._aligned))
            return
        old = self._column_of(token.start)
        new = max(old + self._shift, 0) if inside else wanted
        if not inside:
            self._shift = new - old
        self._comments(gap.rpartition("\n")[0] if before else gap[: len(gap) - old], {old: new}, first=before is None)
        if before is not None:
            self._write("\n")
        self._write(" " * new)
        self._moved[old] = new

    def _behind(self, last: Token | None) -> None:
        self._comments(self._text[last.end if last else 0 :], {}, first=last is None)

    def _comments(self, gap: str, beside: dict[int, int], *, first: bool) -> None:
        """Comments and empty lines. The first stands behind a word, unless the text begins with it."""
        lines = gap.split("\n")
        if not first:
            self._write_comment(lines.pop(0))
        for number, line in enumerate(lines):
            comment = line.strip(_BLANKS)
            old = len(line) - len(line.lstrip(_BLANKS))
            new = beside.get(old, self._moved.get(old, old))
            ended = "" if first and number == 0 else "\n"
            self._write(ended + (" " * new + comment if comment else ""))

    def _write_comment(self, rest: str) -> None:
        """A comment behind a word: in its old column where that is free, else as near as it was, two blanks at the most."""
        comment = rest.strip(_BLANKS)
        if comment:
            blanks = len(rest) - len(rest.lstrip(_BLANKS))
            self._write(" " * max(self._old_end + blanks - self._column, min(blanks, 2)) + comment)

    def _put(self, token: Token) -> None:
        """A word or mark itself; the further lines of a long one move with its first."""
        first, *rest = self._text[token.start : token.end].split("\n")
        self._write(first)
        for line in rest:
            old = len(line) - len(line.lstrip(" "))
            shifted = " " * max(old + self._shift, 0) + line.lstrip(" ") if line.strip() else line
            self._write("\n" + shifted)
        self._old_end = self._column_of(token.end)

    def _write(self, text: str) -> None:
        self._out.append(text)
        _, ended, tail = text.rpartition("\n")
        self._column = len(tail) if ended else self._column + len(text)

    def _column_of(self, place: int) -> int:
        return place - (self._text.rfind("\n", 0, place) + 1)


def _without_line_end(token: Token, text: str) -> Token:
    """The token without the line ends that YAML counts to a text of several lines (`|`)."""
    return replace(token, end=token.start + len(text[token.start : token.end].rstrip("\n")))


def _blanks(before: str, after: str, gap: str, *, aligned: bool) -> str:
    """The blanks between two tokens of one line."""
    if before in _OPENS or after in _CLOSES or after in {"FlowEntry", "Value"}:
        return ""
    if before in {"BlockEntry", "Key"}:
        return " "
    if before in {"FlowEntry", "Value"}:
        return gap if aligned and "\t" not in gap else " "
    return gap


def _aligned(text: str, found: list[Token]) -> frozenset[int]:
    """The places of words that have a word in the same column in another line of the same block."""
    lines = text.split("\n")
    blocks = list(_blocks(lines))
    places: list[tuple[int, int, int]] = []
    starts = Counter[tuple[int, int]]()
    line, begin = 0, 0
    for token in found:
        if token.kind not in _WORDS:
            continue
        while begin + len(lines[line]) < token.start:
            begin += len(lines[line]) + 1
            line += 1
        places.append((token.start, blocks[line], token.start - begin))
        starts[blocks[line], token.start - begin] += 1
    return frozenset(start for start, block, column in places if starts[block, column] > 1)


def _blocks(lines: list[str]) -> Iterator[int]:
    """For each line the number of its block: lines of one indentation with no empty or less indented line between them."""
    open_blocks: list[tuple[int, int]] = []
    number = 0
    for line in lines:
        indent = len(line) - len(line.lstrip(_BLANKS))
        if not line.strip():
            open_blocks.clear()
        while open_blocks and open_blocks[-1][0] > indent:
            open_blocks.pop()
        if not open_blocks or open_blocks[-1][0] < indent:
            number += 1
            open_blocks.append((indent, number))
        yield open_blocks[-1][1]
