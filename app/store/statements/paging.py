"""Pages of a list: a limit, a cursor that callers hand back unread, and times as filters."""

import base64
import binascii
import re
from datetime import UTC, date, datetime
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from sqlalchemy import Column, Connection, Row, Select

from app.domain.times import SECOND, micros
from app.errors import Fault, Refused

PAGE = 100
"""Rows of a page when the caller does not say."""

LONGEST_PAGE = 1000

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CURSOR = re.compile(r"([a-z-]{1,20}):([0-9]{1,18})")
T = TypeVar("T")

Order = Literal["oldest", "newest"]
"""Which rows of a list come first. A cursor of one order is refused in the other."""


class Page(NamedTuple, Generic[T]):
    """One page. `next` is the cursor of the page after it, None on the last one."""

    items: tuple[T, ...]
    next: str | None


def cursor(kind: str, last: int) -> str:
    """The cursor of the page that follows row `last` of this kind of list."""
    return base64.urlsafe_b64encode(f"{kind}:{last}".encode()).decode().rstrip("=")


def after(kind: str, given: str | None) -> int:
    """The row that a cursor continues after; 0 without one. Raises Refused for a cursor that this list did not give out."""
    if given is None:
        return 0
    try:
        found = _CURSOR.fullmatch(base64.b64decode(given + "=" * (-len(given) % 4), altchars=b"-_", validate=True).decode())
    except (binascii.Error, ValueError):
        found = None
    if found is None or found[1] != kind:
        raise Refused((Fault("/cursor", "bad-cursor", "not a cursor of this list in this order; start again without one"),))
    return int(found[2])


def read_page(
    connection: Connection,
    statement: Select[Any],
    *,
    key: Column[Any],
    kind: str,
    limit: int,
    given: str | None,
    order: Order = "oldest",
) -> Page[Row[Any]]:
    """The rows of one page of a statement, in the order of `key`: a number that is unique, that rises, and that the rows have.

    Rows that come while somebody pages stand after all others, so newest first they belong to no further page.
    Raises Refused for a cursor that this list, in this order, did not give out.
    """
    kind = kind if order == "oldest" else f"{kind}-newest"
    start = after(kind, given)
    if order == "oldest":
        statement = statement.where(key > start).order_by(key)
    else:
        statement = statement.order_by(key.desc())
        statement = statement if given is None else statement.where(key < start)
    rows = connection.execute(statement.limit(limit + 1)).all()
    shown = tuple(rows[:limit])
    more = len(rows) > limit
    return Page(shown, cursor(kind, getattr(shown[-1], key.name)) if more else None)


def limited(given: int | None) -> int:
    """The size of the page asked for. Raises Refused outside 1 to LONGEST_PAGE."""
    size = PAGE if given is None else given
    if not 1 <= size <= LONGEST_PAGE:
        raise Refused((Fault("/limit", "out-of-range", f"a page has 1 to {LONGEST_PAGE} rows"),))
    return size


def earliest(name: str, given: str | None) -> int | None:
    """The first Micros of a filter `from`: a time (RFC 3339), or a day in UTC from its beginning. Raises Refused."""
    return None if given is None else _instant(name, given)


def latest(name: str, given: str | None) -> int | None:
    """The last Micros of a filter `to`: a time, or a day in UTC to its end. Raises Refused."""
    if given is None:
        return None
    return _instant(name, given) + (86400 * SECOND - 1 if _DAY.fullmatch(given) else 0)


def _instant(name: str, given: str) -> int:
    try:
        if _DAY.fullmatch(given):
            return micros(datetime.combine(date.fromisoformat(given), datetime.min.time(), UTC))
        when = datetime.fromisoformat(given.upper())
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        raise Refused(
            (
                Fault(
                    f"/{name}", "not-a-time", "a day (2026-11-23, in UTC) or a time with an offset (2026-11-23T10:30:00-05:00)"
                ),
            )
        )
    return micros(when)
