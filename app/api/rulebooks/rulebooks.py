"""The rulebook in force, every version there is, and what changes between two of them."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Response
from fastapi.concurrency import run_in_threadpool

from app.api.description.openapi import answers
from app.api.parts import JSON, Version, Wired
from app.api.requests.auth import RulebookReader
from app.api.requests.filters import Paged, Unfiltered
from app.domain.times import Timestamp, rfc3339
from app.rulebook.bundles.versions import Proofs, Way, proofs_of
from app.rulebook.comparing.change_report import as_json
from app.rulebook.comparing.file_changes import FileChange
from app.rulebook.comparing.handling import Handling
from app.rulebook.comparing.safeguards import Loss
from app.store.rulebooks.rulebook_reads import FileDigest, RulebookVersion, digest_of, get_with_files, list_versions

router = APIRouter(tags=["rulebook"])


class RulebookRule(msgspec.Struct, frozen=True):
    """A rule: what it is called, and on whose authority it stands."""

    id: str
    """The rule's id."""
    decision: str
    """The decision table that it belongs to."""
    title: str
    """What the rule says, in one line."""
    authority: tuple[str, ...]
    """What it rests on: statutes, regulations, notices."""


class Rulebook(msgspec.Struct, frozen=True):
    """What decides in the process that answers. `version` is how decisions name it; `since` when it went live,
    `by` whom and in which `way`; `sha256` identifies it, and `version` is its first 12 digits; `warnings` are what `lens check` warns of. `degraded` says why a newer one is not used, if so.
    """

    version: str
    """The first 12 digits of `sha256`, as decisions name it."""
    sha256: str
    """What identifies it: the SHA-256 of its files."""
    since: Timestamp
    """When it went live."""
    by: str
    """Who put it live."""
    way: Way
    """How it went live."""
    degraded: str | None
    """Why a newer one is not used; null where none waits."""
    rules: tuple[RulebookRule, ...]
    """Its rules."""
    files: tuple[FileDigest, ...]
    """Its files."""
    warnings: tuple[str, ...]
    """What `lens check` warns of."""
    proofs: Proofs
    """What was proved of it."""


class RulebookPage(msgspec.Struct, frozen=True):
    """A page of versions. `next` goes into `cursor` for the page after it; null on the last one."""

    items: tuple[RulebookVersion, ...]
    """The rows of this page."""
    next: str | None
    """What goes into `cursor` for the page after it; null on the last one."""


class RulebookDiff(msgspec.Struct, frozen=True):
    """What changes from `old` to `new`, over every possible case, counted exactly. `reworded` cases differ only in words, and are
    not among the `changed`; `past` are the changed ones of days before today, and `past_reworded` the reworded ones. A group has cases that differ in the same way, and
    names in `touched` every value of each fact it touches; `texts` has a notice before and after where words differ.
    The groups' counts add up to `changed` and `reworded`. `outcome_order`, where it is not null, is the order of the outcomes before and after, which
    decides what stands of several convictions (a case has one); `replay` is null here. `files` are the same changes line by line, with those that
    change no case, such as the words of a notice.
    """

    old: str
    """The version that the comparison begins from."""
    new: str
    """The version that it leads to."""
    cases: int
    """How many possible cases were compared."""
    changed: int
    """How many are decided otherwise."""
    reworded: int
    """How many differ only in words; they are not among the `changed`."""
    past: int
    """How many of the `changed` are of days before today; with `outcome_order`, also its `past`."""
    past_reworded: int
    """How many of the `reworded` are of days before today."""
    losses: tuple[Loss, ...]
    """The scenarios, promises and other safeguards that are gone or weaker."""
    handling: tuple[Handling, ...]
    """What decides about people and messages without being an answer in a case, such as who lifts a flag."""
    groups: tuple[dict[str, Any], ...]
    """The cases that differ, grouped by how; each `count` is of all days, each `past` of days before today. The counts add up to
    `changed` and `reworded`, the earlier ones to `past` (less that of `outcome_order`) and `past_reworded`."""
    outcome_order: dict[str, Any] | None
    """The order of the outcomes `before` and `after`, and in how many cases of two convictions another stands (`pairs`, `past`);
    null where the order is the same."""
    replay: None
    """Always null here."""
    files: tuple[FileChange, ...]
    """The same changes line by line, with those that change no case."""


@router.get(
    "/v1/rulebook",
    operation_id="get_live_rulebook",
    summary="Look at the rulebook in force",
    responses=answers("Rulebook", "The rulebook that decides now."),
)
async def live(parts: Wired, _: RulebookReader, __: Unfiltered) -> Response:
    """Its version, since when and by whom, rules, files, warnings and proofs. Roles: policy, approver, auditor."""
    now = parts.shelf.in_force
    book = now.decider.book
    rules = tuple(
        RulebookRule(rule.id, table.name, rule.title, rule.authority)
        for table in book.content.decisions()
        for rule in table.all_rules()
    )
    rulebook = Rulebook(
        version=now.version,
        sha256=now.sha256,
        since=rfc3339(now.since),
        by=now.by,
        way=now.way,
        degraded=parts.shelf.problem,
        rules=rules,
        files=tuple(map(digest_of, book.content.files)),
        warnings=tuple(f"{each.code} {each.spot}: {each.message}" for each in book.warnings),
        proofs=proofs_of(book),
    )
    return Response(msgspec.json.encode(rulebook), media_type=JSON)


@router.get(
    "/v1/rulebooks",
    operation_id="list_rulebooks",
    summary="List versions",
    responses=answers("RulebookPage", "A page of versions, oldest first."),
)
async def list_all(parts: Wired, _: RulebookReader, query: Annotated[Paged, Query()]) -> Response:
    """Every version that was ever drafted, with its check, approval and publications. Roles: policy, approver, auditor."""
    page = await parts.look(lambda connection: list_versions(connection, query.limit, query.cursor))
    return Response(msgspec.json.encode(RulebookPage(*page)), media_type=JSON)


@router.get(
    "/v1/rulebooks/{version}",
    operation_id="get_rulebook",
    summary="Look at a version",
    responses=answers("RulebookWithFiles", "The version with its files.", problems=(401, 403, 404, 422, 503)),
)
async def get_one(parts: Wired, _: RulebookReader, version: Version, __: Unfiltered) -> Response:
    """A version with its files, its check, its approval and publications. Roles: policy, approver, auditor."""
    found = await parts.look(lambda connection: get_with_files(connection, version))
    return Response(msgspec.json.encode(found), media_type=JSON)


@router.get(
    "/v1/rulebooks/{a}/diff/{b}",
    operation_id="compare_rulebooks",
    summary="Compare two versions",
    responses=answers("RulebookDiff", "Everything that changes.", problems=(401, 403, 404, 409, 422, 503)),
)
async def diff(parts: Wired, _: RulebookReader, a: Version, b: Version, __: Unfiltered) -> Response:
    """What changes from version `a` to version `b`: every possible case is compared. Roles: policy, approver, auditor.

    To approve `b`, look at the diff from the version that is live.
    """
    compared = await run_in_threadpool(parts.rulebooks.diff, a, b)
    return Response(msgspec.json.encode(as_json(compared)), media_type=JSON)
