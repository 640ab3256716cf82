"""Releases: sending one or many, and looking at one.

The two ways of sending do without FastAPI: every microsecond before the commit counts there, and its routing and handling of
parameters take as long as deciding. `openapi.py` describes them by hand.
"""

import re
from collections.abc import AsyncIterator
from typing import Annotated

import msgspec
import structlog
from fastapi import APIRouter, Path, Request, Response
from starlette.types import Receive, Scope, Send

from app.api.description.openapi import answers
from app.api.parts import JSON, Parts, Wired, parts_of
from app.api.requests.auth import Reader
from app.api.requests.bodies import backfill_asked, expect_media_type, read_body, refuse_query
from app.api.requests.encodings import Gunzip, expect_encoding
from app.api.requests.filters import RELEASE_ID, Unfiltered
from app.api.requests.lines import Line, answer_lines, lines_of
from app.api.requests.problems import Broken, problem
from app.domain.decision import Answer
from app.domain.release import BODY_LIMIT
from app.errors import Fault, LensError, NotJson, Refused, TooLarge, what_broke
from app.store.accepted.releases import Accepted, get_release

_log = structlog.get_logger()

router = APIRouter(tags=["releases"])

NDJSON = "application/x-ndjson"
_LINES = (NDJSON, "application/ndjson", "application/jsonl", "application/octet-stream", JSON)
REPLAY = {"Idempotent-Replay": "true"}
"""The header of an answer given before."""

ReleaseId = Annotated[str, Path(pattern=RELEASE_ID, description="The system of record's own id.")]


async def post_release(request: Request) -> Response:
    """Decides one release, stores everything in one transaction, and answers with the decision."""
    parts = parts_of(request)
    caller = await parts.gate.admit(request, "system_of_record")
    refuse_query(request)
    backfill = backfill_asked(request, caller)
    accepted = await parts.intake.accept(await read_body(request), caller.name, backfill=backfill)
    parts.metrics.accepted(accepted.outcome, backfill=backfill)
    if accepted.kind == "new":
        return Response(accepted.answer_json, 201, media_type=JSON)
    return Response(accepted.answer_json, 200, REPLAY, JSON)


async def post_batch(request: Request) -> Response:
    """The same for many releases, a line each; every line is a request of its own, with its own transaction."""
    parts = parts_of(request)
    caller = await parts.gate.admit(request, "system_of_record")
    refuse_query(request)
    expect_media_type(request, *_LINES)
    gunzip = Gunzip() if expect_encoding(request, gzip=True) else None
    backfill = backfill_asked(request, caller)
    lines = await _begun(lines_of(request.receive, BODY_LIMIT, gunzip))
    return BatchResponse(parts, caller.name, request.scope["request_id"], lines, backfill=backfill)


async def _begun(lines: AsyncIterator[Line]) -> AsyncIterator[Line]:
    """The lines, once there is one that is not blank. Raises Refused where there is none, or what keeps it from being read."""
    first: list[Line] = []
    async for line in lines:
        if isinstance(line, LensError):
            raise line
        first.append(line)
        if line is None or line.strip():
            return _chained(first, lines)
    fault = Fault("", "empty-batch", "a batch has at least one line, one release a line")
    raise Refused((fault,), "The batch is empty; nothing was stored.")


async def _chained(first: list[Line], then: AsyncIterator[Line]) -> AsyncIterator[Line]:
    for line in first:
        yield line
    async for line in then:
        yield line


class BatchResponse(Response):
    """Answers a batch while it is still coming in."""

    def __init__(self, parts: Parts, caller: str, request_id: str, lines: AsyncIterator[Line], *, backfill: bool) -> None:
        super().__init__(media_type=NDJSON)
        del self.headers["content-length"]
        self._lines = lines
        self._parts = parts
        self._caller = caller
        self._backfill = backfill
        self._request_id = request_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - Starlette's signature
        """Starts the answer at once, then sends a line for each line."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await answer_lines(self._lines, send, self._answer)

    async def _answer(self, line: Line, number: int) -> bytes:
        try:
            accepted = await self._accept(line)
        except LensError as error:
            more: dict[str, object] = {"line": number}
            if isinstance(line, bytes) and (release_id := _id_in(line)) is not None:
                more["release_id"] = release_id
            return msgspec.json.encode(problem(error, self._request_id, **more))
        except Exception as error:  # noqa: BLE001 - one line must not take the others with it
            _log.error("batch_line_broke", request_id=self._request_id, line=number, **what_broke(error))
            return msgspec.json.encode(problem(Broken(), self._request_id, line=number))
        replayed = b"true" if accepted.kind == "replay" else b"false"
        return b'%b,"line":%d,"replayed":%b}' % (accepted.answer_json[:-1], number, replayed)

    async def _accept(self, line: Line) -> Accepted:
        if isinstance(line, LensError):
            raise line
        if line is None:
            raise TooLarge((Fault("", "too-large", f"the line has over {BODY_LIMIT} bytes"),), "The line is too long.")
        if not line.strip():
            raise NotJson((Fault("", "not-json", "the line is blank"),), "A line of a batch is one release.")
        accepted = await self._parts.intake.accept(line, self._caller, backfill=self._backfill)
        self._parts.metrics.accepted(accepted.outcome, backfill=self._backfill)
        return accepted


class BatchAnswer(Answer, frozen=True, kw_only=True):
    """A decision about a line of a batch: the number of the `line`, from 1, and whether it was `replayed`, stored before."""

    line: int
    """The number of the line, from 1."""
    replayed: bool
    """Whether it was stored before."""


class _Named(msgspec.Struct):
    release_id: str


_named = msgspec.json.Decoder(_Named)


def _id_in(line: bytes) -> str | None:
    """The release_id of a line that was refused, where there is one and it has the form of one."""
    try:
        found = _named.decode(line).release_id
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found if re.fullmatch(RELEASE_ID, found) else None


express = {("POST", "/v1/releases"): post_release, ("POST", "/v1/releases:batch"): post_batch}
"""Reached without FastAPI's routing; see `envelope.py`."""


@router.get(
    "/v1/releases/{release_id}",
    operation_id="get_release",
    summary="Look at a release",
    responses=answers("StoredRelease", "The release as it stands now.", problems=(401, 403, 404, 422, 503)),
)
async def get_one(parts: Wired, caller: Reader, release_id: ReleaseId, _: Unfiltered) -> Response:
    """A release's decision as first made, its messages with their history, its work items, and what corrected or cancelled it.

    Roles: system_of_record (what it sent itself), operator, auditor.
    """
    own = None if caller.roles & {"operator", "auditor"} else caller.name
    release = await parts.look(lambda connection: get_release(connection, release_id, own))
    return Response(msgspec.json.encode(release), media_type=JSON)
