"""Times as LENS stores and tells them: Micros, whole microseconds since 1970 in UTC, and RFC 3339 text ending in `Z`."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

SECOND = 1_000_000
"""Micros in a second."""

Timestamp = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
"""A time as callers see it: RFC 3339 in UTC."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(micros: int) -> str:
    """A time as callers see it, always with all six decimals, so that such texts sort as the times do.

    >>> rfc3339(1_795_429_800_000_000)
    '2026-11-23T10:30:00.000000Z'
    """
    return (_EPOCH + timedelta(microseconds=micros)).isoformat(timespec="microseconds")[:-6] + "Z"


def moment(micros: int) -> datetime:
    """A time as an aware datetime in UTC."""
    return _EPOCH + timedelta(microseconds=micros)


def micros_in(seconds: float) -> int:
    """A length of time in Micros."""
    return round(seconds * SECOND)


def micros(when: datetime) -> int:
    """An aware datetime in Micros."""
    return (when - _EPOCH) // timedelta(microseconds=1)
