"""Whether the rows of the audit trail follow from one another: looked at one by one, in the order of their ids."""

import hashlib
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, text

from app.store.ledger.audit import COLUMNS, NOTHING_BEFORE, STARTED, hash_of


class Break(NamedTuple):
    """Something that does not hold: the row of the trail (None: no row in particular) and what is wrong, in words."""

    row: int | None
    what: str


class _Start(msgspec.Struct):
    """What the row that begins the braid says of the rows before it."""

    rows_before: int
    sha256: str


class _After(msgspec.Struct):
    """What the first row of a chain of an earlier version says of the row it was begun on."""

    after_chain: str
    after_seq: int


ODD = (TypeError, ValueError, AttributeError, OverflowError, msgspec.MsgspecError)
"""What reading a value raises that LENS never wrote there: text for a number or for bytes, or what is not JSON."""

_CHAINED = tuple(name for name in COLUMNS if name not in {"id", "form", "actor_key"})
"""The columns that earlier versions made hashes of, in their order; the hash itself is the last."""


class Links:
    """Follows the trail; `fault` is to be asked of every row, in order. After a fault it goes on from the row as it is stored."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.last = 0
        """The id of the row seen last."""
        self.begun = False
        """Whether the row that begins the braid was seen."""
        self._hash = NOTHING_BEFORE
        self._count = 0
        self._before = hashlib.sha256()
        self._chains: dict[str, tuple[int, str]] = {}

    def fault(self, row: Row[Any]) -> Break | None:
        """What is wrong with this row or just before it, or None."""
        try:
            found = self._chained(row) if row.form is None else self._braided(row)
        except ODD:  # SQLite keeps any value in any column
            found = Break(row.id, "its content was changed")
        self.last, self._hash = row.id, row.hash
        if not self.begun:
            self._count += 1
            self._before.update(str(row.hash).encode())
        return found

    def _braided(self, row: Row[Any]) -> Break | None:
        begins, missing = not self.begun, self.last + 1
        self.begun = True
        if hash_of(tuple(row[place] for place in _PLACES)) != row.hash or row.seq != row.id:
            return Break(row.id, "its content was changed")
        found = self._misplaced(row, missing, begins=begins)
        if found is None and row.prev != self._hash:
            return Break(row.id, "it does not follow from the row before it")
        return found

    def _misplaced(self, row: Row[Any], missing: int, *, begins: bool) -> Break | None:
        """Whether rows are missing before it. Only the row that begins the braid may have gaps before it, and counts the rows."""
        if not begins and row.id > missing:
            those = "it is missing" if row.id == missing + 1 else f"it and all to row {row.id - 1} are missing"
            return Break(missing, those)
        if not begins:
            return Break(row.id, "the trail was begun a second time") if row.action == STARTED else None
        if row.action != STARTED:
            return Break(missing, f"it is missing, and so are all before row {row.id}")
        start = msgspec.json.decode(row.detail_json, type=_Start)
        if (start.rows_before, start.sha256) != (self._count, self._before.hexdigest()):
            there = f"{self._count} are there" if self._count != start.rows_before else "others are there"
            return Break(row.id, f"it covers {start.rows_before} rows before it; {there}")
        return None

    def _chained(self, row: Row[Any]) -> Break | None:
        """As earlier versions linked them: within the chain of a process, begun on the newest row at that time."""
        known = self._chains.get(row.chain)
        self._chains[row.chain] = (row.seq, row.hash)
        if known is None and row.seq == 1 and not self._known_before(row):
            return Break(row.id, "the row its chain was started on is not there")
        seq, prev = known or (0, row.prev)
        if row.seq != seq + 1:
            return Break(row.id, f"row {seq + 1} of its chain {row.chain} is missing")
        if row.prev != prev:
            return Break(row.id, "it does not follow from the row before it")
        if hash_of(tuple(getattr(row, name) for name in _CHAINED[:-1])) != row.hash:
            return Break(row.id, "its content was changed")
        return None

    def _known_before(self, first: Row[Any]) -> bool:
        if first.prev == NOTHING_BEFORE:
            return self._count == 0 and not self.begun
        try:
            start = msgspec.json.decode(first.detail_json, type=_After)
        except msgspec.DecodeError:
            return False
        statement = text("SELECT hash FROM audit WHERE chain = :chain AND seq = :seq")
        found = self._connection.execute(statement, {"chain": start.after_chain, "seq": start.after_seq}).scalar()
        return bool(found == first.prev)


_PLACES = tuple(range(len(COLUMNS) - 1))
"""Where the columns that a hash is made of stand in a row."""
