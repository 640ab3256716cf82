"""What people do with rulebooks: draft, approve, publish, take back. All of it stands in the audit trail."""

from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from app.api.auth import Approver, Policy
from app.api.bodies import read_body, unknown_fields
from app.api.filters import Unfiltered
from app.api.openapi import Json, an_object, answers, takes, with_body
from app.api.parts import JSON, Version, Wired
from app.api.rulebook_body import MULTIPART, TARS, read_bundle
from app.domain.release import read_json
from app.errors import Fault, Refused
from app.rulebook.versions import VERSION
from app.store.rulebook_reads import RulebookVersion

router = APIRouter(tags=["rulebook"])

_BINARY: Json = {"schema": {"type": "string", "format": "binary"}}
_TAKES_RULEBOOK: Json = {
    "requestBody": {
        "required": True,
        "description": "`rules/` and `ref_data/` whole: as a tar file (gzipped or not; a signed bundle of `lens rulebook pack` is "
        "one), or as multipart with a part for each file, whose name or filename is the path, e.g. `rules/eligibility.yaml`.",
        "content": {
            MULTIPART: {"schema": {"type": "object", "additionalProperties": {"type": "string", "format": "binary"}}},
            **dict.fromkeys(TARS[:2], _BINARY),
        },
    }
}
_DIFF_SEEN: Json = {
    "type": "string",
    "pattern": f"^{VERSION.pattern}$",
    "description": "The version that the diff you have seen began at. It must be the one live now.",
}
_TAKES_DIFF_SEEN = takes(an_object({"diff_seen": _DIFF_SEEN}), {"diff_seen": "3f9c2a7b41d0"})


@router.post(
    "/v1/rulebooks",
    summary="Draft a rulebook",
    status_code=201,
    responses={
        **answers("RulebookVersion", "Checked and stored.", 201, with_body(409)),
        **answers("RulebookVersion", "This very rulebook was stored before; nothing has changed.", problems=()),
    },
    openapi_extra=_TAKES_RULEBOOK,
)
async def draft(request: Request, parts: Wired, caller: Policy, _: Unfiltered) -> Response:
    """Checks a rulebook and stores it as a version; it decides nothing yet. Role: policy.

    One with errors is refused, each with its file, line and column. Scenarios that fail do not keep it from being stored; they
    stand in the answer's `check`, for whoever approves it.
    """
    bundle = await read_bundle(request)
    version, kept = await run_in_threadpool(parts.rulebooks.draft, bundle, caller.name)
    return _answer(version, 201 if kept == "new" else 200)


@router.post(
    "/v1/rulebooks/{version}/approve",
    summary="Approve a version",
    responses=answers("RulebookVersion", "It may be published.", problems=with_body(404, 409)),
    openapi_extra=_TAKES_DIFF_SEEN,
)
async def approve(request: Request, parts: Wired, caller: Approver, version: Version, _: Unfiltered) -> Response:
    """Approves a version that another person drafted, after a look at what it changes. Role: approver.

    `diff_seen` binds the approval to the diff that was seen: from the version live now to this one. When another goes live
    before it is published, the approval lapses.
    """
    seen = await _read_diff_seen(request, f"/v1/rulebooks/{parts.shelf.in_force.version}/diff/{version}")
    return _answer(await run_in_threadpool(parts.rulebooks.approve, version, seen, caller.name))


@router.post(
    "/v1/rulebooks/{version}/publish",
    summary="Publish a version",
    responses=answers("RulebookVersion", "It decides.", problems=(401, 403, 404, 409, 422, 503)),
)
async def publish(parts: Wired, caller: Approver, version: Version, _: Unfiltered) -> Response:
    """Puts an approved version live in every process at once, a moment after the call; answers when it decides. Role: approver."""
    return _answer(await run_in_threadpool(parts.rulebooks.publish, version, caller.name))


@router.post(
    "/v1/rulebooks/{version}/rollback",
    summary="Go one step back",
    responses=answers("RulebookVersion", "The version that decides again.", problems=(401, 403, 404, 409, 422, 503)),
)
async def roll_back(parts: Wired, caller: Approver, version: Version, _: Unfiltered) -> Response:
    """Takes the live version back: the one that was live before it decides again, in every process. Role: approver.

    `version` is the live version or, just as well, the one before it. Asked again, nothing changes. No approval is needed.
    """
    return _answer(await run_in_threadpool(parts.rulebooks.roll_back, version, caller.name))


def _answer(version: RulebookVersion, status: int = 200) -> Response:
    return Response(msgspec.json.encode(version), status, media_type=JSON)


async def _read_diff_seen(request: Request, address: str) -> str:
    """The version of a body `{"diff_seen": "…"}`; `address` is where to see it. Raises Refused with every fault."""
    document = read_json(await read_body(request) or b"{}")
    if faults := tuple(_faults(document, address)):
        raise Refused(faults, so="nothing was changed")
    return str(document["diff_seen"])


def _faults(document: Any, address: str) -> list[Fault]:  # noqa: ANN401 - any JSON document
    if not isinstance(document, dict):
        return [Fault("", "type", 'this must be an object: {"diff_seen": "…"}', ("object",))]
    faults = unknown_fields(document, ("diff_seen",))
    if "diff_seen" not in document:
        words = f"look at the diff, GET {address}, and say from which version it began"
        return [*faults, Fault("/diff_seen", "required", words)]
    if not isinstance(document["diff_seen"], str) or not VERSION.fullmatch(document["diff_seen"]):
        faults.append(Fault("/diff_seen", "pattern", "this must be a version, 12 hexadecimal digits"))
    return faults
