"""Reading a request's body under a hard limit, and the small JSON bodies of the lesser endpoints."""

import asyncio
from typing import Any

from starlette.requests import ClientDisconnect, Request

from app.api.requests.auth import Caller
from app.api.requests.encodings import expect_encoding
from app.api.requests.headers import header
from app.api.requests.problems import BackfillNotAllowed, TooSlow, UnknownMode, WrongMediaType
from app.domain.release import BODY_LIMIT
from app.domain.unknown_fields import unknown_field_faults
from app.errors import Fault, Refused, TooLarge

BODY_SECONDS = 30.0
"""How long one body may take to arrive."""


async def read_body(request: Request, limit: int = BODY_LIMIT, media_types: tuple[str, ...] = ("application/json",)) -> bytes:
    """The whole body, of one of `media_types`. Never holds more than `limit` bytes and one network chunk, whatever Content-Length says.

    Raises TooLarge, TooSlow, WrongMediaType, or ClientDisconnect when the caller hangs up before the end.
    """
    expect_media_type(request, *media_types)
    expect_encoding(request)
    declared = header(request, b"content-length")
    if declared is not None and declared.isdecimal() and int(declared) > limit:
        raise _too_large(limit)
    # A timer costs a request as much as reading its JSON does. Most bodies come whole with their head;
    # of one that does not begin, the server itself ends the connection (`server.py`).
    first, more = await _next_piece(request)
    _expect_within(limit, first)
    if not more:
        return first
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _gather(request, first, limit)
    except TimeoutError:
        raise TooSlow from None


async def _gather(request: Request, first: bytes, limit: int) -> bytes:
    body = bytearray(first)
    more = True
    while more:
        piece, more = await _next_piece(request)
        body += piece
        _expect_within(limit, body)
    return bytes(body)


async def _next_piece(request: Request) -> tuple[bytes, bool]:
    """The next piece of a body, and whether more may come. Raises ClientDisconnect."""
    message = await request.receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message.get("body", b""), message.get("more_body", False)


def _expect_within(limit: int, body: bytes | bytearray) -> None:
    if len(body) > limit:
        raise _too_large(limit)


def _too_large(limit: int) -> TooLarge:
    return TooLarge((Fault("", "too-large", f"the body has over {limit} bytes"),), "The body is too large; nothing was stored.")


def expect_media_type(request: Request, *allowed: str) -> None:
    """Raises WrongMediaType unless Content-Type is one of `allowed`, parameters aside, or says nothing.

    `application/x-www-form-urlencoded` says nothing: curl and others send it when they are not told.
    """
    given = header(request, b"content-type")
    if given is None or given in allowed:
        return
    if given.partition(";")[0].strip().lower() not in (*allowed, "application/x-www-form-urlencoded"):
        raise WrongMediaType(f"Content-Type must be {' or '.join(allowed)}; nothing was stored.")


def backfill_asked(request: Request, caller: Caller) -> bool:
    """Whether the header `LENS-Mode: backfill` is there.

    Raises UnknownMode for any other value, BackfillNotAllowed when the caller's key was not made for it.
    """
    mode = header(request, b"lens-mode")
    if mode is None:
        return False
    if mode.strip().lower() != "backfill":
        fault = Fault("/LENS-Mode", "unknown-mode", "leave the header out, or say backfill", ("backfill",))
        raise UnknownMode((fault,), "LENS-Mode has an unknown value; nothing was stored.")
    if not caller.backfills:
        raise BackfillNotAllowed
    return True


def refuse_query(request: Request) -> None:
    """Raises Refused when there is a query: a parameter that is not looked at must not seem to be obeyed."""
    if request.scope["query_string"]:
        raise Refused((Fault("", "unknown-parameter", "this address takes no query"),))


def read_tags(request: Request) -> frozenset[str] | None:
    """The entity tags of If-Match, without their quotes; None where any state will do. A weak tag, or none at all, matches nothing."""
    given = request.headers.getlist("if-match")
    if not given:
        return None
    tags = frozenset(tag.strip().strip('"') for tag in ",".join(given).split(","))
    return None if tags == {"*"} else tags


def unknown_fields(document: dict[str, Any], known: tuple[str, ...]) -> list[Fault]:
    """A fault for each field of an object that is none of those known."""
    return list(unknown_field_faults(pointer="", names=document, accepted=known, known=known, allowed=known))
