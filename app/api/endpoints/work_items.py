"""Work items: what a person must do."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from app.api.description.openapi import IF_MATCH, TAGGED, TAKES_ASSIGNEE, TAKES_REASON, answers, with_body
from app.api.parts import JSON, Wired
from app.api.requests.auth import Operator, Watcher
from app.api.requests.bodies import read_tags
from app.api.requests.filters import RELEASE_ID, STATE, Ordered, Unfiltered, refuse_unknown_state
from app.api.requests.models import AssignedTo, Reason
from app.domain.decision import WorkItemStatus
from app.intake.lift import lift_hold, reject_hold, resolve_item
from app.intake.work_item_in_full import look_in_full
from app.store.desk.work_items import Assign, Resolve, StoredWorkItem, WorkItemFilter, assign, list_work_items

router = APIRouter(tags=["work items"])

ItemId = Annotated[int, Path(ge=1, le=2**63 - 1, description="The work item's number.")]


class WorkItemPage(msgspec.Struct, frozen=True):
    """A page of work items. `next` goes into `cursor` for the page after it; null on the last one."""

    items: tuple[StoredWorkItem, ...]
    """The rows of this page."""
    next: str | None
    """What goes into `cursor` for the page after it; null on the last one."""


class WorkItemQuery(Ordered):
    """Which work items to list."""

    status: WorkItemStatus | None = Field(None, description="Whether it is still to be done.")
    code: str | None = Field(None, pattern="^[a-z0-9-]{1,80}$", description="e.g. review, no-residence-state")
    release_id: str | None = Field(None, pattern=RELEASE_ID, description="The release that it is about.")
    state: str | None = Field(None, pattern=STATE, description="USPS code of the state that it is about.")
    assigned_to: str | None = Field(None, pattern=r"^[^\x00-\x1f]{1,80}$", description="Who has it in hand.")
    assigned: bool | None = Field(None, description="Whether somebody has it in hand.")
    overdue: bool | None = Field(None, description="Whether it is open and was due.")


@router.get(
    "/v1/work-items",
    operation_id="list_work_items",
    summary="List work items",
    responses=answers("WorkItemPage", "A page of work items, by their numbers."),
)
async def list_all(parts: Wired, _: Watcher, query: Annotated[WorkItemQuery, Query()]) -> Response:
    """What a person must do, or has done, oldest first unless asked otherwise. Roles: operator, auditor."""
    filters = query.model_dump(exclude={"limit", "cursor", "order"})
    wanted = WorkItemFilter(**filters, now=parts.clock())
    page = await parts.look(
        lambda connection: list_work_items(
            connection=connection, wanted=wanted, limit=query.limit, given=query.cursor, order=query.order
        )
    )
    if not page.items:
        refuse_unknown_state(query.state, parts.decider())
    return Response(msgspec.json.encode(WorkItemPage(*page)), media_type=JSON)


@router.get(
    "/v1/work-items/{id}",
    operation_id="get_work_item",
    summary="Look at a work item",
    responses=answers("WorkItemInFull", "The work item.", problems=(401, 403, 404, 422, 503), headers=TAGGED),
)
async def get_one(parts: Wired, _: Watcher, id: ItemId, __: Unfiltered) -> Response:
    """One work item. Of one that holds a release: the flags and the person as sent, why it is held and which rules nearly decided
    otherwise, and word for word what lifting it would send as things are now. `ETag` names this state of it, for `If-Match`.

    Roles: operator, auditor.
    """
    decider, now = parts.decider(), parts.clock()
    found = await parts.look(lambda connection: look_in_full(connection, id, decider, now))
    return _answer(found)


def _answer(item: StoredWorkItem, status: int = 200) -> Response:
    return Response(msgspec.json.encode(item), status, media_type=JSON, headers={"ETag": f'"{item.tag()}"'})


@router.post(
    "/v1/work-items/{id}/assign",
    operation_id="assign_work_item",
    summary="Assign a work item",
    responses=answers("StoredWorkItem", "Who has it in hand now.", problems=with_body(404, 409, 412)),
    openapi_extra=TAKES_ASSIGNEE | IF_MATCH,
)
async def give(request: Request, parts: Wired, caller: Operator, body: AssignedTo, id: ItemId, _: Unfiltered) -> Response:
    """Assigns it: to a name, to `me`, or to null for nobody. Others may still work on it. Role: operator."""
    to = body.to
    if to == "me":
        to = str(caller.name)
    wanted = Assign(id=id, to=to, by=caller.name, at=parts.clock(), read=read_tags(request))
    return _answer(await parts.writer.do(assign, wanted))


@router.post(
    "/v1/work-items/{id}/resolve",
    operation_id="resolve_work_item",
    summary="Resolve a work item",
    responses=answers("StoredWorkItem", "It is closed.", problems=with_body(404, 409, 412)),
    openapi_extra=TAKES_REASON | IF_MATCH,
)
async def close(request: Request, parts: Wired, caller: Operator, body: Reason, id: ItemId, _: Unfiltered) -> Response:
    """Says that it was done, and how. It sends nothing; what it held back is never sent. Role: operator."""
    wanted = Resolve(id=id, reason=body.reason, by=caller.name, at=parts.clock(), read=read_tags(request))
    return _answer(await resolve_item(parts.writer, wanted))


@router.post(
    "/v1/work-items/{id}/lift",
    operation_id="lift_work_item",
    summary="Lift a hold",
    responses=answers(
        ("StoredRelease", "StoredWorkItem"),
        "The release as it stands now, with what is sent; of a surge, its work item.",
        problems=with_body(404, 409, 412),
    )
    | answers("StoredWorkItem", "It waits for a second person; nothing was sent.", status=202, problems=()),
    openapi_extra=TAKES_REASON | IF_MATCH,
)
async def lift(request: Request, parts: Wired, caller: Operator, body: Reason, id: ItemId, _: Unfiltered) -> Response:
    """The release is decided again as if nothing held it, and is sent, once. Of a surge, all that it held back is sent as it is.

    Where the work item says `lift: two_people`, two people must do so: the first gets 202, and the work item waits for the second.
    Role: operator.
    """
    lifted = await lift_hold(
        writer=parts.writer,
        decider=parts.decider(),
        work_item=id,
        reason=body.reason,
        caller=caller.name,
        clock=parts.clock,
        read=read_tags(request),
    )
    waits = isinstance(lifted, StoredWorkItem) and lifted.status == "open"
    if not waits:
        parts.queued()
    status = 202 if waits else 200
    if isinstance(lifted, StoredWorkItem):
        return _answer(lifted, status)
    return Response(msgspec.json.encode(lifted), status, media_type=JSON)


@router.post(
    "/v1/work-items/{id}/reject",
    operation_id="reject_work_item",
    summary="Reject a hold",
    responses=answers(
        ("StoredRelease", "StoredWorkItem"),
        "The release as it stands now, with what is cancelled; of a surge, its work item.",
        problems=with_body(404, 409, 412),
    ),
    openapi_extra=TAKES_REASON | IF_MATCH,
)
async def reject(request: Request, parts: Wired, caller: Operator, body: Reason, id: ItemId, _: Unfiltered) -> Response:
    """What the hold keeps back is never sent; what states were told before stands. Refused for what holds nothing back.

    Role: operator.
    """
    wanted = Resolve(id=id, reason=body.reason, by=caller.name, at=parts.clock(), read=read_tags(request))
    rejected = await reject_hold(parts.writer, wanted)
    if isinstance(rejected, StoredWorkItem):
        return _answer(rejected)
    return Response(msgspec.json.encode(rejected), media_type=JSON)
