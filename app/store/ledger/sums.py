"""What the audit trail keeps of rows: a SHA-256 of what must never change in them, so that a change by SQL is told.

A sum is over the values of named columns, as JSON. What changes by design (a message's status, a release's digest of the
residence) is in no sum; a message's history has a sum of its own once it has come to rest.
"""

import hashlib
from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Connection, Row, Table, Text, cast, select

from app.store.statements.rows import run_in
from app.store.tables.main import API_KEY, RULEBOOK, RULEBOOK_PUBLICATION

RELEASE_COLUMNS = (
    "id",
    "release_id",
    "fingerprint",
    "mode",
    "caller",
    "outcome",
    "as_of",
    "rulebook",
    "body_json",
    "evidence_json",
    "answer_json",
    "accepted_at",
)
VERSION_COLUMNS = (
    "release",
    "version",
    "kind",
    "fingerprint",
    "caller",
    "rulebook",
    "body_json",
    "reason",
    "evidence_json",
    "answer_json",
    "first_message",
    "at",
)
MESSAGE_COLUMNS = (
    "number",
    "release",
    "type",
    "copy",
    "audience",
    "state",
    "ori",
    "format",
    "text",
    "created_at",
    "due_at",
    "refers_to",
    "rulebook",
)
"""And, of a message that waits for its day, `not_before` after them."""

HISTORY_COLUMNS = ("status", "at", "cause", "worker", "attempt")
WORK_ITEM_COLUMNS = (
    "id",
    "code",
    "release",
    "number",
    "inbound",
    "audience",
    "state",
    "rule",
    "status",
    "opened_at",
    "due_at",
    "assigned_to",
    "escalated_at",
    "lift",
    "first_lift_by",
    "first_lift_at",
    "first_lift_reason",
    "resolved_at",
    "resolved_by",
    "reason",
    "resolution",
    "changed_at",
    "changed_by",
)
"""All but the words in which it is described, which go on counting while it is open."""

_SMALL: Mapping[str, tuple[Table, str, tuple[str, ...] | None]] = {
    "api_key": (API_KEY, "id", None),
    "rulebook": (
        RULEBOOK,
        "version",
        ("version", "sha256", "drafted_by", "drafted_at", "approved_by", "approved_at", "rejected_by", "rejected_at", "reason"),
    ),
    "rulebook_publication": (
        RULEBOOK_PUBLICATION,
        "seq",
        ("seq", "version", "way", "published_by", "published_at"),
    ),
}
"""Tables of few rows: each with its key, and the columns that its sums are over; None: all of them."""


_encode = msgspec.json.Encoder().encode
_PIECE = 2047
"""Bytes hashed at once. For more than these Python lets go of the interpreter, and stands in line for it with those who
decide the next releases.
"""


def sum_of(values: Sequence[object]) -> str:
    """The SHA-256, hex, of values in their order."""
    found = _encode(values)
    if len(found) <= _PIECE:
        return hashlib.sha256(found).hexdigest()
    encoded = memoryview(found)
    digest = hashlib.sha256()
    for start in range(0, len(encoded), _PIECE):
        digest.update(encoded[start : start + _PIECE])
    return digest.hexdigest()


def small_sums(connection: Connection, table: str, key: str | None = None) -> dict[str, str]:
    """The sum of each row of a table of few rows, or of the one row with this key, by `table key`.

    What is None or false is left out, so that a column added later changes no sum until it says something.
    """
    source, name, chosen = _SMALL[table]
    wanted = select(source)
    if key is not None:
        wanted = wanted.where(cast(source.c[name], Text) == key)
    rows = connection.execute(wanted).all()
    return {f"{table} {row._mapping[name]}": _row_sum(row, chosen) for row in rows}  # noqa: SLF001 - its public name


def _row_sum(row: Row[tuple[object, ...]], chosen: Sequence[str] | None) -> str:
    told = {}
    for name, value in row._mapping.items():  # noqa: SLF001 - its public name, says SQLAlchemy
        if value is None or value is False or (chosen is not None and name not in chosen):
            continue
        told[name] = value.hex() if isinstance(value, bytes) else value
    return hashlib.sha256(msgspec.json.encode(told, order="sorted")).hexdigest()


def work_item_sums(connection: Connection, keys: Sequence[int]) -> dict[int, str]:
    """The sum of each of these work items, as it is now, by its id."""
    names = ", ".join(WORK_ITEM_COLUMNS)
    statement = f"SELECT {names} FROM work_item WHERE id IN"  # noqa: S608 - names from the code
    rows = run_in(connection=connection, start=statement, values=(), keys=keys)
    return {row[0]: sum_of(row) for row in rows}


def small_tables() -> tuple[str, ...]:
    """The names of the tables of few rows, all of whose rows the trail must tell of."""
    return tuple(_SMALL)
