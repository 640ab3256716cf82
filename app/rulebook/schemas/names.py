"""What the JSON Schemas have in `$defs`: the words of the language, and the names of a rulebook at hand where there is one.

Without a rulebook a name may be any text; with one it is one of those there: rows, sets, rules, messages, tables.
"""

from app.rulebook.language import grammar
from app.rulebook.language.model import CONVICTION_FACTS, SetDefinition, Table
from app.rulebook.reading.content import Content
from app.rulebook.reading.facts import FACTS, YES_NO_FACTS
from app.rulebook.reading.rules import COPIES, OUTCOMES
from app.rulebook.schemas.parts import TEXT, Schema, choice, closed, formed, one_or_more, ref

RELEASE_FACTS = tuple(name for name in FACTS if name not in CONVICTION_FACTS)
"""The facts that a release has once, whatever its convictions."""


def definitions(book: Content | None) -> dict[str, Schema]:
    """Every definition by its name in `$defs`."""
    entry = closed(grammar.AUTHORITY, {"cite": {**TEXT, "pattern": "[^ ]"}})
    found = {
        "yes_no": choice(("yes", "no")),
        "day": formed(grammar.DAY, format="date"),
        "duration": formed(grammar.DURATION),
        "authority": {"anyOf": [{"type": "array", "items": entry, "minItems": 1}, entry]},
        "fact": choice(grammar.FACTS),
        "release_fact": choice({name: grammar.FACTS[name] for name in RELEASE_FACTS}),
        "outcome": choice(OUTCOMES),
        "copy": choice(COPIES),
        "ori": formed(grammar.CELL_REFERENCE),
        "rules": one_or_more(choice(_rules(book)) if book else formed(grammar.RULE_ID)),
        "message": choice(tuple(book.messages.templates)) if book and book.messages.templates else TEXT,
        "audience": choice({name: grammar.FACTS[name] for name in _audiences(book)}),
        "table": choice(tuple(book.tables)) if book else formed(grammar.NAME),
    }
    for name in FACTS:
        found |= _of_fact(name, book)
    return found


def row_names(table: Table) -> dict[str, str]:
    """The rows of a table, each with what its cells say in words."""
    texts = [name for name, column in table.columns.items() if column.kind == "text" and column.matches is None]
    return {key: ", ".join(row.cells[name] for name in texts if row.cells.get(name)) for key, row in table.rows.items()}


def _rules(book: Content) -> dict[str, str]:
    return {id: rule.title for id, rule in book.rules().items() if id}


def _audiences(book: Content | None) -> tuple[str, ...]:
    if book is None or len(book.facts) < len(FACTS):
        return tuple(name for name in RELEASE_FACTS if name not in YES_NO_FACTS)
    tables = {name: book.tables[fact.table] for name, fact in book.facts.items() if fact.table}
    return tuple(name for name, table in tables.items() if "ori" in table.columns and name in RELEASE_FACTS)


def _of_fact(name: str, book: Content | None) -> dict[str, Schema]:
    """`NAME`: one value. `NAME_or_set`: a value or set, or several. `NAME_condition`: a line of a `when`."""
    value, member = _words(name, book)
    others = _comparable(name, book)
    words = {"anyOf": [member, {"type": "array", "items": member, "minItems": 1}]}
    values = dict.fromkeys(("in", "not", "not_in"), words)
    compared = {key: choice({other: grammar.FACTS[other] for other in others}) for key in ("same_as", "differs_from")}
    condition = closed(
        grammar.CONDITION,
        values | (compared if others else {}),
        without=() if others else tuple(compared),
        type="object",
        minProperties=1,
    )
    return {
        name: value,
        f"{name}_or_set": one_or_more(member),
        f"{name}_condition": {"anyOf": [*words["anyOf"], condition]},
    }


def _words(name: str, book: Content | None) -> tuple[Schema, Schema]:
    """What one value of a fact may be, and what names values of it: a value or a set."""
    if name in YES_NO_FACTS:
        return ref("yes_no"), ref("yes_no")
    fact = book.facts.get(name) if book else None
    if book is None or fact is None or fact.table is None:
        return {**TEXT, "pattern": "^[^.]+$"}, TEXT
    table = book.tables[fact.table]
    rows = row_names(table)
    sets = {f"{table.name}.{key}": set_words(definition) for key, definition in table.sets.items()}
    return choice(rows), choice({**sets, **rows})


def set_words(definition: SetDefinition) -> str:
    """What a set says, on one line."""
    if definition.listed is not None:
        return ", ".join(definition.listed)
    where = "; ".join(f"{column} {' or '.join(words)}" for column, words in definition.where)
    return f"where {where}" + (f", except {', '.join(definition.excepted)}" if definition.excepted else "")


def _comparable(name: str, book: Content | None) -> tuple[str, ...]:
    """The facts that a fact can be compared with: those with the values of the same table."""
    others = [other for other in RELEASE_FACTS if other != name and other not in YES_NO_FACTS]
    if name not in RELEASE_FACTS or name in YES_NO_FACTS:
        return ()
    if book is None or name not in book.facts:
        return tuple(others)
    return tuple(other for other in others if other in book.facts and book.facts[other].table == book.facts[name].table)
