"""Inquiries of states, and every other text from the network, for those who answer or act on them."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from app.api.description.openapi import TAKES_REASON, answers, with_body
from app.api.parts import JSON, Wired
from app.api.requests.auth import Operator, Watcher
from app.api.requests.filters import RELEASE_ID, Ordered, OrderedPeriod, Unfiltered
from app.api.requests.models import Reason
from app.domain.decision import WorkItemStatus
from app.store.desk import arrivals, inquiries
from app.store.desk.arrivals import ArrivalFilter, Kind, StoredArrival, get_arrival, list_arrivals
from app.store.desk.inquiries import Inquiry, InquiryFilter, close_inquiry, get_inquiry, list_inquiries
from app.store.desk.work_items import Resolve
from app.store.ledger.audit import note

router = APIRouter(tags=["inquiries"])

InquiryId = Annotated[int, Path(ge=1, le=2**63 - 1, description="The inquiry's number, which is that of its work item.")]
InboundId = Annotated[int, Path(ge=1, le=2**63 - 1, description="The text's number, as work items name it.")]


class InquiryPage(msgspec.Struct, frozen=True):
    """A page of inquiries. `next` goes into `cursor` for the page after it; null on the last one."""

    items: tuple[Inquiry, ...]
    """The rows of this page."""
    next: str | None
    """What goes into `cursor` for the page after it; null on the last one."""


class InboundPage(msgspec.Struct, frozen=True):
    """A page of texts from the network. `next` goes into `cursor` for the page after it; null on the last one."""

    items: tuple[StoredArrival, ...]
    """The rows of this page."""
    next: str | None
    """What goes into `cursor` for the page after it; null on the last one."""


class InquiryQuery(Ordered):
    """Which inquiries to list."""

    status: WorkItemStatus | None = Field(None, description="Whether it is still to be done.")
    release_id: str | None = Field(None, pattern=RELEASE_ID, description="Those that may be about this release.")


class InboundQuery(OrderedPeriod):
    """Which texts to list. Times are those of arrival."""

    kind: Kind | None = Field(None, description="What kind of text it is.")
    matched: bool | None = Field(None, description="Whether what it is about was found.")


_READ = (401, 403, 404, 422, 503)


@router.get(
    "/v1/inquiries",
    operation_id="list_inquiries",
    summary="List inquiries",
    responses=answers("InquiryPage", "A page of inquiries, by their numbers."),
)
async def list_all(parts: Wired, _: Watcher, query: Annotated[InquiryQuery, Query()]) -> Response:
    """Administrative messages to our own address, without their texts, oldest first unless asked otherwise. Roles: operator, auditor."""
    wanted = InquiryFilter(query.status, query.release_id)
    page = await parts.look(
        lambda connection: list_inquiries(
            connection=connection, wanted=wanted, limit=query.limit, given=query.cursor, order=query.order
        )
    )
    return Response(msgspec.json.encode(InquiryPage(*page)), media_type=JSON)


@router.get(
    "/v1/inquiries/{id}",
    operation_id="get_inquiry",
    summary="Read an inquiry",
    responses=answers("InquiryWithText", "Its text, and what an answer needs.", problems=_READ),
)
async def get_one(parts: Wired, caller: Watcher, id: InquiryId, _: Unfiltered) -> Response:
    """The text of the AM, and the releases it may be about with every message sent of them. Who read it stands in the audit trail.

    Roles: operator, auditor.
    """
    found = await parts.look(lambda connection: get_inquiry(connection, id))
    await parts.writer.do(note, inquiries.shown(found, caller.name, parts.clock()))
    return Response(msgspec.json.encode(found), media_type=JSON)


@router.post(
    "/v1/inquiries/{id}/close",
    operation_id="close_inquiry",
    summary="Close an inquiry",
    responses=answers("Inquiry", "It is closed, and its work item with it.", problems=with_body(404, 409)),
    openapi_extra=TAKES_REASON,
)
async def close(parts: Wired, caller: Operator, body: Reason, id: InquiryId, _: Unfiltered) -> Response:
    """Says that it was answered, and how; resolving its work item does the same. It sends nothing. Role: operator."""
    wanted = Resolve(id, body.reason, caller.name, parts.clock())
    return Response(msgspec.json.encode(await parts.writer.do(close_inquiry, wanted)), media_type=JSON)


@router.get(
    "/v1/inbound",
    operation_id="list_inbound_texts",
    summary="List what came from the network",
    responses=answers("InboundPage", "A page of it, by arrival."),
)
async def list_inbound(parts: Wired, _: Watcher, query: Annotated[InboundQuery, Query()]) -> Response:
    """Every ER, SM, AM and other text, without its words, oldest first unless asked otherwise. Roles: operator, auditor."""
    wanted = ArrivalFilter(query.kind, query.matched, query.since, query.until)
    page = await parts.look(
        lambda connection: list_arrivals(
            connection=connection, wanted=wanted, limit=query.limit, given=query.cursor, order=query.order
        )
    )
    return Response(msgspec.json.encode(InboundPage(*page)), media_type=JSON)


@router.get(
    "/v1/inbound/{id}",
    operation_id="get_inbound_text",
    summary="Read a text from the network",
    responses=answers("ArrivalWithText", "The text as it came.", problems=_READ),
)
async def get_inbound(parts: Wired, caller: Watcher, id: InboundId, _: Unfiltered) -> Response:
    """One text with its words. Who read it stands in the audit trail. Roles: operator, auditor."""
    found = await parts.look(lambda connection: get_arrival(connection, id))
    await parts.writer.do(note, arrivals.shown(found, caller.name, parts.clock()))
    return Response(msgspec.json.encode(found), media_type=JSON)
