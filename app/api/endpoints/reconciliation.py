"""Reconciliation: what a state was sent, to hold against its own list; a page of JSON, or the whole as CSV."""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from functools import partial
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from app.api.description.openapi import answers
from app.api.parts import JSON, Parts, Wired
from app.api.requests.auth import Watcher
from app.api.requests.filters import STATE, Between, TimeSpan, refuse_unknown_state
from app.api.requests.problems import NotAcceptable
from app.domain.statuses import Status
from app.store.reads.reconciliation import MessagesWanted, ReconciledMessage, Totals, last_number, list_sent, overview, totals
from app.store.statements.paging import LONGEST_PAGE, Page

router = APIRouter(tags=["messages"])

CSV = "text/csv"
_OFFERED = (JSON, CSV)
_HEADING = ReconciledMessage.__struct_fields__
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # what a spreadsheet may take for the beginning of one


class ReconciliationPage(msgspec.Struct, frozen=True):
    """A page of what a state was sent. `next` goes into `cursor` for the page after it; null on the last one.

    `totals` are of everything accepted for the state in that time, as it stood when this page was read.
    """

    state: str
    """USPS code of the state addressed."""
    totals: Totals
    """Of everything accepted for the state in that time."""
    items: tuple[ReconciledMessage, ...]
    """The messages of this page, by their numbers."""
    next: str | None
    """What goes into `cursor` for the page after it; null on the last one."""


class ReconciliationQuery(TimeSpan):
    """Whose messages to list. Times are those of acceptance."""

    state: str = Field(pattern=STATE, description="USPS code of the state addressed.", examples=["TX"])
    status: Status | None = Field(None, description="List only these; `suppressed` is what a backfill did not send.")


_ANSWERS = answers("ReconciliationPage", "A page, in order of the message numbers.", problems=(401, 403, 406, 422, 503))
_ANSWERS[200]["content"][CSV] = {"schema": {"type": "string"}}
_ANSWERS[200]["headers"] = {
    "LENS-Accepted": {"description": "With CSV: how many lines follow the heading.", "schema": {"type": "integer"}}
}


@router.get("/v1/reconciliation", operation_id="list_reconciliation", summary="What a state was sent", responses=_ANSWERS)
async def reconcile(request: Request, parts: Wired, _: Watcher, query: Annotated[ReconciliationQuery, Query()]) -> Response:
    """Every message accepted for a state, by number, without its text. Roles: operator, auditor.

    With `Accept: text/csv` the whole list in one answer, from `cursor` on if one is given; `limit` then means nothing.
    """
    wanted = MessagesWanted(query.state, query.since, query.until, status=query.status)
    if chosen(request.headers.get("accept")) == CSV:
        return await _whole(parts, wanted, query.cursor)
    page, counts = await parts.look(
        lambda connection: (list_sent(connection, wanted, query.limit, query.cursor), totals(connection, wanted))
    )
    if not counts.accepted:
        refuse_unknown_state(wanted.state, parts.decider())
    return Response(msgspec.json.encode(ReconciliationPage(query.state, counts, *page)), media_type=JSON)


@router.get(
    "/v1/reconciliation/totals",
    operation_id="get_reconciliation_totals",
    summary="All that was accepted",
    responses=answers("Overview", "Counts alone."),
)
async def total(parts: Wired, _: Watcher, query: Annotated[Between, Query()]) -> Response:
    """How many releases were accepted, by mode and outcome, and how many messages for each state, by status. Roles: operator, auditor."""
    counts = await parts.look(lambda connection: overview(connection, query.since, query.until))
    return Response(msgspec.json.encode(counts), media_type=JSON)


async def _whole(parts: Parts, wanted: MessagesWanted, cursor: str | None) -> Response:
    """Everything accepted up to now; no more than one page of it is held at a time."""
    newest = await parts.look(last_number)
    fixed = wanted._replace(last=newest)
    first, counts = await parts.look(
        lambda connection: (list_sent(connection, fixed, LONGEST_PAGE, cursor), totals(connection, fixed))
    )
    if not counts.accepted:
        refuse_unknown_state(wanted.state, parts.decider())
    headers = {"Content-Disposition": f'attachment; filename="reconciliation-{wanted.state}.csv"'}
    if cursor is None:
        listed = counts.accepted if wanted.status is None else counts.by_status.get(wanted.status, 0)
        headers["LENS-Accepted"] = str(listed)
    return StreamingResponse(_lines(parts, fixed, first), media_type=f"{CSV}; charset=utf-8; header=present", headers=headers)


async def _lines(parts: Parts, wanted: MessagesWanted, page: Page[ReconciledMessage]) -> AsyncIterator[bytes]:
    yield as_csv([_HEADING])
    while True:
        yield as_csv(map(msgspec.structs.astuple, page.items))
        if page.next is None:
            return
        page = await parts.look(partial(list_sent, wanted=wanted, limit=LONGEST_PAGE, given=page.next))


def as_csv(rows: Iterable[Sequence[object]]) -> bytes:
    """Rows as RFC 4180 has them. None is empty; a text that a spreadsheet would calculate gets an apostrophe in front."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(map(_cell, row) for row in rows)
    return text.getvalue().encode()


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def chosen(accept: str | None) -> str:
    """The media type that a header Accept likes best of those offered; JSON when it does not mind.

    Raises NotAcceptable when it takes neither.
    """
    liked = {offered: _liking(accept or "*/*", offered) for offered in _OFFERED}
    best = max(_OFFERED, key=lambda offered: liked[offered])
    if not liked[best]:
        raise NotAcceptable(f"This is to be had as {' or '.join(_OFFERED)}.")
    return best


def _liking(accept: str, offered: str) -> float:
    """The weight of a media type, by the range that fits it most closely; 0 when none does (RFC 9110, 12.5.1)."""
    closest, weight = -1, 0.0
    for each in accept.lower().split(","):
        name, *parameters = (part.strip() for part in each.split(";"))
        ranges = ("*/*", f"{offered.partition('/')[0]}/*", offered)
        if name in ranges and ranges.index(name) > closest:
            closest, weight = ranges.index(name), _weight(parameters)
    return weight


def _weight(parameters: list[str]) -> float:
    given = [part.removeprefix("q=") for part in parameters if part.startswith("q=")]
    try:
        return min(max(float(given[0]), 0.0), 1.0) if given else 1.0
    except ValueError:
        return 0.0
