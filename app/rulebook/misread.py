"""Where a text that is not YAML has to be mended.

A parser tells where it could not go on. That is often far behind the fault: a quote that is not closed swallows all up to the next
quote, a bracket that is not closed is missed on the line after. So the place told is the one to mend, and the other is named too.
"""

from typing import NamedTuple

from app.rulebook.problems import Problems, Spot


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
        spot, help, also = said.began, "write `key: value`, with a blank behind the colon", ()
        message = f"this is not YAML: {said.problem}"
    elif said.began is not None and "flow" in said.context and _begins_anew(said.began, said.at, lines):
        spot, help = said.began, "close the bracket that begins here"
        message = f"this is not YAML: {said.problem}"
    else:
        spot, help, also = said.at, _where_to_look(lines, said.at), ()
        message = f"this is not YAML: {said.problem or said.context}"
    problems.error("R002", message, spot, help=help, also=also)


def _begins_anew(began: Spot, at: Spot, lines: list[str]) -> bool:
    """Whether the line with `at` is no further line of the bracket that began: it would be indented more."""
    return at.line > began.line and _indent(lines, at) <= _indent(lines, began)


def _indent(lines: list[str], spot: Spot) -> int:
    line = lines[spot.line - 1] if spot.line <= len(lines) else ""
    return len(line) - len(line.lstrip(" "))


def _where_to_look(lines: list[str], spot: Spot) -> str:
    line = lines[spot.line - 1][: spot.column] if spot.line <= len(lines) else ""
    if "\t" in line:
        return "indent with blanks, not with tabs"
    return "look at this line and the one before: indentation, a missing colon, quote or bracket"
