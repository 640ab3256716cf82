"""Every fault as RFC 9457 `application/problem+json`: which status an error has, and what a caller is told of it.

The status follows from the error's class alone, by the one table here. `type` is a relative reference, `/problems/<code>`,
under which the service explains the code (`page`). `instance` names the request, as its line in the log does.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Match

from app.errors import (
    ChangedMeanwhile,
    Conflict,
    Fault,
    LensError,
    NotAllowed,
    NotFound,
    NotJson,
    NotSignedIn,
    Refused,
    ReleaseIdTaken,
    TooLarge,
    Unavailable,
)

MEDIA_TYPE = "application/problem+json"


class UnknownMode(Refused):
    """The header LENS-Mode has a value that is not known."""

    code = "unknown-mode"


class BackfillNotAllowed(NotAllowed):
    """This key may not send with LENS-Mode: backfill; nothing was stored."""

    code = "backfill-not-allowed"


class TooManyFailures(LensError):
    """Too many sign-ins from this address failed, and this one too."""

    code = "too-many-failures"

    def __init__(self, wait: int) -> None:
        """`wait` is how many seconds are left."""
        super().__init__()
        self.wait = wait


class NotAcceptable(LensError):
    """The answer is not to be had in any form that the header Accept takes."""

    code = "not-acceptable"


class WrongMediaType(LensError):
    """The body is of a kind that this endpoint does not read."""

    code = "wrong-media-type"


class TooSlow(LensError):
    """The request did not arrive in time; nothing was stored."""

    code = "too-slow"


class NotHttp(LensError):
    """What came is not an HTTP request."""

    code = "not-http"


class NoSuchMethod(LensError):
    """This address does not know that method."""

    code = "no-such-method"


class Broken(LensError):
    """LENS failed at this request, through no fault of the caller's. Whether anything was stored can be asked by its id."""

    code = "broken"


STATUS: dict[type[LensError], int] = {
    NotHttp: 400,
    NotJson: 400,
    UnknownMode: 400,
    NotSignedIn: 401,
    NotAllowed: 403,
    BackfillNotAllowed: 403,
    NotFound: 404,
    NoSuchMethod: 405,
    NotAcceptable: 406,
    TooSlow: 408,
    Conflict: 409,
    ReleaseIdTaken: 409,
    ChangedMeanwhile: 412,
    TooLarge: 413,
    WrongMediaType: 415,
    Refused: 422,
    TooManyFailures: 429,
    Broken: 500,
    Unavailable: 503,
}
"""The one table from a class of errors to its HTTP status."""

_HEADERS: dict[type[LensError], dict[str, str]] = {
    NotSignedIn: {"WWW-Authenticate": "Bearer"},
    TooLarge: {"Connection": "close"},
    TooSlow: {"Connection": "close"},
    Unavailable: {"Retry-After": "1"},
}
_BY_STATUS: dict[int, type[LensError]] = {404: NotFound, 405: NoSuchMethod, 413: TooLarge}


def status_of(error: LensError) -> int:
    """The HTTP status of an error; a class that the table does not name has that of its nearest ancestor there, else 500."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def problem(error: LensError, request_id: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - extension members
    """The problem object of an error. `more` adds extension members, such as the line of a batch."""
    told: dict[str, Any] = {
        "type": f"/problems/{error.code}",
        "title": title_of(type(error)),
        "status": status_of(error),
        "detail": error.detail,
        "instance": f"urn:uuid:{request_id}",
    }
    if isinstance(error, Refused):
        told["errors"] = [_fault_as_json(fault) for fault in error.faults]
    return told | more


def title_of(kind: type[LensError]) -> str:
    """The title of a class of errors: the first line of its docstring."""
    return (kind.__doc__ or kind.__name__).splitlines()[0]


def _fault_as_json(fault: Fault) -> dict[str, Any]:
    told: dict[str, Any] = {"pointer": fault.pointer, "code": fault.code, "message": fault.message}
    more = {"allowed": fault.allowed, "file": fault.file, "line": fault.line, "column": fault.column}
    return told | {name: value for name, value in more.items() if value is not None}


def problem_response(error: LensError, request_id: str, headers: Mapping[str, str] | None = None) -> Response:
    """The whole answer for an error, with the headers its class asks for."""
    own = next((_HEADERS[kind] for kind in type(error).__mro__ if kind in _HEADERS), {})
    if isinstance(error, TooManyFailures):
        own = {"Retry-After": str(error.wait)}
    body = msgspec.json.encode(problem(error, request_id))
    return Response(body, status_of(error), media_type=MEDIA_TYPE, headers={**own, **(headers or {})})


async def on_lens_error(request: Request, error: Exception) -> Response:
    """Answers an error of LENS's own tree."""
    assert isinstance(error, LensError)  # noqa: S101 - registered for this class only
    return problem_response(error, request.scope["request_id"])


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Answers what the router raises: no such address, no such method on it."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    known = _BY_STATUS.get(error.status_code, Broken)
    told = known(()) if issubclass(known, Refused) else known("There is nothing at this address." if known is NotFound else "")
    headers = {"Allow": ", ".join(_methods_at(request))} if known is NoSuchMethod else error.headers
    return problem_response(told, request.scope["request_id"], headers)


def _methods_at(request: Request) -> Sequence[str]:
    """Every method that the address knows; the router itself names only those of the first route that fits."""

    def known(method: str) -> bool:
        asked = {**request.scope, "method": method}
        return any(route.matches(asked)[0] is Match.FULL for route in request.app.routes)

    return [method for method in ("GET", "HEAD", "POST") if known("GET" if method == "HEAD" else method)]


async def on_bad_parameters(request: Request, error: Exception) -> Response:
    """Answers parameters in the path, the query or the headers that do not fit, all faults at once."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    known = parameters_of(request)
    faults = dict.fromkeys(_parameter_fault(each, known) for each in error.errors())
    return problem_response(Refused(tuple(faults), so="nothing was done"), request.scope["request_id"])


def parameters_of(request: Request) -> tuple[str, ...]:
    """The names of the parameters that the query of this address may have."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return ()
    return tuple(dict.fromkeys(_query_names(route.dependant)))


def _query_names(dependant: Dependant) -> Iterator[str]:
    for field in dependant.query_params:
        fields = getattr(field.field_info.annotation, "model_fields", None)
        if fields is None:
            yield field.alias
        else:
            yield from (each.alias or name for name, each in fields.items())
    for inner in dependant.dependencies:
        yield from _query_names(inner)


def _parameter_fault(found: Mapping[str, Any], known: tuple[str, ...]) -> Fault:
    """One of pydantic's complaints, without the value found. Its place is `/` and the parameter's name, wherever it stands.

    The name of a parameter that is not known is the caller's text, and not repeated.
    """
    if found["type"] == "extra_forbidden":
        return Fault("", "unknown-parameter", "the query has a parameter that is not known here", known)
    pointer = "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in found["loc"][1:])
    expected = found.get("ctx", {}).get("expected")
    allowed = tuple(_allowed_values(expected)) if found["type"] in {"literal_error", "enum"} and expected else None
    message = "this must be one of the values allowed" if allowed else str(found["msg"]).removeprefix("Value error, ")
    return Fault(pointer, str(found["type"]).replace("_", "-"), message, allowed)


def _allowed_values(expected: str) -> Sequence[str]:
    """The values in pydantic's sentence `'a', 'b' or 'c'`."""
    return expected.split("'")[1::2]


EXPLAINED: dict[str, type[LensError]] = {kind.code: kind for kind in STATUS}
"""Every code an answer may carry, and its class."""


def page(code: str) -> str:
    """What `/problems/<code>` says, as plain text. Raises NotFound for a code that LENS does not use."""
    kind = EXPLAINED.get(code)
    if kind is None:
        raise NotFound("There is no such problem code.")
    return f"{code} (HTTP {STATUS[kind]})\n\n{(kind.__doc__ or '').strip()}\n\n{_ADVICE[code]}\n"


_ADVICE = {
    "not-http": "Send HTTP/1.1 with a head of at most 64 KiB; an upper-case method, an address, headers, a blank line.",
    "not-json": "Send one JSON document in UTF-8: no duplicate keys, no NaN or Infinity, no lone surrogates, not nested deeply.",
    "unknown-mode": "Leave the header LENS-Mode out, or send `LENS-Mode: backfill` to store decisions and send nothing.",
    "not-signed-in": "Send `Authorization: Bearer <key>` with a key made by `lens keys create` that has not expired.",
    "too-many-failures": "Five keys from this address were wrong within 15 minutes. Use the right key, which is let in at once, or wait "
    "for the seconds in Retry-After.",
    "not-allowed": "Each key has one role; docs/reference/http-api.md says which role may do what. Ask an admin for another key.",
    "backfill-not-allowed": "Ask an admin for a key made by `lens keys create NAME --role system_of_record --may-backfill`. To send "
    "the release to the states, leave the header LENS-Mode out.",
    "release-id-taken": "Another caller has used this release_id. A work item tells the people at LENS, naming both callers. Find out "
    "whose id it is; until it is settled, the states that your release concerns may not have been told.",
    "not-found": "Check the id. A system of record finds only the releases that it sent itself.",
    "no-such-method": "The header Allow lists the methods that this address knows.",
    "not-acceptable": "Send `Accept: application/json` or `Accept: text/csv`, or leave the header out.",
    "too-slow": "Send a request's head within 10 seconds and its body at 1 KB a second or more, without long pauses. The same release may safely be sent again.",
    "conflict": "A release_id was used before for other content, or a message is not in a state where this can be done. "
    "To change a release already sent, use a correction. A rulebook is approved by another person than its drafter, as a change "
    "from the one that is live.",
    "changed-meanwhile": "Somebody else was faster; `detail` says who and when. Get the work item again, read it, and send If-Match with its new "
    "ETag.",
    "too-large": "A body, or one line of a batch, has at most 256 KiB; a rulebook sent as a draft 8 MiB. A batch has few blank lines, and becomes "
    "at most 200 times as long when it is decompressed.",
    "wrong-media-type": "Send `Content-Type: application/json`, or `application/x-ndjson` for a batch, and no Content-Encoding; a batch may have gzip.",
    "invalid": "`errors` lists every fault, with a JSON pointer to its place. Mend them all and send again.",
    "broken": "Please report the `instance`; the log line with the same request_id says more. Sending the same release again is safe.",
    "unavailable": "Try the same again after the seconds in Retry-After; /readyz says which part is not ready.",
}
