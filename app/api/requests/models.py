"""Bodies as models: pydantic checks them, and the description of the API has them from the same class.

They are read by a dependency and not by FastAPI itself, which would read a body before it asks who sends it, and without a limit.
"""

from collections.abc import Callable, Coroutine, Iterator
from typing import Annotated, Any, ClassVar, TypeVar

from fastapi import Depends, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, WithJsonSchema
from pydantic_core import ErrorDetails, PydanticCustomError

from app.api.requests.bodies import read_body, unknown_fields
from app.domain.reason import REASON_LENGTH, is_worded, words_fault
from app.domain.release import read_json
from app.errors import Fault, Refused

ASSIGNEE_LENGTH = 80
"""Characters of a name that a work item is assigned to."""

LINE: dict[str, Any] = {"minLength": 1, "pattern": r"^(?:[^\p{C}\p{Z}]| )+$"}
"""One line of printable text, as Python has it."""

_TYPES = {"string_type": ("this must be text", ("string",))}


class SmallBody(BaseModel):
    """A body of a few fields. The title of each tells whoever left it out what it is for."""

    model_config = ConfigDict(extra="forbid", strict=True)
    so: ClassVar[str] = "nothing was changed"
    """What came of a body that is refused."""
    looks_like: ClassVar[str] = ""
    """The body as an example, for whoever sent something else than an object."""


B = TypeVar("B", bound=SmallBody)


def _described(limit: int) -> WithJsonSchema:
    """The same in the description of the API."""
    return WithJsonSchema({"type": "string", "maxLength": limit, **LINE})


def _one_line(limit: int) -> AfterValidator:
    """One line of printable text of so many characters, without the spaces around it."""

    def check(text: str) -> str:
        if not 0 < len(text.strip()) <= limit:
            raise PydanticCustomError("length", f"1 to {limit} characters")
        if not text.isprintable():
            raise PydanticCustomError("control-character", "one line of printable text")
        return text.strip()

    return AfterValidator(check)


def _say_why(reason: str) -> str:
    fault = None if is_worded(reason) else words_fault("reason", reason)
    if fault is not None:
        raise PydanticCustomError("no-words", fault.message)
    return reason


class GivenReason(SmallBody):
    """Why something is done."""

    looks_like = '{"reason": "…"}'
    reason: Annotated[str, _one_line(REASON_LENGTH), AfterValidator(_say_why), _described(REASON_LENGTH)] = Field(
        title="say why, for those who read the record later", description="Why, in one line."
    )


class Assignee(SmallBody):
    """Who a work item is assigned to."""

    looks_like = '{"to": "…"}'
    to: Annotated[str, _one_line(ASSIGNEE_LENGTH), _described(ASSIGNEE_LENGTH)] | None = Field(
        title="say who has it in hand; null for nobody", description="A name; `me` for the caller, null for nobody."
    )


def body_of(model: type[B]) -> Callable[[Request], Coroutine[Any, Any, B]]:
    """A dependency that is the body, as this model. It raises Refused with every fault, and what `read_body` raises."""

    async def read(request: Request) -> B:
        document = read_json(await read_body(request))
        if not isinstance(document, dict):
            raise _refused(model, [Fault("", "type", f"this must be an object: {model.looks_like}", ("object",))])
        try:
            return model.model_validate(document)
        except ValidationError as error:
            faults = list(_faults(model, document, error.errors(include_url=False, include_input=False)))
        raise _refused(model, faults)

    read.model = model  # type: ignore[attr-defined] # for the description of the API
    return read


def shape_of(model: type[SmallBody]) -> dict[str, Any]:
    """The schema of a body. Its titles are left out: they are for whoever left a field out, and name nothing."""
    shape = model.model_json_schema()
    for described in (shape, *shape["properties"].values()):
        described.pop("title", None)
        described.pop("default", None)
    return shape


def _refused(model: type[SmallBody], faults: list[Fault]) -> Refused:
    return Refused(tuple(faults), so=model.so)


def _faults(model: type[SmallBody], document: dict[str, Any], found: list[ErrorDetails]) -> Iterator[Fault]:
    """What pydantic found, in the words of every other fault. What was sent is not repeated."""
    yield from unknown_fields(document, tuple(model.model_fields))
    for each in found:
        name = str(each["loc"][0])
        if each["type"] == "missing":
            yield Fault(f"/{name}", "required", str(model.model_fields[name].title))
        elif each["type"] in _TYPES:
            message, allowed = _TYPES[each["type"]]
            yield Fault(f"/{name}", "type", message, allowed)
        elif each["type"] != "extra_forbidden":
            yield Fault(f"/{name}", each["type"], each["msg"], each.get("ctx", {}).get("allowed"))


Reason = Annotated[GivenReason, Depends(body_of(GivenReason))]
"""The body `{"reason": "…"}`."""

AssignedTo = Annotated[Assignee, Depends(body_of(Assignee))]
"""The body `{"to": "…"}`."""
