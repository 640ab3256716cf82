"""Escalation: a work item still open when it was due is marked, once, by whichever process sees it first; what is overdue, counted."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from app.domain.times import rfc3339
from app.store.database.engine import now_micros
from app.store.ledger.audit import AuditEntry, append, items_changed
from app.store.reads.waiting import UNSENT
from app.store.statements.rows import row_lock, run, run_in
from app.store.tables.main import MESSAGE, WORK_ITEM

_ACTOR = "escalation"


class Escalate(NamedTuple):
    """To mark what is overdue: at most `limit` work items."""

    limit: int


class Escalated(NamedTuple):
    """A work item that was marked now. `due_at` is Micros."""

    id: int
    code: str
    due_at: int


def escalate(connection: Connection, sweeps: Sequence[Escalate]) -> list[tuple[Escalated, ...]]:
    """Marks open work items that were due, by the database's clock, each once for ever; what was marked. Has the shape that
    `Writer.do` takes.
    """
    return [_escalate(connection, sweep.limit) for sweep in sweeps]


# Word for word the condition of the partial index, or SQLite does not use it.
_OVERDUE = """
    SELECT id, code, due_at FROM work_item WHERE status = 'open' AND escalated_at IS NULL AND due_at <= ?
    ORDER BY due_at LIMIT ?"""
_MARK = "UPDATE work_item SET escalated_at = ? WHERE id IN"


def _escalate(connection: Connection, limit: int) -> tuple[Escalated, ...]:
    now = now_micros(connection)
    lock = row_lock(connection, skip_locked=True)  # another process that has one will mark it, or is closing it
    found = tuple(Escalated(*row) for row in run(connection, _OVERDUE + lock, (now, limit)))
    marked = [item.id for item in found]
    run_in(connection, _MARK, [now], marked)
    items_changed(connection, marked, now)
    entries = [
        AuditEntry(
            at=now,
            actor=_ACTOR,
            action="escalate_work_item",
            target=f"work item {item.id}",
            outcome="overdue",
            detail={"code": item.code, "due_at": rfc3339(item.due_at)},
        )
        for item in found
    ]
    append(connection, entries)
    return found


class Overdue(NamedTuple):
    """Open work items that were due, by code; and messages not sent yet within their rule's `within`, by status."""

    work_items: Mapping[str, int]
    messages: Mapping[str, int]


def overdue(connection: Connection) -> Overdue:
    """Counts what is overdue now, by the database's clock. Costs no more than what is open and unsent is long."""
    now = now_micros(connection)
    items = select(WORK_ITEM.c.code, func.count()).where(WORK_ITEM.c.status == "open", WORK_ITEM.c.due_at <= now)
    messages = select(MESSAGE.c.status, func.count()).where(MESSAGE.c.status.in_(UNSENT), MESSAGE.c.due_at <= now)
    counts = dict.fromkeys((status.value for status in UNSENT), 0)
    counts.update((row[0], row[1]) for row in connection.execute(messages.group_by(MESSAGE.c.status)))
    return Overdue({row[0]: row[1] for row in connection.execute(items.group_by(WORK_ITEM.c.code))}, counts)
