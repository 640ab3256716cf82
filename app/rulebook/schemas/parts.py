"""The pieces that the JSON Schemas of rulebook files are made of (draft 2020-12).

LENS reads every value as text; an editor reads `72` as a number, `true` as a boolean and nothing at all as null. So a text may be
any of these here, and a mapping or list that may be empty may be null: the schemas never find fault with what LENS accepts.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from app.rulebook.language.grammar import PROSE, Form

Schema = dict[str, Any]

TEXT: Schema = {"type": ["string", "number", "boolean"], "minLength": 1}
"""Any text but none."""
CELL: Schema = {"type": ["string", "number", "boolean", "null"]}
"""Any text, also none."""


def ref(name: str) -> Schema:
    """What `$defs` has under a name."""
    return {"$ref": f"#/$defs/{name}"}


def formed(pattern: str, **more: object) -> Schema:
    """A text of this form, from its beginning to its end."""
    return {"type": "string", "pattern": f"^(?:{pattern})$", **more}


def choice(words: Iterable[str] | Mapping[str, str]) -> Schema:
    """One of these words. With a mapping, editors show what each says.

    A word of digits is text only in quotes; without them an editor reads a number and cannot compare it, so any number passes.
    """
    listed = list(words)
    schema: Schema = {"enum": listed}
    if isinstance(words, Mapping):
        schema["enumDescriptions"] = [words[word] for word in listed]
    return {"anyOf": [schema, {"type": "number"}]} if any(word.isdigit() for word in listed) else schema


def listed(item: Schema, **more: object) -> Schema:
    """A list, which may be left empty."""
    return {"type": ["array", "null"], "items": item, **more}


def one_or_more(item: Schema) -> Schema:
    """One, or a list of any number."""
    return {"anyOf": [item, {"type": "array", "items": item}]}


def by_name(value: Schema, pattern: str | None = None) -> Schema:
    """A mapping with names of one's own, of this form where one is given."""
    if pattern is None:
        return {"type": ["object", "null"], "additionalProperties": value}
    return {"type": ["object", "null"], "patternProperties": {f"^(?:{pattern})$": value}, "additionalProperties": False}


def closed(
    form: Form, values: Mapping[str, Schema], without: Collection[str] = (), also: Collection[str] = (), **more: object
) -> Schema:
    """A mapping with the keys of a form and no others. `without` leaves optional keys out, `also` are required besides.

    Raises ValueError where `values` are not exactly those of the form's keys, so that no key is forgotten.
    """
    texts = {key: CELL for key in PROSE if key in form.optional}
    given = {**texts, **values}
    keys = [key for key in form.all_keys() if key not in without]
    if set(keys) != set(given):
        raise ValueError(f"the schema has {sorted(given)}, the grammar {sorted(keys)}")
    required = [key for key in keys if key in form.required or key in also]
    return {
        "type": "object" if required else ["object", "null"],
        "properties": {key: {"description": form.says(key), **given[key]} for key in keys},
        **({"required": required} if required else {}),
        "additionalProperties": False,
        **more,
    }


def described(properties: Mapping[str, Schema], says: Mapping[str, str]) -> Schema:
    """A mapping with these keys, none of them required, and no others."""
    values = {key: {"description": says[key], **schema} for key, schema in properties.items()}
    return {"type": ["object", "null"], "properties": values, "additionalProperties": False}


def used(schema: Schema, definitions: Mapping[str, Schema]) -> dict[str, Schema]:
    """The definitions that a schema refers to, by itself or through others, in the order of `definitions`."""
    found: set[str] = set()
    ahead = _refs(schema)
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead |= _refs(definitions[name])
    return {name: definition for name, definition in definitions.items() if name in found}


def _refs(schema: object) -> set[str]:
    if isinstance(schema, dict):
        own = {schema["$ref"].removeprefix("#/$defs/")} if isinstance(schema.get("$ref"), str) else set()
        return own.union(*(_refs(value) for value in schema.values()))
    if isinstance(schema, list):
        return set().union(*(_refs(value) for value in schema))
    return set()
