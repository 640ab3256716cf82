"""What people do with rulebooks: draft, approve or send back, publish, take back. All of it stands in the audit trail."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from app.api.description.openapi import Json, answers, with_body
from app.api.parts import JSON, Version, Wired
from app.api.requests.auth import Approver, Policy
from app.api.requests.filters import Unfiltered
from app.api.rulebooks.rulebook_body import MULTIPART, read_draft
from app.api.rulebooks.rulebook_words import (
    TAKES_APPROVAL,
    TAKES_COMMENT,
    TAKES_OLDER,
    TAKES_ROLLBACK,
    DraftQuery,
    read_words,
)
from app.errors import Refused
from app.publishing.rulebooks import Said
from app.store.rulebooks.rulebook_reads import RulebookVersion

router = APIRouter(tags=["rulebook"])

_BINARY: Json = {"schema": {"type": "string", "format": "binary"}}
_TAKES_RULEBOOK: Json = {
    "requestBody": {
        "required": True,
        "description": "`rules/` and `ref_data/` whole: as a tar file (gzipped or not; a signed bundle of `lens rulebook pack` is "
        "one; `application/x-tar` and `application/gzip` are read too), or as multipart with a part for each file, whose name or filename is the path, e.g. `rules/eligibility.yaml`.",
        "content": {
            MULTIPART: {"schema": {"type": "object", "additionalProperties": {"type": "string", "format": "binary"}}},
            "application/octet-stream": _BINARY,
        },
    }
}


@router.post(
    "/v1/rulebooks",
    operation_id="draft_rulebook",
    summary="Draft a rulebook",
    status_code=201,
    responses={
        **answers("RulebookVersion", "Checked and stored.", 201, with_body(409)),
        **answers("RulebookVersion", "This very rulebook was stored before; nothing has changed.", problems=()),
    },
    openapi_extra=_TAKES_RULEBOOK,
)
async def draft(request: Request, parts: Wired, caller: Policy, query: Annotated[DraftQuery, Query()]) -> Response:
    """Checks a rulebook and stores it as a version; it decides nothing yet. Role: policy.

    One with errors is refused, each with its file, line and column. One whose scenarios fail, or which has none, is stored and
    cannot be approved; they stand in the answer's `check`, and `warnings` say what else there is to look at. `title`, `reason` and `corrects_past` go in the query, or in fields of a multipart body.
    """
    with parts.rulebooks.taking_one():
        try:
            bundle, fields = await read_draft(request)
        except Refused as refused:
            await run_in_threadpool(parts.rulebooks.note_refusal, refused, caller.name)
            raise
        version, kept = await run_in_threadpool(parts.rulebooks.draft, bundle, caller.name, query.said(fields))
    return _answer(version, 201 if kept == "new" else 200)


@router.post(
    "/v1/rulebooks/{version}/approve",
    operation_id="approve_rulebook",
    summary="Approve a version",
    responses=answers("RulebookVersion", "It may be published.", problems=with_body(404, 409)),
    openapi_extra=TAKES_APPROVAL,
)
async def approve(request: Request, parts: Wired, caller: Approver, version: Version, _: Unfiltered) -> Response:
    """Approves a version that another person drafted, after a look at what it changes. Role: approver.

    `diff_seen` binds the approval to the diff that was seen: from the version live now to this one. When another goes live
    before it is published, the approval lapses.
    """
    address = f"/v1/rulebooks/{parts.shelf.in_force.version}/diff/{version}"
    ask = {"diff_seen": f"look at the diff, GET {address}, and say from which version it began"}
    words = await read_words(request, ("diff_seen", "comment", "corrects_past"), ask)
    said = Said(comment=words.get("comment"), corrects_past=words.get("corrects_past"))
    seen = words["diff_seen"]
    return _answer(await run_in_threadpool(parts.rulebooks.approve, version, seen, caller.name, said))


@router.post(
    "/v1/rulebooks/{version}/reject",
    operation_id="reject_rulebook",
    summary="Send a version back",
    responses=answers("RulebookVersion", "It cannot be approved until it is drafted again.", problems=with_body(404, 409)),
    openapi_extra=TAKES_COMMENT,
)
async def reject(request: Request, parts: Wired, caller: Approver, version: Version, _: Unfiltered) -> Response:
    """Sends a version back to the person who drafted it, with a comment that says why. Role: approver.

    An approval that it had is gone. Drafted again, it may be approved.
    """
    words = await read_words(request, ("comment",), {"comment": "say what is to be changed, for whoever drafted it"})
    return _answer(await run_in_threadpool(parts.rulebooks.reject, version, words["comment"], caller.name))


@router.post(
    "/v1/rulebooks/{version}/publish",
    operation_id="publish_rulebook",
    summary="Publish a version",
    responses=answers("RulebookVersion", "It decides.", problems=with_body(404, 409)),
    openapi_extra=TAKES_OLDER,
)
async def publish(request: Request, parts: Wired, caller: Approver, version: Version, _: Unfiltered) -> Response:
    """Puts an approved version live in every process at once, a moment after the call; answers when it decides. Role: approver.

    Where only signed rulebooks are used, a bundle older than one that was live is refused unless `older` says why.
    """
    words = await read_words(request, ("older",), {})
    return _answer(await run_in_threadpool(parts.rulebooks.publish, version, caller.name, words.get("older")))


@router.post(
    "/v1/rulebooks/{version}/rollback",
    operation_id="roll_back_rulebook",
    summary="Go one step back",
    responses=answers("RulebookVersion", "The version that decides again.", problems=with_body(404, 409)),
    openapi_extra=TAKES_ROLLBACK,
)
async def roll_back(request: Request, parts: Wired, caller: Approver, version: Version, _: Unfiltered) -> Response:
    """Takes the live version back: the one that was live before it decides again, in every process. Role: approver.

    `version` is the live version or, just as well, the one before it. Asked again, nothing changes. No approval is needed.
    `reason` says why, for those who read the record later. The answer tells what the step changes, as that of a draft does.
    """
    words = await read_words(request, ("reason",), {"reason": "say why it is taken back, for those who read the record later"})
    return _answer(await run_in_threadpool(parts.rulebooks.roll_back, version, caller.name, words["reason"]))


def _answer(version: RulebookVersion, status: int = 200) -> Response:
    return Response(msgspec.json.encode(version), status, media_type=JSON)
