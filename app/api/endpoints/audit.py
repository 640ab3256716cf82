"""The audit trail, to read. `lens audit verify` proves that nobody changed it."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Response
from pydantic import Field

from app.api.description.openapi import answers
from app.api.parts import JSON, Wired
from app.api.requests.auth import Auditor
from app.api.requests.filters import OrderedPeriod
from app.store.ledger.audit import AuditFilter, StoredEntry, list_entries

router = APIRouter(tags=["audit"])


class AuditPage(msgspec.Struct, frozen=True):
    """A page of the trail. `next` goes into `cursor` for the page after it; null on the last one."""

    items: tuple[StoredEntry, ...]
    """The rows of this page."""
    next: str | None
    """What goes into `cursor` for the page after it; null on the last one."""


class AuditQuery(OrderedPeriod):
    """Which entries to list."""

    actor: str | None = Field(None, pattern="^[ -~]{1,80}$", description="The name of a key or a process.")
    action: str | None = Field(None, pattern="^[a-z_]{1,60}$", description="e.g. accept_release, requeue_message")


@router.get(
    "/v1/audit",
    operation_id="list_audit_entries",
    summary="List the audit trail",
    responses=answers("AuditPage", "A page of the trail, in the order it was written."),
)
async def list_all(parts: Wired, _: Auditor, query: Annotated[AuditQuery, Query()]) -> Response:
    """Who did what to what, when, with what outcome; filtered. Role: auditor."""
    wanted = AuditFilter(query.actor, query.action, query.since, query.until)
    page = await parts.look(
        lambda connection: list_entries(
            connection=connection, wanted=wanted, limit=query.limit, given=query.cursor, order=query.order
        )
    )
    return Response(msgspec.json.encode(AuditPage(*page)), media_type=JSON)
