"""Inquiries: the administrative messages that states send us, to list, to read with what answering needs, and to close.

An inquiry is the work item `inquiry` that its arrival opened, with the text behind it; so it is closed as any work item is.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, exists, func, or_, select

from app.domain.decision import Outcome
from app.domain.times import Timestamp, rfc3339
from app.errors import LensError, NotFound
from app.store.desk.subjects import BY_SUBJECT
from app.store.desk.work_items import Resolve, StoredWorkItem, get_work_item, items_where, resolve, stored
from app.store.ledger.audit import AuditEntry
from app.store.ledger.held import INQUIRY
from app.store.ledger.messages import MessageWithHistory, messages_of_release
from app.store.statements.locks import waits_for_lanes
from app.store.statements.paging import Order, Page, read_page
from app.store.tables.inquiries import INBOUND_RELEASE
from app.store.tables.main import INBOUND, RELEASE, WORK_ITEM

_FROM = re.compile(r": AM from ([A-Z0-9]{2,9})(?![A-Z0-9])")


class Inquiry(StoredWorkItem, frozen=True, kw_only=True):
    """An AM to our own address, and who looks after it. `received_at` is RFC 3339 in UTC; `from_ori` is None where it says none.

    `release_id` is the release it is about, if one was found: `found_by` says how, `releases` how many were found.
    """

    from_ori: str | None
    """The ORI it came from; null where it says none."""
    received_at: Timestamp | None
    """When it came."""
    found_by: str | None
    """How the release that it may be about was found; null where none was."""
    releases: int
    """How many releases it may be about."""


class ReleaseAsTold(msgspec.Struct, frozen=True):
    """A release that an inquiry may be about, and every message that was sent of it, or is to be."""

    release_id: str
    """The system of record's own id."""
    found_by: str
    """How it was found."""
    outcome: Outcome
    """What was decided."""
    accepted_at: Timestamp
    """When it was stored."""
    messages: tuple[MessageWithHistory, ...]
    """Every message of it, with its history."""


class InquiryWithText(Inquiry, frozen=True, kw_only=True):
    """The same with the text of the AM and what an answer needs: the releases it may be about, the likeliest first."""

    text: str
    """The text as it came; it may be about a person."""
    about: tuple[ReleaseAsTold, ...]
    """The releases that it may be about, the likeliest first."""


class InquiryFilter(NamedTuple):
    """What to list; None: any. `release_id` also finds inquiries that are linked to another release first."""

    status: str | None = None
    release_id: str | None = None


def list_inquiries(
    connection: Connection, wanted: InquiryFilter, limit: int, given: str | None = None, order: Order = "oldest"
) -> Page[Inquiry]:
    """A page of inquiries in order of their ids, or against it, without their texts. Raises Refused for a bad cursor."""
    conditions = [WORK_ITEM.c.code == INQUIRY]
    if wanted.status is not None:
        conditions.append(WORK_ITEM.c.status == wanted.status)
    if wanted.release_id is not None:
        key = select(RELEASE.c.id).where(RELEASE.c.release_id == wanted.release_id).scalar_subquery()
        linked = exists().where(INBOUND_RELEASE.c.inbound == WORK_ITEM.c.inbound, INBOUND_RELEASE.c.release == key)
        conditions.append(or_(WORK_ITEM.c.release == key, linked))
    statement = items_where(*conditions)
    page = read_page(connection, statement, key=WORK_ITEM.c.id, kind="inquiries", limit=limit, given=given, order=order)
    items = _inquiries(connection, [stored(row) for row in page.items])
    return Page(tuple(items), page.next)


def _inquiries(connection: Connection, items: Sequence[StoredWorkItem]) -> list[Inquiry]:
    keys = [item.inbound_id for item in items if item.inbound_id is not None]
    columns = (INBOUND.c.id, INBOUND.c.origin, INBOUND.c.matched_by, INBOUND.c.received_at)
    texts = {row.id: row for row in connection.execute(select(*columns).where(INBOUND.c.id.in_(keys)))}
    counted = select(INBOUND_RELEASE.c.inbound, func.count()).where(INBOUND_RELEASE.c.inbound.in_(keys))
    counts = dict(tuple(row) for row in connection.execute(counted.group_by(INBOUND_RELEASE.c.inbound)))
    return [_inquiry(item, texts.get(item.inbound_id), counts.get(item.inbound_id, 0)) for item in items]


def _inquiry(item: StoredWorkItem, text: Any, linked: int) -> Inquiry:  # noqa: ANN401 - a row of `_inquiries`, or None
    told = _FROM.search(item.detail)  # where an earlier version of LENS took it in, only the detail says so
    return Inquiry(
        **msgspec.structs.asdict(item),
        from_ori=(text.origin if text else None) or (told[1] if told else None),
        received_at=rfc3339(text.received_at) if text else None,
        found_by=text.matched_by if text else None,
        releases=max(linked, 1 if item.release_id else 0),
    )


def get_inquiry(connection: Connection, key: int) -> InquiryWithText:
    """One inquiry with its text. Whoever shows it to somebody notes that first (`shown`). Raises NotFound."""
    row = connection.execute(items_where(WORK_ITEM.c.id == key, WORK_ITEM.c.code == INQUIRY)).first()
    if row is None:
        raise NotFound(f"There is no inquiry {key}.")
    item = stored(row)
    found = _inquiries(connection, [item])[0]
    text = connection.scalar(select(INBOUND.c.text).where(INBOUND.c.id == item.inbound_id))
    return InquiryWithText(**msgspec.structs.asdict(found), text=text or "", about=_about(connection, row, found))


def shown(found: InquiryWithText, by: str, at: int) -> AuditEntry:
    """What the audit trail notes when an inquiry is shown. `by` is the name of the key, `at` Micros."""
    seen = {"inbound": found.inbound_id, "releases": [each.release_id for each in found.about]}
    return AuditEntry(at=at, actor=by, action="read_inquiry", target=f"inquiry {found.id}", outcome="read", detail=seen)


def _about(connection: Connection, row: Any, found: Inquiry) -> tuple[ReleaseAsTold, ...]:  # noqa: ANN401 - a work item's row
    links = select(INBOUND_RELEASE.c.release, INBOUND_RELEASE.c.found_by).where(INBOUND_RELEASE.c.inbound == found.inbound_id)
    found_by = dict(tuple(link) for link in connection.execute(links))
    if row.release is not None:
        found_by.setdefault(row.release, found.found_by or "")
    releases = connection.execute(select(RELEASE).where(RELEASE.c.id.in_(found_by)).order_by(RELEASE.c.id.desc())).all()
    return tuple(
        ReleaseAsTold(
            release_id=each.release_id,
            found_by=found_by[each.id],
            outcome=each.outcome,
            accepted_at=rfc3339(each.accepted_at),
            messages=messages_of_release(connection, each.id),
        )
        for each in sorted(releases, key=lambda each: (each.id != row.release, found_by[each.id] == BY_SUBJECT))
    )


@waits_for_lanes
def close_inquiry(connection: Connection, items: Sequence[Resolve]) -> list[Inquiry | LensError]:
    """Closes inquiries, and with each its work item, which is the same. A result is NotFound, or Conflict when it is closed.

    Has the shape `Writer.do` takes.
    """
    return [_close_one(connection, item) for item in items]


def _close_one(connection: Connection, item: Resolve) -> Inquiry | LensError:
    try:
        known = get_work_item(connection, item.id).code == INQUIRY
    except NotFound:
        known = False
    if not known:
        return NotFound(f"There is no inquiry {item.id}.")
    done = resolve(connection, [item])[0]
    return done if isinstance(done, LensError) else _inquiries(connection, [done])[0]
