"""The rulebook in force."""

import hashlib

import msgspec
from fastapi import APIRouter, Response

from app.api.auth import RulebookReader
from app.api.filters import Unfiltered
from app.api.openapi import answers
from app.api.parts import JSON, Wired

router = APIRouter(tags=["rulebook"])


class RulebookFile(msgspec.Struct, frozen=True):
    """A file of a rulebook; `sha256` in hex."""

    name: str
    bytes: int
    sha256: str


class RulebookRule(msgspec.Struct, frozen=True):
    """A rule: what it is called, and on whose authority it stands."""

    id: str
    decision: str
    title: str
    authority: tuple[str, ...]


class Rulebook(msgspec.Struct, frozen=True):
    """Everything that decides. `version` is its content hash, as decisions name it; `warnings` are what `lens check` warns of."""

    version: str
    rules: tuple[RulebookRule, ...]
    files: tuple[RulebookFile, ...]
    warnings: tuple[str, ...]


@router.get(
    "/v1/rulebook", summary="Look at the rulebook in force", responses=answers("Rulebook", "The rulebook that decides now.")
)
async def live(parts: Wired, _: RulebookReader, __: Unfiltered) -> Response:
    """Its version, rules, files and warnings. Roles: policy, approver, auditor."""
    book = parts.decider().book
    rules = tuple(
        RulebookRule(rule.id, table.name, rule.title, rule.authority)
        for table in book.content.decisions()
        for rule in table.all_rules()
    )
    files = tuple(
        RulebookFile(file.name, len(file.content), hashlib.sha256(file.content).hexdigest()) for file in book.content.files
    )
    warnings = tuple(f"{each.code} {each.spot}: {each.message}" for each in book.warnings)
    return Response(msgspec.json.encode(Rulebook(book.hash, rules, files, warnings)), media_type=JSON)
