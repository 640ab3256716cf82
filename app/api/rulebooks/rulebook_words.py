"""What people say of a rulebook in their own words: a title, reasons, a comment. Each is one printable line."""

from typing import Annotated, Any

from fastapi import Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.api.description.openapi import Json, an_object, takes
from app.api.requests.bodies import read_body, unknown_fields
from app.api.requests.models import LINE
from app.domain.reason import REASON_LENGTH, words_fault
from app.domain.release import read_json
from app.errors import Fault, Refused
from app.publishing.rulebooks import Said
from app.rulebook.bundles.versions import VERSION

TITLE_LENGTH = 200
"""Characters of a title at the most."""

LENGTHS = {
    "title": TITLE_LENGTH,
    "reason": REASON_LENGTH,
    "comment": REASON_LENGTH,
    "corrects_past": REASON_LENGTH,
    "older": REASON_LENGTH,
}
DRAFT_WORDS = ("title", "reason", "corrects_past")
"""What may be said of a draft: in the query, or as fields of a multipart body."""
_WHYS = ("reason", "corrects_past", "older")
"""Texts that say why, as the comment of a rejection does: a dot or a letter is none."""


def _is_line(text: str) -> str:
    """A text for the record, which must be one printable line."""
    if not text.strip() or not text.isprintable():
        raise ValueError("one line of printable text")
    return text.strip()


_Line = Annotated[str, AfterValidator(_is_line)]


class DraftQuery(BaseModel):
    """What the query says of a draft."""

    model_config = ConfigDict(extra="forbid")

    title: _Line | None = Field(None, max_length=TITLE_LENGTH, description="What the change is, in one line.")
    reason: _Line | None = Field(None, max_length=REASON_LENGTH, description="Why it is made, in one line.")
    corrects_past: _Line | None = Field(
        None, max_length=REASON_LENGTH, description="Why what is decided of days before today may change, in one line."
    )

    def said(self, fields: dict[str, str]) -> Said:
        """The same, with the fields of a multipart body for what the query leaves out. Raises Refused for bad ones."""
        given = fields | {name: value for name, value in self if value is not None}
        faults = [fault for name, value in given.items() for fault in line_faults(name, value)]
        if faults:
            raise Refused(tuple(faults))
        return Said(**{name: value.strip() for name, value in given.items()})


def line_faults(name: str, value: Any, *, why: bool = False) -> list[Fault]:  # noqa: ANN401 - any JSON value
    """What is wrong with a text for the record, named by its field. With `why` it must say why, whatever its field."""
    limit = LENGTHS[name]
    if not isinstance(value, str):
        return [Fault(f"/{name}", "type", "this must be text", ("string",))]
    if not 0 < len(value.strip()) <= limit:
        return [Fault(f"/{name}", "length", f"1 to {limit} characters")]
    if not value.isprintable():
        return [Fault(f"/{name}", "control-character", "one line of printable text")]
    worded = words_fault(name, value) if why or name in _WHYS else None
    return [worded] if worded is not None else []


def _schema(name: str, description: str) -> Json:
    return {"type": "string", "maxLength": LENGTHS[name], **LINE, "description": description}


_COMMENT = _schema("comment", "What you found, in one line.")
_DIFF_SEEN: Json = {
    "type": "string",
    "pattern": f"^{VERSION.pattern}$",
    "description": "The version that the diff you have seen began at. It must be the one live now.",
}
_CORRECTS = _schema("corrects_past", "Why what is decided of days before today may change; needed where it does.")
_OLDER = _schema("older", "Why a signed bundle that is older than one that was live goes live all the same.")
_REASON = _schema("reason", "Why the live version is taken back.")

TAKES_APPROVAL = takes(
    an_object({"diff_seen": _DIFF_SEEN, "comment": _COMMENT, "corrects_past": _CORRECTS}, ("comment", "corrects_past")),
    {"diff_seen": "3f9c2a7b41d0", "comment": "As agreed on 3 November."},
)
TAKES_COMMENT = takes(an_object({"comment": _COMMENT}), {"comment": "The scenario for juveniles is missing."})
TAKES_OLDER = takes(
    an_object({"older": _OLDER}, ("older",)), {"older": "Back to the rules of October, as ordered."}, required=False
)
TAKES_ROLLBACK = takes(an_object({"reason": _REASON}), {"reason": "Notices went to the wrong ORI."})


async def read_words(request: Request, known: tuple[str, ...], required: dict[str, str]) -> dict[str, str]:
    """The texts of a body that may be missing where nothing is required; `required` says of each such field what it is for.

    Raises Refused with every fault.
    """
    document = read_json(await read_body(request) or b"{}")
    if not isinstance(document, dict):
        raise Refused((Fault("", "type", "this must be an object", ("object",)),), so="nothing was changed")
    faults = unknown_fields(document, known)
    faults += [Fault(f"/{name}", "required", ask) for name, ask in required.items() if name not in document]
    for name in known:
        if name in document:
            text = document[name]
            why = name in required
            faults += _diff_faults(text) if name == "diff_seen" else line_faults(name, text, why=why)
    if faults:
        raise Refused(tuple(faults), so="nothing was changed")
    return {name: str(document[name]).strip() for name in known if name in document}


def _diff_faults(value: Any) -> list[Fault]:  # noqa: ANN401 - any JSON value
    if isinstance(value, str) and VERSION.fullmatch(value):
        return []
    return [Fault("/diff_seen", "pattern", "this must be a version: its SHA-256 in hexadecimal, or the first 12 digits of it")]
