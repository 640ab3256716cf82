"""Refusals that may be met again and again, noted in the trail once."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select

from app.store.ledger.audit import COVERS, AuditEntry, append
from app.store.rulebooks.rulebook_reads import lock_pointer
from app.store.tables.main import AUDIT

_ROWS_LOOKED_AT = 5_000
"""Rows of the trail, the newest, among which the same one is looked for."""


def note_once(connection: Connection, entries: Sequence[AuditEntry]) -> list[None]:
    """Adds entries, but none that says the same as one of the newest. Has the shape `Writer.do` takes.

    Of processes that meet the same refusal at once, the first notes it.
    """
    lock_pointer(connection)
    for entry in entries:
        if not _is_noted(connection, entry):
            append(connection, [entry])
    return [None] * len(entries)


def _is_noted(connection: Connection, entry: AuditEntry) -> bool:
    newest = connection.scalar(select(func.max(AUDIT.c.id))) or 0
    recent = (
        select(AUDIT.c.detail_json)
        .where(AUDIT.c.id > newest - _ROWS_LOOKED_AT)
        .where(AUDIT.c.action == entry.action, AUDIT.c.object == entry.target, AUDIT.c.outcome == entry.outcome)
    )
    wanted = msgspec.json.decode(msgspec.json.encode(entry.detail))
    details = [msgspec.json.decode(row.detail_json, type=dict[str, Any]) for row in connection.execute(recent)]
    return any({name: value for name, value in detail.items() if name != COVERS} == wanted for detail in details)
