"""The OpenAPI 3.1 description: FastAPI's for the routes it knows, completed with the release contract, the answers' shapes and
the routes that are plain Starlette.

The shape of a release is the contract's schema file itself; those of the answers are made from the types that are answered.
"""

from collections.abc import Iterable, Sequence
from copy import deepcopy
from typing import Any, get_args, get_type_hints

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.api.description.field_docs import add_field_docs
from app.api.description.problem_schemas import FAULT, PROBLEM
from app.api.requests.models import Assignee, GivenReason, shape_of
from app.domain import release
from app.domain.decision import Answer
from app.domain.release import release_schema

Json = dict[str, Any]

_REF = "#/components/schemas/"

RELEASE_EXAMPLE: Json = {
    "release_id": "EXAMPLE-1",
    "stay": {
        "ended": True,
        "released_at": "2026-11-23T10:30:00-07:00",
        "reason": "OSUP",
        "state": "AZ",
        "facility": "FLORENCE SPC",
    },
    "subject": {
        "name": {"last": "Doe", "first": "John", "middle": "A"},
        "date_of_birth": "1980-01-02",
        "sex": "M",
        "race": "W",
        "place_of_birth": "MM",
        "fbi_number": "12345678A",
    },
    "residence": {"street": "100 Main St Apt 2", "city": "El Paso", "state": "TX", "zip": "79901"},
    "convictions": [{"charge_code": "0902", "status": "convicted", "convicted_on": "2011-05-17"}],
    "holds": [],
}
"""A release of an invented person; docs/examples/release.json is the same."""


def an_object(fields: Json, optional: tuple[str, ...] = ()) -> Json:
    """The schema of an object with these fields and no other."""
    schema: Json = {"type": "object", "additionalProperties": False, "properties": fields}
    required = [name for name in fields if name not in optional]
    return {**schema, "required": required} if required else schema


_PROBLEMS = {
    400: "Not one JSON document, or an unknown LENS-Mode.",
    401: "No key, or a bad one.",
    403: "The key's role may not do this, or the key may not backfill.",
    404: "There is no such thing.",
    406: "Not to be had in a form that Accept takes.",
    408: "The body did not arrive in time.",
    409: "It contradicts what is stored.",
    412: "It has changed since it was read, by If-Match; `detail` says who did so and when.",
    413: "Over the limit: 256 KiB, a rulebook 8 MiB.",
    415: "By its Content-Type not of a kind that is read here.",
    422: "Not as the contract asks; `errors` lists every fault.",
    429: "Too many bad keys came from this address; `Retry-After` says for how long.",
    503: "It cannot be done now, or it is not known whether it was: try the same again.",
}
_WITH_BODY = (400, 408, 413, 415)


def content(schema: str | tuple[str, ...], media_type: str = "application/json") -> Json:
    """A body of a schema under components, or of one of several."""
    if isinstance(schema, str):
        return {media_type: {"schema": {"$ref": _REF + schema}}}
    return {media_type: {"schema": {"anyOf": [{"$ref": _REF + each} for each in schema]}}}


def answers(
    schema: str | tuple[str, ...],
    says: str,
    status: int = 200,
    problems: Iterable[int] = (401, 403, 422, 429, 503),
    headers: Json | None = None,
) -> dict[int | str, Json]:
    """The answers of an endpoint: the good one, and the problems it can have."""
    told = {"description": says, "content": content(schema)}
    if headers is not None:
        told["headers"] = headers
    good: dict[int | str, Json] = {status: told}
    bad = {
        each: {"description": _PROBLEMS[each], "content": content("Problem", "application/problem+json")} for each in problems
    }
    return good | bad


def with_body(*problems: int) -> tuple[int, ...]:
    """The problems of an endpoint with a body, and these besides."""
    return tuple(sorted({401, 403, 422, 429, 503, *_WITH_BODY, *problems}))


def takes(schema: str | Json, example: object = None, *, required: bool = True) -> Json:
    """An endpoint's body: a schema under components, or one of its own."""
    body: Json = {"schema": {"$ref": _REF + schema} if isinstance(schema, str) else schema}
    shown = {} if example is None else {"example": example}
    return {"requestBody": {"required": required, "content": {"application/json": body | shown}}}


TAKES_RELEASE = takes("Release", RELEASE_EXAMPLE)
"""The body is a release."""

TAKES_ASSIGNEE = takes("Assignee", {"to": "night shift"})
"""The body is who has a work item in hand."""

TAKES_REASON = takes("GivenReason", {"reason": "The state confirmed that it is back."})
"""The body is a reason."""

REPLAY_HEADER: Json = {
    "Idempotent-Replay": {
        "description": "It was done before: the answer of then.",
        "schema": {"type": "string", "const": "true"},
    }
}
"""The header of an answer given before."""

REPLAYED: dict[int | str, Json] = {
    200: {
        "description": "It stands so already: the answer of then; nothing is sent again.",
        "headers": REPLAY_HEADER,
        "content": content("Decision"),
    }
}
"""The other good answer of what may be asked twice."""

IF_MATCH: Json = {
    "parameters": [
        {
            "name": "If-Match",
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "description": "The `ETag` of the work item as it was read: 412, and nothing is done, once somebody has changed it.",
        }
    ]
}
"""The header of an act on what somebody has read."""

TAGGED: Json = {
    "ETag": {"description": "Names this state of it, for `If-Match`.", "schema": {"type": "string"}},
}
"""The header of an answer that shows a work item."""

_TAGS = {
    "releases": "Releases: sent, looked at, corrected, cancelled.",
    "feeds": "Whether a system of record is heard, and whether the counts agree.",
    "decisions": "Trying out: what would be decided. Nothing is stored or sent.",
    "messages": "What became of each message, and what each state was sent.",
    "pauses": "Where nothing is sent because somebody said so.",
    "work items": "What a person must do.",
    "inquiries": "What states ask, and every other text from the network.",
    "rulebook": "The rulebook that decides, every other version, and what people do with them.",
    "audit": "Who did what.",
    "health": "For those who watch the service. No key is needed.",
}
"""In the order in which /docs shows them."""

_MODE: Json = {
    "name": "LENS-Mode",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "enum": ["backfill"]},
    "description": "`backfill` stores the decision and sends nothing; only with a key made with `--may-backfill`.",
}
_RELEASE_LINES: Json = {
    "type": "string",
    "format": "binary",
    "contentMediaType": "application/x-ndjson",
    "contentSchema": {"$ref": f"{_REF}Release"},
}
_ANSWER_LINE: Json = {"anyOf": [{"$ref": f"{_REF}BatchAnswer"}, {"$ref": f"{_REF}Problem"}]}
_ANSWER_LINES: Json = {
    "type": "string",
    "format": "binary",
    "contentMediaType": "application/x-ndjson",
    "contentSchema": _ANSWER_LINE,
}
_BY_HAND: Json = {
    "/v1/releases": {
        "post": {
            "tags": ["releases"],
            "summary": "Send a release",
            "operationId": "accept_release",
            "description": "Decides, stores the decision with its messages and work items, and queues the messages, in one "
            "transaction, before the answer. Role: system_of_record.",
            "parameters": [_MODE],
            **TAKES_RELEASE,
            "responses": {
                "200": {
                    "description": "Stored before with the same content: the decision of then; nothing is sent again.",
                    "headers": REPLAY_HEADER,
                    "content": content("Decision"),
                },
                **{str(k): v for k, v in answers("Decision", "Stored now.", 201, with_body(409)).items()},
            },
        }
    },
    "/v1/releases:batch": {
        "post": {
            "tags": ["releases"],
            "summary": "Send many releases",
            "operationId": "accept_release_batch",
            "description": "NDJSON: one release a line in; one line out for each, in order, streamed: its decision with `line` and "
            "`replayed`, or a problem with the number of the `line` and, where it could be read, the `release_id`. `Content-Encoding: "
            "gzip` is read. A bad line does not stop the others. Each line is stored on its own, so a batch that "
            "broke off may be sent again whole. Role: system_of_record.",
            "parameters": [_MODE],
            "requestBody": {
                "required": True,
                "description": "One release a line. `application/x-ndjson` is read as well as `application/octet-stream`, which "
                "stands here because code generators know it.",
                "content": {"application/octet-stream": {"schema": _RELEASE_LINES}},
            },
            "responses": {
                "200": {
                    "description": "A line for each line, as `application/x-ndjson`; `application/octet-stream` stands here "
                    "because code generators know it.",
                    "content": {
                        "application/x-ndjson": {"schema": _ANSWER_LINE},
                        "application/octet-stream": {"schema": _ANSWER_LINES},
                    },
                },
                **{str(k): v for k, v in answers("Problem", "", 0, (400, 401, 403, 413, 415, 422, 429, 503)).items() if k != 0},
            },
        }
    },
}


def describe(app: FastAPI, answered: Sequence[type], root: str) -> Json:
    """The whole description of an app. `answered` are the types of its answers, `root` is where callers reach it."""
    described = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        contact=app.contact,
        servers=[{"url": root, "description": "This service."}],
    )
    described["paths"] = dict(sorted({**deepcopy(_BY_HAND), **described["paths"]}.items()))
    described["tags"] = [{"name": name, "description": says} for name, says in _TAGS.items()]
    schemas = described.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas |= (
        _release_schemas()
        | _answer_schemas(answered)
        | {"Problem": PROBLEM, "Fault": FAULT, "GivenReason": shape_of(GivenReason), "Assignee": shape_of(Assignee)}
    )
    described["components"]["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "`lens keys create`"}
    }
    _type_enums(schemas)
    for path, operations in described["paths"].items():
        for operation in operations.values():
            operation["security"] = [{"key": []}] if path.startswith("/v1/") else []
    return described


def _release_schemas() -> Json:
    """The contract's schema with its inner definitions moved to where OpenAPI looks for them."""
    schema = deepcopy(release_schema())
    schema.pop("$schema", None)
    inner = {name.capitalize(): each for name, each in schema.pop("$defs", {}).items()}
    add_field_docs(schema, release.Release)
    add_field_docs(inner["Name"], release.Name)
    parts = schema["properties"]
    add_field_docs(parts["stay"], release.Stay)
    add_field_docs(parts["subject"], release.Subject)
    add_field_docs(parts["residence"]["oneOf"][1], release.Residence)
    add_field_docs(parts["convictions"]["items"], release.Conviction)
    for field in (parts["subject"]["properties"]["aliases"], parts["holds"]):
        del field["default"]  # with it, code generators for TypeScript ask for the field
    inner["Name"]["description"] = "A person's name as stated."
    moved: Json = _move_definitions({"Release": schema, **inner})
    return moved


def _move_definitions(node: Any) -> Any:  # noqa: ANN401 - walks any JSON document
    if isinstance(node, dict):
        return {
            key: _REF + value.rpartition("/")[2].capitalize() if key == "$ref" else _move_definitions(value)
            for key, value in node.items()
        }
    return [_move_definitions(each) for each in node] if isinstance(node, list) else node


def _answer_schemas(answered: Sequence[type]) -> Json:
    types = [Answer, *answered]
    _, schemas = msgspec.json.schema_components(types, schema_hook=_anything, ref_template=_REF + "{name}")
    for kind in structs_in(types):
        add_field_docs(schemas[kind.__name__], kind)
        _require_what_is_always_there(schemas[kind.__name__], kind)
    schemas["Decision"] = schemas.pop("Answer")
    return dict(schemas)


def _require_what_is_always_there(schema: Json, kind: type[msgspec.Struct]) -> None:
    """Replaces the defaults of an answer, which are of no use to a caller, by whether the field is always there."""
    for name, described in schema["properties"].items():
        has_default = "default" in described
        described.pop("default", None)
        if has_default and not kind.__struct_config__.omit_defaults:
            schema.setdefault("required", []).append(name)


def _type_enums(node: Any) -> None:  # noqa: ANN401 - walks any JSON document
    """Says of each enum of words that it is text: msgspec leaves that out, and code generators then know no type."""
    if isinstance(node, dict):
        if "type" not in node and isinstance(node.get("enum"), list):
            node["type"] = "string"
        for each in node.values():
            _type_enums(each)
    elif isinstance(node, list):
        for each in node:
            _type_enums(each)


def structs_in(kinds: Iterable[object]) -> set[type[msgspec.Struct]]:
    """Every class of structs that these types are, or are made of."""
    found: set[type[msgspec.Struct]] = set()
    ahead = list(kinds)
    while ahead:
        kind = ahead.pop()
        ahead += get_args(kind)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind not in found:
            found.add(kind)
            ahead += get_type_hints(kind).values()
    return found


def _anything(kind: type) -> Json:
    """The schema of a value that may be any JSON."""
    if kind is not object:
        raise NotImplementedError(f"{kind} has no schema")
    return {"description": "Any JSON value."}
