"""Messages: what became of each, and sending one again."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from app.api.description.openapi import TAKES_REASON, answers, with_body
from app.api.parts import JSON, Wired
from app.api.requests.auth import Operator, Watcher
from app.api.requests.filters import RELEASE_ID, STATE, OrderedPeriod, Unfiltered, refuse_unknown_state
from app.api.requests.models import Reason
from app.domain.statuses import Status
from app.store.ledger.messages import (
    MessageFilter,
    Requeue,
    StoredMessage,
    get_message,
    list_messages,
    requeue,
)

router = APIRouter(tags=["messages"])

MessageId = Annotated[str, Path(pattern="^LN[0-9A-Z]{8}$", description="The message number.", examples=["LN00000A7F"])]


class MessagePage(msgspec.Struct, frozen=True):
    """A page of messages. `next` goes into `cursor` for the page after it; null on the last one."""

    items: tuple[StoredMessage, ...]
    """The rows of this page."""
    next: str | None
    """What goes into `cursor` for the page after it; null on the last one."""


class MessageQuery(OrderedPeriod):
    """Which messages to list. Times are those of acceptance."""

    status: Status | None = Field(None, description="What is known of it now.")
    state: str | None = Field(None, pattern=STATE, description="USPS code of the state addressed.")
    release_id: str | None = Field(None, pattern=RELEASE_ID, description="The release that it tells of.")
    work_item: int | None = Field(None, ge=1, le=2**63 - 1, description="The work item that is about it, holds it or held it.")


@router.get(
    "/v1/messages",
    operation_id="list_messages",
    summary="List messages",
    responses=answers("MessagePage", "A page of messages, by their numbers."),
)
async def list_all(parts: Wired, _: Watcher, query: Annotated[MessageQuery, Query()]) -> Response:
    """Messages by their numbers, filtered. Roles: operator, auditor."""
    wanted = MessageFilter(
        status=query.status,
        state=query.state,
        since=query.since,
        until=query.until,
        release_id=query.release_id,
        work_item=query.work_item,
    )
    page = await parts.look(
        lambda connection: list_messages(
            connection=connection, wanted=wanted, limit=query.limit, given=query.cursor, order=query.order
        )
    )
    if not page.items:
        refuse_unknown_state(query.state, parts.decider())
    return Response(msgspec.json.encode(MessagePage(*page)), media_type=JSON)


@router.get(
    "/v1/messages/{message_id}",
    operation_id="get_message",
    summary="Look at a message",
    responses=answers("MessageWithHistory", "The message.", problems=(401, 403, 404, 422, 503)),
)
async def get_one(parts: Wired, _: Watcher, message_id: MessageId, __: Unfiltered) -> Response:
    """One message with every status it has had. Roles: operator, auditor."""
    message = await parts.look(lambda connection: get_message(connection, message_id))
    return Response(msgspec.json.encode(message), media_type=JSON)


@router.post(
    "/v1/messages/{message_id}/requeue",
    operation_id="requeue_message",
    summary="Send a message again",
    responses=answers("MessageWithHistory", "It waits in its lane again.", problems=with_body(404, 409)),
    openapi_extra=TAKES_REASON,
)
async def send_again(parts: Wired, caller: Operator, body: Reason, message_id: MessageId, _: Unfiltered) -> Response:
    """Queues a message that is dead, rejected or waiting for its state, in its old place. Role: operator."""
    wanted = Requeue(message_id, body.reason, caller.name, parts.clock())
    message = await parts.writer.do(requeue, wanted)
    parts.queued()
    return Response(msgspec.json.encode(message), media_type=JSON)
