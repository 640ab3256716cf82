"""Work items: what a person must do, opened by whoever finds it and resolved with a reason."""

import hashlib
import re
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, func, select, update

from app.domain.decision import WorkItem
from app.domain.identifiers import message_id
from app.domain.surge import SURGE
from app.domain.times import Timestamp, rfc3339
from app.errors import ChangedMeanwhile, Conflict, Fault, LensError, NotFound, Refused
from app.store.desk.surges import Decide, decide
from app.store.ledger.audit import AuditEntry, append, items_changed, items_opened
from app.store.ledger.closing import Resolution, close_items
from app.store.ledger.held import cancel_held, lock_lanes_of_held
from app.store.statements.locks import waits_for_lanes
from app.store.statements.paging import Order, Page, read_page
from app.store.statements.rows import counters_first, insert, lock_counters, take_numbers
from app.store.tables.main import RELEASE, WORK_ITEM

_COLUMNS = (
    "id",
    "code",
    "release",
    "number",
    "inbound",
    "audience",
    "state",
    "rule",
    "detail",
    "status",
    "opened_at",
    "due_at",
    "lift",
)
_INBOUND = re.compile(r"inbound ([0-9]{1,18}): ")


class NewWorkItem(NamedTuple):
    """A work item to open. `release`, `number` and `inbound` are row ids (None: about none), times Micros, `detail` never personal."""

    code: str
    opened_at: int
    release: int | None = None
    number: int | None = None
    audience: str | None = None
    state: str | None = None
    rule: str = ""
    detail: str = ""
    due_at: int | None = None
    inbound: int | None = None
    lift: str | None = None


def open_all(connection: Connection, items: Sequence[NewWorkItem]) -> range:
    """Opens work items, in a writing transaction; returns their ids, in the same order."""
    if not items:  # the counter is one row for all: whoever touches it waits for all, and all for him
        return range(0)
    first = take_numbers(connection, "work_item", len(items))
    insert_all(connection, [(first + place, item) for place, item in enumerate(items)])
    return range(first, first + len(items))


def insert_all(connection: Connection, numbered: Sequence[tuple[int, NewWorkItem]]) -> None:
    """The same with ids taken from the counter beforehand."""
    rows = []
    for key, i in numbered:
        about = (i.release, i.number, i.inbound, i.audience, i.state)
        rows.append((key, i.code, *about, i.rule, i.detail, "open", i.opened_at, i.due_at, i.lift))
    insert(connection, "work_item", _COLUMNS, rows)
    items_opened(connection, {key: item.opened_at for key, item in numbered})


class FirstLift(msgspec.Struct, frozen=True):
    """Who lifted a hold first, where two people must: the second lift sends. `at` is RFC 3339 in UTC."""

    by: str
    """The name of the key that lifted it first."""
    at: Timestamp
    """When."""
    reason: str
    """Why, in that person's words."""


class StoredWorkItem(WorkItem, frozen=True, kw_only=True):
    """A work item as it is now. Times are RFC 3339 in UTC; the last three are None while it is open.

    `inbound_id` is the text from the network that opened it; `assigned_to` who has it in hand; `escalated_at` when it was found
    to be overdue. `lift` is how many people lifting takes; `first_lift` who did so first, while it waits for the second.
    `resolution` is how it was closed, None too where an earlier version of LENS closed it; `changed_by` who changed it last.
    """

    release_id: str | None
    """The release that it is about; null where it is about none."""
    message_id: str | None
    """The message that it is about; null where it is about none."""
    inbound_id: int | None
    """The text from the network that opened it; null where none did."""
    detail: str
    """What happened, in words."""
    assigned_to: str | None
    """Who it is assigned to; null for nobody."""
    escalated_at: Timestamp | None
    """When it was found to be overdue; null while it was not."""
    resolved_at: Timestamp | None
    """When it was closed; null while it is open."""
    resolved_by: str | None
    """The name of the key that closed it; null while it is open."""
    reason: str | None
    """Why it was closed, in that person's words; null while it is open."""
    lift: Literal["one_person", "two_people"]
    """How many people lifting it takes."""
    first_lift: FirstLift | None
    """Who lifted it first, while it waits for the second person; null otherwise."""
    resolution: Resolution | None
    """How it was closed; null while it is open, and where an earlier version of LENS closed it."""
    changed_at: Timestamp | None
    """When a person changed it last; null while nobody has."""
    changed_by: str | None
    """The name of the key that changed it last; null while nobody has."""

    def tag(self) -> str:
        """Names what a person may have read of it: an entity tag without its quotes, another one after every change by a person."""
        read = [getattr(self, name) for name in StoredWorkItem.__struct_fields__ if name != "escalated_at"]
        return hashlib.sha256(msgspec.json.encode(read)).hexdigest()[:32]


class WorkItemFilter(NamedTuple):
    """What to list; None: any. `release` is a row id, `state` a USPS code.

    `assigned`: whether somebody has it in hand. `overdue`: whether it is open though it was due, at `now` (Micros).
    """

    status: str | None = None
    code: str | None = None
    release: int | None = None
    release_id: str | None = None
    state: str | None = None
    assigned_to: str | None = None
    assigned: bool | None = None
    overdue: bool | None = None
    now: int = 0


class Assign(NamedTuple):
    """Somebody takes a work item in hand, or (`to` None) nobody any more. `by` is the name of the key, `at` Micros.

    `read` are the tags of the work item as the person has read it; None: whatever it is.
    """

    id: int
    to: str | None
    by: str
    at: int
    read: frozenset[str] | None = None


class Resolve(NamedTuple):
    """A person has done it. `by` is the name of the key, `reason` his or her own words, `at` Micros, `read` as in `Assign`."""

    id: int
    reason: str
    by: str
    at: int
    read: frozenset[str] | None = None


def list_work_items(
    connection: Connection, wanted: WorkItemFilter, limit: int, given: str | None = None, order: Order = "oldest"
) -> Page[StoredWorkItem]:
    """A page of work items in order of their ids, or against it. Raises Refused for a bad status or cursor."""
    if wanted.status not in {None, "open", "resolved"}:
        raise Refused((Fault("/status", "enum", "there is no such status", ("open", "resolved")),))
    statement = items_where(*_conditions(wanted))
    page = read_page(connection, statement, key=WORK_ITEM.c.id, kind="work-items", limit=limit, given=given, order=order)
    return Page(tuple(stored(row) for row in page.items), page.next)


def _conditions(wanted: WorkItemFilter) -> list[ColumnElement[bool]]:
    alike = {name: getattr(wanted, name) for name in ("status", "code", "release", "state", "assigned_to")}
    conditions = [WORK_ITEM.c[name] == value for name, value in alike.items() if value is not None]
    if wanted.release_id is not None:
        key = select(RELEASE.c.id).where(RELEASE.c.release_id == wanted.release_id)
        conditions.append(WORK_ITEM.c.release == key.scalar_subquery())
    if wanted.assigned is not None:
        conditions.append(WORK_ITEM.c.assigned_to.is_not(None) if wanted.assigned else WORK_ITEM.c.assigned_to.is_(None))
    if wanted.overdue is not None:
        # A due time that is not there is never past.
        overdue = and_(WORK_ITEM.c.status == "open", func.coalesce(WORK_ITEM.c.due_at, wanted.now + 1) <= wanted.now)
        conditions.append(overdue if wanted.overdue else ~overdue)
    return conditions


def get_work_item(connection: Connection, key: int) -> StoredWorkItem:
    """One work item. Raises NotFound."""
    row = connection.execute(items_where(WORK_ITEM.c.id == key)).first()
    if row is None:
        raise NotFound(f"There is no work item {key}.")
    return stored(row)


def changed_meanwhile(connection: Connection, key: int, read: frozenset[str] | None) -> LensError | None:
    """Why a person who has read a work item so must read it again before changing it, or None. It is locked from here on."""
    if read is None:
        return None
    connection.execute(select(WORK_ITEM.c.id).where(WORK_ITEM.c.id == key).with_for_update())
    try:
        item = get_work_item(connection, key)
    except NotFound as error:
        return error
    if item.tag() in read:
        return None
    if item.changed_at is None:
        return ChangedMeanwhile(f"Nobody has changed work item {key} yet, and If-Match names another state of it.")
    did = item.resolution or "changed"
    return ChangedMeanwhile(f"{item.changed_by} {did} work item {key} at {item.changed_at}; look at it again.")


def assign(connection: Connection, items: Sequence[Assign]) -> list[StoredWorkItem | LensError]:
    """Says who has work items in hand. A result is NotFound, or Conflict when it is closed. Has the shape `Writer.do` takes."""
    return [_assign_one(connection, item) for item in items]


def _assign_one(connection: Connection, item: Assign) -> StoredWorkItem | LensError:
    changed = changed_meanwhile(connection, item.id, item.read)
    if changed is not None:
        return changed
    assigned = {"assigned_to": item.to, "changed_at": item.at, "changed_by": item.by}
    change = update(WORK_ITEM).where(WORK_ITEM.c.id == item.id, WORK_ITEM.c.status == "open").values(assigned)
    if connection.execute(change).rowcount == 0:
        return _not_open(connection, item.id)
    items_changed(connection, [item.id], item.at)
    outcome = "assigned" if item.to else "given back"
    append(
        connection,
        [
            AuditEntry(
                at=item.at,
                actor=item.by,
                action="assign_work_item",
                target=f"work item {item.id}",
                outcome=outcome,
                detail={"to": item.to},
            )
        ],
    )
    return get_work_item(connection, item.id)


def _not_open(connection: Connection, key: int) -> LensError:
    known = connection.execute(select(WORK_ITEM.c.id).where(WORK_ITEM.c.id == key)).first()
    return NotFound(f"There is no work item {key}.") if known is None else Conflict(f"Work item {key} is resolved.")


@counters_first
@waits_for_lanes
def resolve(connection: Connection, items: Sequence[Resolve]) -> list[StoredWorkItem | LensError]:
    """Closes work items. A result is NotFound, or Conflict when it was closed before. Has the shape `Writer.do` takes.

    What was held back is then never sent: a message that one kept for its ORI is cancelled; a surge that is closed so is dropped,
    and `carry_out` cancels what it held.
    """
    lock_counters(connection)
    ids = [item.id for item in items]
    lock_lanes_of_held(connection, ids)
    surges = set(connection.scalars(select(WORK_ITEM.c.id).where(WORK_ITEM.c.id.in_(ids), WORK_ITEM.c.code == SURGE)))
    return [_resolve_one(connection, item, is_surge=item.id in surges) for item in items]


def decide_surge(connection: Connection, wanted: Decide) -> StoredWorkItem | LensError:
    """Writes down what a person decided about a surge, with the counters locked; its work item, closed. Errors as `decide` has them."""
    (held,) = decide(connection, [wanted])
    return held if isinstance(held, LensError) else get_work_item(connection, wanted.work_item)


def _resolve_one(connection: Connection, item: Resolve, *, is_surge: bool) -> StoredWorkItem | LensError:
    changed = changed_meanwhile(connection, item.id, item.read)
    if changed is not None:
        return changed
    if is_surge:
        return decide_surge(connection, Decide(work_item=item.id, choice="drop", reason=item.reason, by=item.by, at=item.at))
    if not close_items(
        connection, WORK_ITEM.c.id == item.id, resolution="resolved", by=item.by, at=item.at, reason=item.reason
    ):
        return _not_open(connection, item.id)
    done = get_work_item(connection, item.id)
    detail: dict[str, object] = {"code": done.code}
    if cancel_held(connection, item.id, item.at, f"resolved without sending by {item.by}: {item.reason}"):
        detail["cancelled"] = done.message_id
    append(
        connection,
        [
            AuditEntry(
                at=item.at,
                actor=item.by,
                action="resolve_work_item",
                target=f"work item {item.id}",
                outcome="resolved",
                detail=detail,
            )
        ],
    )
    return done


def items_where(*conditions: ColumnElement[bool]) -> Select[Any]:
    """The statement that finds work items, each row for `stored`."""
    statement = select(WORK_ITEM, RELEASE.c.release_id).join(RELEASE, RELEASE.c.id == WORK_ITEM.c.release, isouter=True)
    return statement.where(*conditions)


def stored(row: Any) -> StoredWorkItem:  # noqa: ANN401 - a row of `items_where`
    """A row as callers see it."""
    named = _INBOUND.match(row.detail)  # an earlier version of LENS wrote it in words only
    return StoredWorkItem(
        id=row.id,
        code=row.code,
        audience=row.audience,
        state=row.state,
        rule=row.rule,
        opened_at=rfc3339(row.opened_at),
        due_at=None if row.due_at is None else rfc3339(row.due_at),
        status=row.status,
        release_id=row.release_id,
        message_id=None if row.number is None else message_id(row.number),
        inbound_id=row.inbound if row.inbound is not None else int(named[1]) if named else None,
        detail=row.detail,
        assigned_to=row.assigned_to,
        escalated_at=None if row.escalated_at is None else rfc3339(row.escalated_at),
        resolved_at=None if row.resolved_at is None else rfc3339(row.resolved_at),
        resolved_by=row.resolved_by,
        reason=row.reason,
        lift="two_people" if row.lift == "two_people" else "one_person",
        first_lift=None
        if row.first_lift_by is None
        else FirstLift(row.first_lift_by, rfc3339(row.first_lift_at), row.first_lift_reason),
        resolution=row.resolution,
        changed_at=None if row.changed_at is None else rfc3339(row.changed_at),
        changed_by=row.changed_by,
    )
