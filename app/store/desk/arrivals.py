"""Reading what came from the network: every text that arrived, whatever became of it."""

from typing import Any, Literal, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, select

from app.domain.identifiers import message_id
from app.domain.times import Timestamp, rfc3339
from app.errors import NotFound
from app.store.ledger.audit import AuditEntry
from app.store.statements.paging import Order, Page, read_page
from app.store.tables.main import INBOUND

Kind = Literal["ER", "SM", "AM", "other"]


class StoredArrival(msgspec.Struct, frozen=True, kw_only=True):
    """A text from the network, without its words. `received_at` is RFC 3339 in UTC; `from_ori` is None where it says none.

    `message_id` is the message it is about, `matched_by` how that was found: None for a text that matches none.
    """

    id: int
    """Its number, as work items name it."""
    kind: Kind
    """What kind of text it is."""
    from_ori: str | None
    """The ORI it came from; null where it says none."""
    received_at: Timestamp
    """When it came."""
    message_id: str | None
    """The message that it is about; null where none was found."""
    matched_by: str | None
    """How that message was found; null where none was."""
    source: str
    """Which arrival it is, as the channel names it."""


class ArrivalWithText(StoredArrival, frozen=True, kw_only=True):
    """The same with its words, which may be about a person. A NUL in it was stored as U+FFFD."""

    text: str
    """The text as it came; it may be about a person."""


class ArrivalFilter(NamedTuple):
    """What to list; None: any. `since` and `until` are Micros, both included."""

    kind: Kind | None = None
    matched: bool | None = None
    since: int | None = None
    until: int | None = None


def list_arrivals(
    connection: Connection, wanted: ArrivalFilter, limit: int, given: str | None = None, order: Order = "oldest"
) -> Page[StoredArrival]:
    """A page of what arrived, in that order, or against it. Raises Refused for a bad cursor."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.kind is not None:
        conditions.append(INBOUND.c.kind == wanted.kind)
    if wanted.matched is not None:
        conditions.append(INBOUND.c.matched_by.is_not(None) if wanted.matched else INBOUND.c.matched_by.is_(None))
    if wanted.since is not None:
        conditions.append(INBOUND.c.received_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(INBOUND.c.received_at <= wanted.until)
    statement = select(INBOUND).where(*conditions)
    page = read_page(connection, statement, key=INBOUND.c.id, kind="inbound", limit=limit, given=given, order=order)
    return Page(tuple(StoredArrival(**_fields(row)) for row in page.items), page.next)


def get_arrival(connection: Connection, key: int) -> ArrivalWithText:
    """One text with its words. Whoever shows it to somebody notes that first (`shown`). Raises NotFound."""
    row = connection.execute(select(INBOUND).where(INBOUND.c.id == key)).first()
    if row is None:
        raise NotFound(f"There is no text {key} from the network.")
    return ArrivalWithText(**_fields(row), text=row.text)


def shown(found: ArrivalWithText, by: str, at: int) -> AuditEntry:
    """What the audit trail notes when a text is shown. `by` is the name of the key, `at` Micros."""
    return AuditEntry(
        at=at, actor=by, action="read_inbound", target=f"inbound {found.id}", outcome="read", detail={"kind": found.kind}
    )


def _fields(row: Any) -> dict[str, Any]:  # noqa: ANN401 - a row of the table
    return {
        "id": row.id,
        "kind": row.kind,
        "from_ori": row.origin,
        "received_at": rfc3339(row.received_at),
        "message_id": None if row.number is None else message_id(row.number),
        "matched_by": row.matched_by,
        "source": row.source,
    }
