"""Trying out: what would be decided, without storing, sending or using up a message number."""

from datetime import UTC, date, datetime
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from msgspec import structs
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.api.description.openapi import TAKES_RELEASE, answers, with_body
from app.api.parts import JSON, Parts, Version, Wired
from app.api.requests.auth import Policy
from app.api.requests.bodies import read_body
from app.decide.explain import Explanation, explain
from app.domain.decision import Answer, Decision, dry_run_answer
from app.domain.release import Release, is_date
from app.errors import Unavailable
from app.store.accepted.addresses import with_caution

router = APIRouter(tags=["decisions"])


def _day(text: object) -> date:
    if not isinstance(text, str) or not is_date(text):
        raise ValueError("this must be a calendar day, YYYY-MM-DD")
    return date.fromisoformat(text)


class DecisionQuery(BaseModel):
    """What a dry run may vary."""

    model_config = ConfigDict(extra="forbid")

    as_of: Annotated[date | None, BeforeValidator(_day), Field(description="Decide as of this day instead.")] = None
    rulebook: Version | None = Field(None, description="Decide under this stored version, live or not.")
    explain: Literal["full"] | None = Field(None, description="`full` adds `trace`: why, and why not.")


class ExplainedDecision(Answer, frozen=True, kw_only=True, omit_defaults=True):
    """A decision; `trace`, where asked for, is how every rule came out, with the line of the file it missed by."""

    trace: Explanation | None = None
    """How every rule came out; left out unless asked for."""


@router.post(
    "/v1/decisions",
    operation_id="decide_release",
    summary="Decide without sending",
    responses=answers("ExplainedDecision", "What would be decided.", problems=with_body(404, 409)),
    openapi_extra=TAKES_RELEASE,
)
async def decide(request: Request, parts: Wired, _: Policy, query: Annotated[DecisionQuery, Query()]) -> Response:
    """Decides a release as `POST /v1/releases` would, but stores and sends nothing. Role: policy."""
    body = await read_body(request)
    decider = await run_in_threadpool(parts.rulebooks.decider, query.rulebook) if query.rulebook else parts.decider()
    release = decider.read(body)
    now = datetime.now(UTC)
    decision = decider.decide(release, now, query.as_of)
    if query.rulebook is None:  # under a version named, the answer is that version's alone, so it is the same at any time
        decision = await _with_address(parts, release, decision)
    decided = dry_run_answer(decision)
    if query.explain is None:
        return Response(msgspec.json.encode(decided), media_type=JSON)
    explained = ExplainedDecision(**structs.asdict(decided), trace=explain(decider, release, query.as_of, now))
    return Response(msgspec.json.encode(explained), media_type=JSON)


async def _with_address(parts: Parts, release: Release, decision: Decision) -> Decision:
    """The decision with the warning that its address would give if it were stored now; without, when the store cannot be read."""
    mark = parts.addresses.mark(release.residence)
    try:
        return await parts.look(lambda connection: with_caution(connection, decision, mark))
    except Unavailable:
        return decision
