"""Query parameters of lists. An unknown one is refused: a filter misspelt must not look like a filter obeyed."""

from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.errors import Refused
from app.store.paging import LONGEST_PAGE, PAGE, earliest, latest


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
        json_schema_extra={"anyOf": [{"format": "date"}, {"format": "date-time"}]},
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


class Between(BaseModel):
    """What can be narrowed by time."""

    model_config = ConfigDict(extra="forbid")

    from_: Instant | None = Field(None, alias="from", description="Not before this time, or the beginning of this day (UTC).")
    to: Instant | None = Field(None, description="Not after this time, or the end of this day (UTC).")

    @property
    def since(self) -> int | None:
        """The first Micros wanted."""
        return earliest("from", self.from_)

    @property
    def until(self) -> int | None:
        """The last Micros wanted."""
        return latest("to", self.to)


class Period(Between, Paged):
    """A list by time."""


Unfiltered = Annotated[NoQuery, Query()]
"""For an endpoint without parameters."""
