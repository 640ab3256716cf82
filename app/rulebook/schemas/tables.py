"""The JSON Schemas of `facts/v1`, `ref_data/v1` and `messages/v1`."""

from app.rulebook.language import grammar
from app.rulebook.language.model import Column, Fact, Table
from app.rulebook.reading.facts import FACTS, FALLBACKS, REJECTABLE, YES_NO_FACTS
from app.rulebook.reading.messages import FIELDS, ONLY
from app.rulebook.schemas.names import row_names
from app.rulebook.schemas.parts import CELL, TEXT, Schema, by_name, choice, closed, formed, listed, one_or_more, ref

_LINE = "^(?:[ -z|~]|\\{(?:" + "|".join(FIELDS) + ")\\})*$"
"""What may be sent: printable ASCII, and braces around the name of a field only."""


def facts_file() -> Schema:
    """The schema of facts.yaml."""
    facts = {name: {"description": grammar.FACTS[name], **_fact(name)} for name in FACTS}
    listed_facts = {"type": "object", "properties": facts, "required": list(FACTS), "additionalProperties": False}
    return closed(grammar.FACTS_FILE, {"kind": _kind("facts/v1"), "facts": listed_facts})


def _fact(name: str) -> Schema:
    conviction, yes_no = FACTS[name], name in YES_NO_FACTS
    values: dict[str, Schema] = {"sensitive": ref("yes_no")}
    if conviction:
        values["per"] = choice(["conviction"])
    if yes_no:
        values["type"] = choice(["yes_no"])
    else:
        reject = [choice({Fact.REJECT: "A release with such a code is refused"})] if name in REJECTABLE else []
        fallback: Schema = {"anyOf": [*reject, ref(name)]} if reject else ref(name)
        values |= {"one_of": ref("table"), "when_missing": ref(name), "when_unknown": fallback}
    form = grammar.YES_NO_FACT if yes_no else grammar.FACT
    also = (*(("per",) if conviction else ()), *(("type",) if yes_no else ("one_of", *FALLBACKS[name])))
    return closed(form, values, without=() if conviction else ("per",), also=also)


def table_file(table: Table | None) -> Schema:
    """The schema of a reference table: of any, or of one whose columns and rows are known."""
    name = formed(grammar.NAME)
    column = {
        "type": choice({"text": "Any text", "yes_no": "`yes` or `no`"}),
        "one_of": one_or_more(TEXT),
        "matches": formed(grammar.SIMPLE_PATTERN),
        "starts_with": choice(tuple(table.columns)) if table else TEXT,
    }
    row = choice(row_names(table)) if table else TEXT
    change = {
        "row": row,
        "from": ref("day"),
        "set": {**_cells(table, every=False), "type": "object", "minProperties": 1},
        "through": ref("day"),
        "authority": ref("authority"),
    }
    values = {
        "kind": _kind("ref_data/v1"),
        "name": choice([table.name]) if table else name,
        "columns": by_name(closed(grammar.COLUMN, column)),
        "rows": by_name(_cells(table, every=True)),
        "sets": by_name(_set(table, row), grammar.NAME),
        "as_of": choice(["release_date"]),
        "sensitive": ref("yes_no"),
        "every_row_in_a_set": ref("yes_no"),
        "rows_from": TEXT,
        "changes": listed(closed(grammar.CHANGE, change)),
    }
    return closed(grammar.TABLE_FILE, values)


def _cells(table: Table | None, *, every: bool) -> Schema:
    """The cells of a row: with `every`, one for each column."""
    if table is None:
        return by_name(CELL)
    cells = {name: {"description": _column_words(column), **_cell(column)} for name, column in table.columns.items()}
    schema: Schema = {"type": ["object", "null"], "properties": cells, "additionalProperties": False}
    return {**schema, "type": "object", "required": list(cells)} if every else schema


def _cell(column: Column) -> Schema:
    if column.allowed:
        return choice(column.allowed)
    return {**CELL, "pattern": f"^(?:{column.matches})?$"} if column.matches else CELL


def _column_words(column: Column) -> str:
    if column.allowed:
        return f"One of {', '.join(column.allowed)}"
    form = f" of the form {column.matches}" if column.matches else ""
    start = f" that begins with the row's {column.starts_with}" if column.starts_with else ""
    return f"A text{form}{start}"


def _set(table: Table | None, row: Schema) -> Schema:
    if table is None:
        where = by_name(one_or_more(CELL)) | {"type": "object"}
    else:
        words = {
            name: {"description": _column_words(column), **one_or_more(choice(column.allowed) if column.allowed else CELL)}
            for name, column in table.columns.items()
        }
        where = {"type": "object", "properties": words, "additionalProperties": False}
    return {"anyOf": [*one_or_more(row)["anyOf"], closed(grammar.SET, {"where": where, "except": one_or_more(row)})]}


def messages_file() -> Schema:
    """The schema of messages.yaml."""
    text = {**CELL, "type": ["string", "number", "boolean"], "pattern": _LINE}
    line = {"anyOf": [text, closed(grammar.LINE, {"only": choice(ONLY), "text": text})]}
    numbered = {"type": "string", "pattern": "\\{message_id\\}"}
    lines = {"type": "array", "minItems": 1, "prefixItems": [{"allOf": [numbered, line]}], "items": line}
    never = {"disclose": ref("fact"), "keep_possible": _whole(*grammar.KEEP_POSSIBLE)}
    values = {
        "kind": _kind("messages/v1"),
        "line_length": _whole(*grammar.LINE_LENGTH),
        "max_characters": _whole(*grammar.MAX_CHARACTERS),
        "messages": by_name(closed(grammar.MESSAGE, {"lines": lines})),
        "never": listed(closed(grammar.NEVER_DISCLOSE, never)),
        "must_say": by_name(one_or_more({**text, "minLength": 1})),
        "watch_words": one_or_more({"type": "string", "pattern": f"^(?:{grammar.WATCH_WORD})$"}),
    }
    return closed(grammar.MESSAGES_FILE, values)


def _whole(least: int, most: int) -> Schema:
    """A whole number, in quotes or not."""
    return {"anyOf": [{"type": "integer", "minimum": least, "maximum": most}, {"type": "string", "pattern": "^[0-9]{1,9}$"}]}


def _kind(kind: str) -> Schema:
    return choice({kind: grammar.KINDS[kind]})
