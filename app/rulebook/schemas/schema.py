"""JSON Schemas of the rulebook's files, for editors: made from the words that the readers themselves go by.

What a schema finds fault with, `lens check` refuses too; what needs more than the one file, only `lens check` sees.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch

from app.rulebook.language.grammar import KINDS
from app.rulebook.reading.content import Content
from app.rulebook.schemas.names import definitions
from app.rulebook.schemas.parts import Schema, used
from app.rulebook.schemas.rules import rules_file
from app.rulebook.schemas.scenarios import corrections_file, scenarios_file
from app.rulebook.schemas.tables import facts_file, messages_file, table_file

DIALECT = "https://json-schema.org/draft/2020-12/schema"

USUAL = {
    "facts/v1": ("rules/facts.yaml",),
    "ref_data/v1": ("ref_data/*.yaml",),
    "rules/v1": ("rules/eligibility.yaml", "rules/routing.yaml"),
    "messages/v1": ("rules/messages.yaml",),
    "scenarios/v1": ("rules/scenarios/*.yaml",),
    "corrections/v1": ("rules/corrections.yaml",),
}
"""Where files of each kind usually are, as patterns below the rulebook's folder."""


@dataclass(frozen=True, slots=True)
class FileSchema:
    """One schema: the name of its file, and patterns of the files it is for, below the rulebook's folder."""

    name: str
    patterns: tuple[str, ...]
    schema: Schema


def schemas(book: Content | None = None) -> tuple[FileSchema, ...]:
    """A schema for each kind of file; with a rulebook at hand, with its names, and one for each of its tables."""
    defined = definitions(book)
    return tuple(_whole(made, defined) for made in _made(book))


def _made(book: Content | None) -> Iterator[FileSchema]:
    patterns = USUAL if book is None else _patterns(book)
    for kind, schema in (
        ("facts/v1", facts_file()),
        ("ref_data/v1", table_file(None)),
        ("rules/v1", rules_file(book)),
        ("messages/v1", messages_file()),
        ("scenarios/v1", scenarios_file()),
        ("corrections/v1", corrections_file()),
    ):
        yield FileSchema(f"{kind.partition('/')[0]}.schema.json", patterns[kind], {"title": f"{kind}: {KINDS[kind]}", **schema})
    for table in book.tables.values() if book else ():
        if table.name:
            title = {"title": f"ref_data/v1: the table {table.name}"}
            yield FileSchema(f"ref_data-{table.name}.schema.json", (table.spot.file,), {**title, **table_file(table)})


def _patterns(book: Content) -> dict[str, tuple[str, ...]]:
    """The files of a rulebook by kind, as patterns where they are where such files usually are; its tables have their own."""
    files = {
        "facts/v1": {fact.spot.file for fact in book.facts.values()},
        "ref_data/v1": set[str](),
        "rules/v1": {table.file for table in book.decisions()},
        "messages/v1": {book.messages.file},
        "scenarios/v1": {name for name, _ in book.scenario_nodes},
        "corrections/v1": set[str](),
    }
    found = {}
    for kind, names in files.items():
        usual = () if kind == "ref_data/v1" else USUAL[kind]
        others = (name for name in sorted(names) if not any(fnmatch(name, pattern) for pattern in usual))
        found[kind] = (*usual, *others)
    return found


def _whole(made: FileSchema, defined: dict[str, Schema]) -> FileSchema:
    schema = {"$schema": DIALECT, **made.schema, "$defs": used(made.schema, defined)}
    return FileSchema(made.name, made.patterns, schema)
