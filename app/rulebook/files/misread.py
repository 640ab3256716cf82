"""Where a text that is not YAML has to be mended.

A parser tells where it could not go on. That is often far behind the fault: a quote that is not closed swallows all up to the next
quote, a bracket that is not closed is missed on the line after. So the place told is the one to mend, and the other is named too.
"""

import re
from typing import NamedTuple

from app.rulebook.language import grammar
from app.rulebook.problems import lookalikes
from app.rulebook.problems.problem import Problems, Spot

_WHERE_TO_LOOK = "look at this line and the one before: indentation, a missing colon, quote or bracket"
_KEY_IN_KEY = re.compile(r"(?P<outer>\w+):\s+(?P<inner>[a-z_]+:\s+\S.*)")
"""A key with another key after it on the same line, such as `charge_code: in: a.b`."""
_COLON_IN_BRACES = re.compile(r"(?P<outer>\w+):\s+(?P<between>[^,{}\[\]]*?)(?P<inner>\w+)$")
"""What is before a colon that the braces around it have no place for."""
_NO_COLON = re.compile(r"\s*(?:- )?(?P<fact>\w+)\s+(?P<condition>(?:=+|!=|<>|in|is|not)\s.*?)\s*(?:#.*)?")
"""A line that was meant as a condition, such as `charge_code in a.b`."""
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
    lines = text.replace("\r\n", "\n").split("\n")
    also: tuple[Spot, ...] = (said.at,)
    if said.long_quote is not None and said.long_quote[1] == said.at.line:
        spot, help = said.long_quote[0], f"close the quote in line {said.long_quote[0].line}"
        message = f"the quote that begins here is not closed before line {said.at.line}"
    elif said.began is not None and "quoted scalar" in said.context:
        spot, help, also = said.began, f"close the quote in line {said.began.line}", ()
        message = "the quote that begins here is never closed"
    elif said.began is not None and "simple key" in said.context:
        also = ()
        there = said._replace(at=said.began)
        spot, help = said.began, _cause(there, lines) or "write `key: value`, with a blank behind the colon"
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
        if odd := lookalikes.that_trips_a_parser(_line(lines, number)):
            return f"line {number}: {odd}"
    if "\t" in _line(lines, said.at.line)[: said.at.column]:
        return "indent with blanks, not with tabs"
    wrong = _lacking_colon(said, lines) or _wrong_in_line(said, _line(lines, said.at.line))
    return wrong or _wrong_with_line_before(said, lines)


def _lacking_colon(said: Misread, lines: list[str]) -> str:
    """Where the line before is a condition without its colon, so that the colon of this line is one too many."""
    before, here = _line(lines, said.at.line - 1), _line(lines, said.at.line)
    found = _NO_COLON.fullmatch(before) if "mapping values are not allowed" in said.problem else None
    if found is None or _indent(before) != _indent(here):
        return ""
    fact = found["fact"]
    return f"line {said.at.line - 1} lacks a colon: write `{fact}: …`, e.g. `{fact}: {{in: table.set}}`"


def _wrong_in_line(said: Misread, line: str) -> str:
    here, before = line[said.at.column - 1 : said.at.column], line[: said.at.column - 1]
    if re.match(r"\s*-[^\s-]", line):
        entry = "id: …" if re.match(r"\s*-\w+:", line) else line.strip()[1:]
        return f"write a space after the hyphen: `- {entry}`"
    if "cannot start any token" in said.problem and here in {"@", "`", "%"}:
        return f"a text that begins with {here} stands in quotes"
    if "mapping values are not allowed" in said.problem:
        return _second_colon(line)
    if "expected ',' or" in said.problem:
        return _wrong_in_brackets(here, before)
    return _after_a_text(said, here, before)


def _after_a_text(said: Misread, here: str, before: str) -> str:
    """What to do where a text is closed and goes on all the same."""
    if here.isalnum() and before.endswith(("'", '"')):
        return f"the text ends at the quote in column {said.at.column - 1}: write '' for an apostrophe between '…', or put it between \"…\""
    if here.strip() and here not in ",:#" and before.rstrip().endswith(("'", '"', "}", "]")):
        return f'the text ends in column {len(before.rstrip())}: put the whole of it between "…"'
    return ""


def _second_colon(line: str) -> str:
    """What to do where a value has a colon and a space in it."""
    written = line.partition(" #")[0].strip().removeprefix("- ")
    found = _KEY_IN_KEY.fullmatch(written)
    if found is not None and found["outer"] not in grammar.PROSE:
        return f"put braces around what belongs together: `{_braced(written)}`"
    return (
        "a text with a colon and a blank in it stands in quotes; else look at the indentation of this line and the one before"
    )


def _braced(written: str) -> str:
    """`a: b: c` as it is written: `a: {b: c}`."""
    found = _KEY_IN_KEY.fullmatch(written)
    return f"{found['outer']}: {{{_braced(found['inner'])}}}" if found else written


def _wrong_in_brackets(here: str, before: str) -> str:
    """What to do where braces or brackets go on with what has no place there."""
    if here in {"}", "]"}:
        wanted = "]" if here == "}" else "}"
        return f"a bracket is not closed: a `{wanted}` is missing somewhere before this `{here}`"
    found = _COLON_IN_BRACES.search(before) if here == ":" else None
    if found is None:
        return ""
    outer, between, inner = found["outer"], found["between"].strip(), found["inner"]
    quotes = "a text with a colon and a blank in it stands in quotes"
    if outer in grammar.PROSE or not inner.islower():
        return quotes
    if between:
        return f"put a comma before `{inner}:`; or, if that belongs to the text: {quotes}"
    return f"put braces around what belongs together: `{outer}: {{{inner}: …}}`"


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
