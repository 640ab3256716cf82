"""Words of a message's own lines that tell what no field of it could: the crime, or what the reader is to do to the person."""

import re
from collections.abc import Iterator, Mapping

from app.rulebook.language.model import Fact, Messages, Table, Template, TemplateLine
from app.rulebook.problems.problem import Problems

TELLS_CRIME = "R274"
READS_LIKE_ORDER = "R354"

_WORD = re.compile(r"[A-Z0-9]+")
_PARTS = re.compile(r" ?[-/(),] ?")
_SHORTEST = 4
"""Letters that a name of one word has at the least."""
_GENERIC = frozenset(
    {
        *("CIVIL RIGHTS", "CONSERVATION", "COSMETICS", "ELECTION LAWS", "EVIDENCE", "FEDERAL", "FLIGHT"),
        *("FOOD", "HEALTH", "IMMIGRATION", "LICENSING", "MILITARY", "NONE", "SAFETY", "STATE", "UNKNOWN"),
        *("ASSEMBLY", "GRATUITY", "PUBLIC PEACE", "SELECTIVE SERVICE", "RETIRED DO NOT USE", "WITNESS"),
    }
)
"""Names of charges and categories that a notice may have in a plain sense, as in `IMMIGRATION AND CUSTOMS ENFORCEMENT`."""


def check_words_told(messages: Messages, facts: Mapping[str, Fact], tables: Mapping[str, Table], problems: Problems) -> None:
    """Tells each line that names a charge (an error), or has a watched word that its message need not say (a warning)."""
    names = sorted(set(_names(facts, tables)), key=len, reverse=True)
    watched_words = _words_without_need(messages)
    for template in messages.templates.values():
        for line in template.lines:
            words = _literal_words(line)
            named = next((name for name in names if _has(words, name)), None)
            if named is not None:
                _tell_crime(template, line, named, problems)
                continue
            watched = [word for word in watched_words if f" {word} " in words]
            if watched:
                _tell_order(template, line, watched, problems)


def _names(facts: Mapping[str, Fact], tables: Mapping[str, Table]) -> Iterator[str]:
    """What the rows of each sensitive fact are called: the text of a cell, and that before the first sign in it."""
    for fact in facts.values():
        if not fact.sensitive or fact.table is None:
            continue
        table = tables[fact.table]
        columns = [column.name for column in table.columns.values() if column.kind == "text"]
        named = [row.cells for row in table.rows.values() if row.key not in {fact.when_missing, fact.when_unknown}]
        for cells in (*named, *(change.cells for change in table.changes)):
            for column in columns:
                yield from _names_in_cell(cells.get(column, ""))


def _names_in_cell(cell: str) -> Iterator[str]:
    for text in (cell, _PARTS.split(cell.strip(), maxsplit=1)[0]):
        name = " ".join(_WORD.findall(text.upper()))
        if name not in _GENERIC and len(name) >= _SHORTEST and not name.isdigit():
            yield name


def _literal_words(line: TemplateLine) -> str:
    """The words of a line between blanks; a sign that is no word stands where a field is printed."""
    texts = (part.upper() if isinstance(part, str) else " # " for part in line.parts)
    found = (word for text in texts for word in (_WORD.findall(text) if text != " # " else ["#"]))
    return f" {' '.join(found)} "


def _has(words: str, name: str) -> bool:
    return f" {name} " in words or f" {name}S " in words


def _words_without_need(messages: Messages) -> tuple[str, ...]:
    """The watched words but those of `must_say`, and those that say what kind of notice it is.

    None where nothing must be said: that is told by itself, and the caveats of a notice are then not known.
    """
    if not messages.must_say:
        return ()
    texts = (text for said in messages.must_say.values() for text in said)
    said = [f" {' '.join(_WORD.findall(text.upper()))} " for text in texts]
    found = (word for word in messages.watch_words if not word.endswith(" NOTICE"))
    return tuple(word for word in found if not any(f" {word} " in text for text in said))


def _tell_crime(template: Template, line: TemplateLine, name: str, problems: Problems) -> None:
    message = f"a line of `{template.name}` names a charge: `{name}`"
    help = "a notice never tells the crime; take the words out: the state looks for itself by FBI number"
    problems.error(TELLS_CRIME, message, line.spot, help=help)


def _tell_order(template: Template, line: TemplateLine, words: list[str], problems: Problems) -> None:
    shown = ", ".join(f"`{word}`" for word in words[:5])
    message = f"a line of `{template.name}` reads like an order, or tells of a conviction: {shown}"
    help = (
        "a notice informs, and says nothing of the crime: use other words; "
        "if the line must stand as it is, list it under `must_say`"
    )
    problems.warning(READS_LIKE_ORDER, message, line.spot, help=help)
