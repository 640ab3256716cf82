"""Trying out: what would be decided, without storing, sending or using up a message number."""

from datetime import UTC, date, datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.api.auth import Policy
from app.api.bodies import read_body
from app.api.openapi import TAKES_RELEASE, answers, with_body
from app.api.parts import Wired
from app.domain.decision import dry_run_answer
from app.domain.release import is_date

router = APIRouter(tags=["decisions"])


def _day(text: object) -> date:
    if not isinstance(text, str) or not is_date(text):
        raise ValueError("this must be a calendar day, YYYY-MM-DD")
    return date.fromisoformat(text)


class DecisionQuery(BaseModel):
    """What a dry run may vary."""

    model_config = ConfigDict(extra="forbid")

    as_of: Annotated[date | None, BeforeValidator(_day), Field(description="Decide as of this day instead.")] = None


@router.post(
    "/v1/decisions", responses=answers("Decision", "What would be decided.", problems=with_body()), openapi_extra=TAKES_RELEASE
)
async def decide(request: Request, parts: Wired, _: Policy, query: Annotated[DecisionQuery, Query()]) -> Response:
    """Decides a release and answers as `POST /v1/releases` would, but stores and sends nothing."""
    decider = parts.decider()
    release = decider.read(await read_body(request))
    decision = decider.decide(release, datetime.now(UTC), query.as_of)
    return Response(msgspec.json.encode(dry_run_answer(decision)), media_type="application/json")
