"""Work items: what a person must do."""

from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from app.api.auth import Operator, Watcher
from app.api.bodies import read_reason
from app.api.filters import Paged, Unfiltered
from app.api.openapi import TAKES_REASON, answers, with_body
from app.api.parts import JSON, Wired
from app.intake.lift import lift_hold, resolve_item
from app.store.work_items import Resolve, StoredWorkItem, WorkItemFilter, list_work_items

router = APIRouter(tags=["work items"])

ItemId = Annotated[int, Path(ge=1, le=2**63 - 1, description="The work item's number.")]


class WorkItemPage(msgspec.Struct, frozen=True):
    """A page of work items. `next` goes into `cursor` for the page after it; null on the last one."""

    items: tuple[StoredWorkItem, ...]
    next: str | None


class WorkItemQuery(Paged):
    """Which work items to list."""

    status: Literal["open", "resolved"] | None = None
    code: str | None = Field(None, pattern="^[a-z0-9-]{1,80}$", description="e.g. review, no-residence-state")


@router.get(
    "/v1/work-items", summary="List work items", responses=answers("WorkItemPage", "A page of work items, oldest first.")
)
async def list_all(parts: Wired, _: Watcher, query: Annotated[WorkItemQuery, Query()]) -> Response:
    """What a person must do, or has done, oldest first. Roles: operator, auditor."""
    wanted = WorkItemFilter(query.status, query.code)
    page = await parts.look(lambda connection: list_work_items(connection, wanted, query.limit, query.cursor))
    return Response(msgspec.json.encode(WorkItemPage(*page)), media_type=JSON)


@router.post(
    "/v1/work-items/{id}/resolve",
    summary="Resolve a work item",
    responses=answers("StoredWorkItem", "It is closed.", problems=with_body(404, 409)),
    openapi_extra=TAKES_REASON,
)
async def close(request: Request, parts: Wired, caller: Operator, id: ItemId, _: Unfiltered) -> Response:
    """Says that it was done, and how. It sends nothing; what a surge held back is cancelled. Role: operator."""
    wanted = Resolve(id, await read_reason(request), caller.name, parts.clock())
    return Response(msgspec.json.encode(await resolve_item(parts.writer, wanted)), media_type=JSON)


@router.post(
    "/v1/work-items/{id}/lift",
    summary="Lift a hold",
    responses=answers(
        ("StoredRelease", "StoredWorkItem"),
        "The release as it stands now, with what is sent; of a surge, its work item.",
        problems=with_body(404, 409),
    ),
    openapi_extra=TAKES_REASON,
)
async def lift(request: Request, parts: Wired, caller: Operator, id: ItemId, _: Unfiltered) -> Response:
    """The release is decided again as if nothing held it, and is sent, once. Of a surge, all that it held back is sent as it is.

    Role: operator.
    """
    reason = await read_reason(request)
    lifted = await lift_hold(parts.writer, parts.decider(), id, reason, caller.name, parts.clock)
    parts.queued()
    return Response(msgspec.json.encode(lifted), media_type=JSON)
