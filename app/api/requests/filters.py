"""Query parameters of lists. What cannot be obeyed is refused: a filter misspelt must not look like a filter obeyed."""

from typing import Annotated

from fastapi import Query, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from app.api.requests.problems import parameters_of
from app.decide.decide import Decider
from app.errors import Fault, Refused
from app.store.statements.paging import LONGEST_PAGE, PAGE, Order, earliest, latest


def _is_instant(text: str) -> str:
    """Checks a filter by time; a plus sign that was not written %2B has come as a blank."""
    try:
        earliest("", text)
    except Refused as refused:
        hint = "; in a query a plus sign is written %2B" if " " in text else ""
        raise ValueError(refused.faults[0].message + hint) from None
    return text


RELEASE_ID = "^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"
"""The form of a release's id."""

STATE = "^[A-Z]{2}$"
"""The form of a state's USPS code."""

Instant = Annotated[
    str,
    AfterValidator(_is_instant),
    Field(
        examples=["2026-11-23", "2026-11-23T10:30:00-05:00"],
        json_schema_extra={
            "anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}],
        },
    ),
]
"""A time, or a day in UTC."""


class NoQuery(BaseModel):
    """No parameters at all."""

    model_config = ConfigDict(extra="forbid")


class Paged(BaseModel):
    """What every list takes."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(PAGE, ge=1, le=LONGEST_PAGE, description="Rows of a page at the most.")
    cursor: str | None = Field(None, max_length=100, description="`next` of the page before.")


class Ordered(Paged):
    """A list that can be asked for from either end."""

    order: Order = Field("oldest", description="Which rows come first; a cursor goes on in its own order only.")


class Between(BaseModel):
    """What can be narrowed by time."""

    model_config = ConfigDict(extra="forbid")

    from_: Instant | None = Field(None, alias="from", description="Not before this time, or the beginning of this day (UTC).")
    to: Instant | None = Field(None, description="Not after this time, or the end of this day (UTC).")

    @field_validator("to")
    @classmethod
    def _ends_after_it_begins(cls, to: str | None, info: ValidationInfo) -> str | None:
        since, until = earliest("from", info.data.get("from_")), latest("to", to)
        if since is not None and until is not None and until < since:
            raise ValueError("this is before `from`, so that nothing could be listed")
        return to

    @property
    def since(self) -> int | None:
        """The first Micros wanted."""
        return earliest("from", self.from_)

    @property
    def until(self) -> int | None:
        """The last Micros wanted."""
        return latest("to", self.to)


class TimeSpan(Between, Paged):
    """A list by time."""


class OrderedPeriod(Between, Ordered):
    """A list by time, from either end."""


Unfiltered = Annotated[NoQuery, Query()]
"""For an endpoint without parameters."""


def refuse_repeated(request: Request) -> None:
    """Raises Refused for parameters given twice: only one could be obeyed, and nobody would see which."""
    names = [name for name, _ in request.query_params.multi_items()]
    repeated = dict.fromkeys(name for name in names if names.count(name) > 1)
    if repeated:
        known = parameters_of(request)
        pointers = dict.fromkeys(f"/{name}" if name in known else "" for name in repeated)  # others are the caller's own text
        raise Refused(tuple(Fault(pointer, "repeated-parameter", "this can be given once") for pointer in pointers))


def refuse_unknown_state(state: str | None, decider: Decider) -> None:
    """Raises Refused for a filter `state` that the rulebook in force does not know. For a list that came out empty: what stands there is
    shown whatever the rulebook knows by now.
    """
    if state is not None and decider.states and state not in decider.states:
        told = "no state has this USPS code (Nebraska is NE here, though NB in a notice), and nothing here is about it"
        raise Refused((Fault("/state", "unknown-state", told, tuple(sorted(decider.states))),), so="nothing was listed")
