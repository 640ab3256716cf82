"""What the contract's schema lets through for each code of a release that a rulebook has a table for."""

from typing import NamedTuple

from app.domain.release import release_schema

_PATHS = {
    "charge_code": "convictions/items/properties/charge_code",
    "charge_status": "convictions/items/properties/status",
    "release_reason": "stay/properties/reason",
    "hold": "holds/items",
    "release_state": "stay/properties/state",
    "residence_state": "residence/oneOf/1/properties/state",
}
"""Where the schema has each fact's code, below `properties`."""


class CodeForm(NamedTuple):
    """The only words that a code may be, or the form it has as a pattern; neither where any text is let through."""

    words: tuple[str, ...]
    pattern: str | None


def code_form(fact: str) -> CodeForm:
    """What a release may have for a fact. Raises KeyError where it has no code for it."""
    found = release_schema()["properties"]
    for step in _PATHS[fact].split("/"):
        found = found[int(step)] if step.isdigit() else found[step]
    pattern = found.get("pattern")
    return CodeForm(tuple(found.get("enum", ())), pattern.removeprefix("^").removesuffix("$") if pattern else None)
