"""JSON Schemas for editors: they take what `lens check` takes, see what can be seen in a file alone, and describe every key."""

import re
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from app.rulebook.language.grammar import AUTHORITY, KINDS
from app.rulebook.schemas.parts import TEXT, closed
from app.rulebook.schemas.schema import FileSchema, schemas
from tests.rulebook.broken_cases import CASES, edited_rulebook, read_case
from tests.rulebook.shipped import ROOT, shipped

WORDS = ("plain", "project")
"""Schemas without and with the names of the shipped rulebook."""
SHIPPED = sorted(path.relative_to(ROOT).as_posix() for top in ("rules", "ref_data") for path in (ROOT / top).rglob("*.yaml"))


@cache
def made(words: str) -> tuple[FileSchema, ...]:
    """The schemas of each sort."""
    return schemas(shipped().content if words == "project" else None)


@cache
def checkers(words: str) -> tuple[tuple[FileSchema, Any], ...]:
    """The schemas of each sort, ready to check a file."""
    return tuple((schema, jsonschema_rs.validator_for(schema.schema, validate_formats=True)) for schema in made(words))


class EditorLoader(yaml.CSafeLoader):
    """Reads YAML as editors do, by the core schema of YAML 1.2: `yes` and days are text, `0101` is the number 101."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - a class of PyYAML holds it so


for kind, pattern, first in (
    ("bool", "true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", "~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", "[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
):
    EditorLoader.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(f"^(?:{pattern})$"), [*first])


def number(kind: type[int] | type[float]) -> Any:  # noqa: ANN401 - what PyYAML calls a constructor
    """Makes a number of a scalar."""
    return lambda loader, node: kind(loader.construct_scalar(node))


EditorLoader.add_constructor("tag:yaml.org,2002:int", number(int))
EditorLoader.add_constructor("tag:yaml.org,2002:float", number(float))


def faults(words: str, folder: Path, name: str, loader: Any = EditorLoader) -> list[str]:  # noqa: ANN401 - PyYAML's own class
    """What the schema for a file of a rulebook finds in it; nothing in one that cannot be read at all."""
    try:
        tree = yaml.load((folder / name).read_bytes(), loader)  # noqa: S506 - these make nothing but text, numbers and lists
    except (yaml.YAMLError, TypeError, UnicodeDecodeError):
        return []
    checker = next((checker for schema, checker in checkers(words) if any(fnmatch(name, p) for p in schema.patterns)), None)
    return [f"{error.instance_path}: {error.message}" for error in checker.iter_errors(tree)] if checker else []


@pytest.mark.parametrize("loader", [EditorLoader, yaml.BaseLoader], ids=["numbers", "text"])
@pytest.mark.parametrize("words", WORDS)
def test_the_shipped_rulebook_has_no_fault(words: str, loader: Any) -> None:  # noqa: ANN401 - PyYAML's own class
    """No schema finds anything in a shipped file, whether an editor takes `0902` for a number or for text."""
    assert {name: told for name in SHIPPED if (told := faults(words, ROOT, name, loader))} == {}


@pytest.mark.parametrize("words", WORDS)
def test_every_shipped_file_has_one_schema(words: str) -> None:
    """The patterns of the schemas meet every shipped file once, so that no editor has to choose."""
    patterns = [pattern for schema in made(words) for pattern in schema.patterns]
    assert {name: sum(fnmatch(name, pattern) for pattern in patterns) for name in SHIPPED} == dict.fromkeys(SHIPPED, 1)


SEEN = {"R101", "R102", "R103", "R104", "R110", "R112", "R115", "R118", "R119", "R129", "R270"}
SEEN_WITH_NAMES = {*SEEN, "R105", "R106", "R107", "R108", "R113", "R121"}
"""Codes of faults that can stand in one word of one file."""

NEEDS_NAMES = {
    "R101-unknown-cell",
    "R102-missing-cell",
    "R102-reason-without-kind",
    "R102-new-flag-without-its-answer",
    "R104-audience",
    "R104-message",
    "R104-scenario-audience",
    "R104-scenario-message",
    "R104-where-word",
}
"""Seen with the names of the rulebook only: columns, messages, the facts that have an address."""
NEVER_SEEN = {
    "R103-for-each-of-nothing": "one value or several, and a list elsewhere may be empty",
    "R103-row-of-no-code": "a key may be any text to an editor",
    "R102-column-missing": "the columns that the service reads are not the language's",
    "R102-given-lacks-a-fact": "each scenario may say it",
    "R102-scenario-lacks-a-fact": "what is lacking may stand in `given`, `but`, `for_each` or a row",
    "R104-must-say-of-no-message": "a message may have been added since the schema was made",
    "R107-0101-is-text": "without quotes, 0902 and 902 are the same number to an editor",
    "R107-endless-word": "in digits, as the one before",
    "R119-help-file": "an ORI of Nlets itself has the form of any other",
    "R119-network": "the same",
    "R129-reason-of-a-correction": "whether a reason is of words no pattern tells",
    "R121-barrier": "what may be read is said elsewhere in the file",
    "R121-compared": "the same",
}


@pytest.mark.parametrize("name", CASES)
def test_a_broken_file_is_seen_in_the_editor(name: str, tmp_path: Path) -> None:
    """A schema finds fault with a file only where `lens check` does, and does find what stands in a single word."""
    case = read_case(name)
    folder = edited_rulebook(case, tmp_path)
    edited = {edit["in"] for edit in case["edit"] if edit["in"].endswith(".yaml") and (folder / edit["in"]).exists()}
    wrong = {entry["at"] for entry in case["told"] if any(key.startswith("error ") for key in entry)}
    for words, codes in (("plain", SEEN), ("project", SEEN_WITH_NAMES)):
        seen = {file for file in edited if faults(words, folder, file)}
        assert seen <= wrong
        if name.startswith("R005") or name in NEVER_SEEN or (words == "plain" and name in NEEDS_NAMES):
            continue  # R005: extras of YAML, which an editor reads in its own way
        assert seen >= edited & {entry["at"] for entry in case["told"] for key in entry if key[6:] in codes}


def properties(schema: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property that a schema describes, however deep, by name."""
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict) and "additionalProperties" in schema:
            yield from schema["properties"].items()
        for value in schema.values():
            yield from properties(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from properties(value)


@pytest.mark.parametrize("words", WORDS)
def test_every_property_is_described(words: str) -> None:
    """Each property of each schema says what it is for, and each schema is a sound one with a title."""
    for schema in made(words):
        jsonschema_rs.meta.validate(schema.schema)
        assert schema.schema["title"].partition(":")[0] in KINDS
        assert [name for name, found in properties(schema.schema) if not found.get("description")] == []


def test_names_of_the_rulebook_are_offered() -> None:
    """With a rulebook at hand, rules, sets, rows, messages and addresses are listed, each with what it is."""
    defined = next(schema.schema["$defs"] for schema in made("project") if schema.name == "scenarios.schema.json")
    rules = defined["rules"]["anyOf"][0]
    assert dict(zip(rules["enum"], rules["enumDescriptions"], strict=True))["LENS-E50"] == "No conviction, no notice"
    reasons = defined["release_reason_or_set"]["anyOf"][0]
    said = dict(zip(reasons["enum"], reasons["enumDescriptions"], strict=True))
    assert (said["BOND"], said["release_reasons.left_us"]) == ("Bonded Out", "where kind left_us")
    assert defined["message"] == {"enum": ["NOTICE"]}
    assert defined["audience"]["enum"] == ["release_state", "residence_state"]


def test_a_table_knows_its_columns() -> None:
    """A table of the rulebook has a schema of its own, in which a cell that does not fit is seen."""
    states = next(schema for schema in made("project") if schema.name == "ref_data-states.schema.json")
    cells = states.schema["properties"]["rows"]["additionalProperties"]["properties"]
    assert (cells["on_nlets"]["enum"], cells["nlets"]["pattern"]) == (["yes", "no"], "^(?:[A-Z]{2})?$")
    assert states.patterns == ("ref_data/states.yaml",)


def test_a_file_in_another_place_is_found(tmp_path: Path) -> None:
    """A scenario file that is not where such files usually are has the schema too."""
    content = shipped().content
    moved = replace(content, scenario_nodes=(("rules/more/night.yml", content.scenario_nodes[0][1]),))
    found = next(schema for schema in schemas(moved) if schema.name == "scenarios.schema.json")
    assert found.patterns == ("rules/scenarios/*.yaml", "rules/more/night.yml")


def test_a_key_cannot_be_forgotten() -> None:
    """A piece of a schema that leaves out a key of the grammar, or has one more, is not made."""
    with pytest.raises(ValueError, match="cite"):
        closed(AUTHORITY, {})
    with pytest.raises(ValueError, match="page"):
        closed(AUTHORITY, {"cite": TEXT, "page": TEXT})
