"""What a field means, as its class says: the text below it, as `Message.status` in `app/domain/decision.py` has it."""

import ast
import inspect
from functools import cache
from textwrap import dedent
from typing import Any

Json = dict[str, Any]


def add_field_docs(schema: Json, kind: type) -> None:
    """Gives each property of a class's schema its description, where it has none yet."""
    told = field_docs(kind)
    for name, described in schema.get("properties", {}).items():
        if name in told:
            described.setdefault("description", told[name])


@cache
def field_docs(kind: type) -> dict[str, str]:
    """The text below each field of a class and of those it comes from; the nearest one counts."""
    told: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        if each.__module__.startswith("app."):
            told |= _own_field_docs(each)
    return told


@cache
def _own_field_docs(kind: type) -> dict[str, str]:
    [written] = ast.parse(dedent(inspect.getsource(kind))).body
    assert isinstance(written, ast.ClassDef)  # noqa: S101 - the source of a class
    told = {}
    for field, after in zip(written.body, written.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            told[field.target.id] = str(after.value.value)
    return told
