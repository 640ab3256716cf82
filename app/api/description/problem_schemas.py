"""The shape of a problem, as `app/api/requests/problems.py` makes them."""

from typing import Any

from app.api.requests.problems import EXPLAINED

Json = dict[str, Any]

_TYPES = sorted(f"/problems/{code}" for code in EXPLAINED)

PROBLEM: Json = {
    "type": "object",
    "description": "What kept a request from being done (RFC 9457).",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {
            "type": "string",
            "enum": _TYPES,
            "description": "Which problem it is: the address of a page of this service that explains it.",
            "examples": ["/problems/invalid"],
        },
        "title": {"type": "string", "description": "The same in one sentence, the same for all of its type."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599, "description": "The HTTP status."},
        "detail": {"type": "string", "description": "What was wrong with this request."},
        "instance": {
            "type": "string",
            "format": "uri",
            "description": "Names this request, as its line in the log and X-Request-Id do.",
        },
        "line": {"type": "integer", "description": "In a batch: the number of the line, from 1."},
        "release_id": {"type": "string", "description": "In a batch: that of the line, where it could be read."},
        "errors": {
            "type": "array",
            "items": {"$ref": "#/components/schemas/Fault"},
            "description": "Every fault of the request, all at once.",
        },
    },
}
FAULT: Json = {
    "type": "object",
    "description": "One fault of a request.",
    "required": ["pointer", "code", "message"],
    "properties": {
        "pointer": {
            "type": "string",
            "description": 'RFC 6901, into the body ("" is all of it); for a parameter, `/` and its name.',
        },
        "code": {
            "type": "string",
            "description": "Which fault it is; of a rulebook, the code of `lens check`.",
            "examples": ["required"],
        },
        "message": {"type": "string", "description": "What is wrong there and how to fix it."},
        "allowed": {
            "type": "array",
            "items": {"type": "string"},
            "description": "The values, fields or types that are allowed there.",
        },
        "file": {"type": "string", "description": "Of a rulebook: the file, whose `line` and `column` count from 1."},
        "line": {"type": "integer", "description": "Of a rulebook: the line of the file."},
        "column": {"type": "integer", "description": "Of a rulebook: the column of the line."},
    },
}
