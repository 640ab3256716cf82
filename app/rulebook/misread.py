"""Where a text that is not YAML has to be mended.

A parser tells where it could not go on. That is often far behind the fault: a quote that is not closed swallows all up to the next
quote, a bracket that is not closed is missed on the line after. So the place told is the one to mend, and the other is named too.
"""

import re
from typing import NamedTuple

from app.rulebook import lookalikes
from app.rulebook.problems import Problems, Spot

_WHERE_TO_LOOK = "look at this line and the one before: indentation, a missing colon, quote or bracket"
_CONFLICT = re.compile("(<{7}|={7}|>{7})( |$)")
_NOTHING = re.compile(r":\s*(\[\]|\{\})\s*(#.*)?$")


class Misread(NamedTuple):
    """What a parser says of a text it could not read.

    `at` is where it could not go on; `began` is where what it was reading (`context`) began; `long_quote` is where the last text in
    quotes that goes over several lines began, and its last line.
    """

    problem: str
    context: str
    at: Spot
    began: Spot | None
    long_quote: tuple[Spot, int] | None


def tell_misread(said: Misread, text: str, problems: Problems) -> None:
    """Tells the fault (R002) in the place where it is to be mended."""
    lines = text.split("\n")
    also: tuple[Spot, ...] = (said.at,)
    if said.long_quote is not None and said.long_quote[1] == said.at.line:
        spot, help = said.long_quote[0], f"close the quote in line {said.long_quote[0].line}"
        message = f"the quote that begins here is not closed before line {said.at.line}"
    elif said.began is not None and "quoted scalar" in said.context:
        spot, help, also = said.began, f"close the quote in line {said.began.line}", ()
        message = "the quote that begins here is never closed"
    elif said.began is not None and "simple key" in said.context:
        also = ()
        spot, help = said.began, _cause(said, lines) or "write `key: value`, with a blank behind the colon"
        message = f"this is not YAML: {said.problem}"
    elif said.began is not None and "flow" in said.context and _begins_anew(said.began, said.at, lines):
        spot, help = said.began, "close the bracket that begins here"
        message = f"this is not YAML: {said.problem}"
    else:
        spot, help, also = said.at, _cause(said, lines) or _WHERE_TO_LOOK, ()
        message = f"this is not YAML: {said.problem or said.context}"
    problems.error("R002", message, spot, help=help, also=also)


def _begins_anew(began: Spot, at: Spot, lines: list[str]) -> bool:
    """Whether the line with `at` is no further line of the bracket that began: it would be indented more."""
    return at.line > began.line and _indent(_line(lines, at.line)) <= _indent(_line(lines, began.line))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _line(lines: list[str], number: int) -> str:
    return lines[number - 1] if 0 < number <= len(lines) else ""


def _cause(said: Misread, lines: list[str]) -> str:
    """What can be seen to be wrong near the place, and how to mend it; "" where nothing can."""
    for number in sorted({said.at.line, said.at.line - 1, said.began.line if said.began else said.at.line}):
        if _CONFLICT.match(_line(lines, number)):
            return "git has left two versions here: keep one, and take out the lines with <<<<<<<, ======= and >>>>>>>"
        if odd := lookalikes.that_trips_a_parser(_line(lines, number)):
            return f"line {number}: {odd}"
    if "\t" in _line(lines, said.at.line)[: said.at.column]:
        return "indent with blanks, not with tabs"
    return _wrong_in_line(said, _line(lines, said.at.line)) or _wrong_with_line_before(said, lines)


def _wrong_in_line(said: Misread, line: str) -> str:
    here, before = line[said.at.column - 1 : said.at.column], line[: said.at.column - 1]
    if re.match(r"\s*-\w+:", line):
        return "write a blank behind the hyphen: `- id: …`"
    if "cannot start any token" in said.problem and here in {"@", "`", "%"}:
        return f"a text that begins with {here} stands in quotes"
    if "mapping values are not allowed" in said.problem:
        return "a text with a colon and a blank in it stands in quotes; else look at the indentation of this line and the one before"
    if here.isalnum() and before.endswith(("'", '"')):
        return f"the text ends at the quote in column {said.at.column - 1}: write '' for an apostrophe between '…', or put it between \"…\""
    return ""


def _wrong_with_line_before(said: Misread, lines: list[str]) -> str:
    """Where a line that begins at the place does not fit the one before it, comments and empty lines apart."""
    number = said.at.line - 1
    while number and _line(lines, number).lstrip()[:1] in {"", "#"}:
        number -= 1
    here, before = _indent(_line(lines, said.at.line)), _line(lines, number)
    if said.at.column != here + 1 or not number:
        return ""
    hyphen = before.lstrip().startswith("- ")
    if (closed := _NOTHING.search(before)) and here > _indent(before):
        return f"take `{closed[1]}` out of line {number}: it says that nothing follows"
    if "'-'" in said.problem and hyphen and here == _indent(before):
        return f"line {number} begins with a hyphen and this one does not: either all lines of a list do, or none is one"
    depth = _indent(before) + (2 if hyphen else 0)
    if here != depth:
        return f"look at the indentation: this line begins with {here} blanks, what stands in line {number} with {depth}"
    return ""
