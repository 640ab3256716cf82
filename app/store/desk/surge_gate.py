"""The surge breaker's gate: within the transaction that accepts messages, decides which may go and which a person must see first.

Whoever uses it has locked the counters, so that one transaction at a time counts, on whatever host.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection

from app.domain.decision import Notice, WorkItem
from app.domain.surge import CALLED, DAYS_LOOKED_AT, HOUR, SURGE, Breaker, Kind, kind_of, usual
from app.domain.times import SECOND, rfc3339
from app.store.desk.work_items import NewWorkItem, insert_all
from app.store.ledger.audit import AuditEntry, append
from app.store.statements.rows import first_row, insert, run, take_numbers

_DECIDE_WITHIN = 3600 * SECOND


class Trip(NamedTuple):
    """A surge that began: its work item, the kind of messages held back, and the band of the hour."""

    work_item: int
    kind: Kind
    band: int


@dataclass(slots=True)
class _OpenSurge:
    """A surge that nobody has decided about. `opened_at` is Micros."""

    work_item: int
    band: int
    opened_at: int


@dataclass(slots=True)
class _Side:
    """One kind of message in one hour. `passed` counts those that this transaction lets pass as well; `known`: the hour has its
    row; `begins`: the surge begins in this transaction.
    """

    hour: int
    passed: int
    usual: int | None
    band: int | None
    known: bool
    surge: _OpenSurge | None
    begins: bool = False
    added: int = 0
    held: list[int] = field(default_factory=list)


class SurgeBreaker:
    """One transaction's way through the breaker: `admit` for each release, `hold` for each message, and `close` at the end."""

    def __init__(self, connection: Connection, breaker: Breaker | None, at: int) -> None:
        """`breaker` None: everything passes and nothing is counted. `at` is Micros; all that passes counts in its hour."""
        self._connection = connection
        self._breaker = breaker
        self._at = at
        self._sides: dict[Kind, _Side] = {}
        self.trips: list[Trip] = []
        """Surges that began in this transaction."""

    def admit(self, notices: Sequence[Notice]) -> dict[Kind, WorkItem]:
        """Counts the messages of one release; for each kind that is held back, the work item that does so.

        What is kept for a person for another reason is not counted.
        """
        if self._breaker is None:
            return {}
        kinds = [kind_of(notice.type) for notice in notices if notice.held_because is None]
        found: dict[Kind, WorkItem] = {}
        for kind in dict.fromkeys(kinds):
            count = kinds.count(kind)
            surge = self._stop(self._side(kind, self._breaker), kind, count)
            if surge is not None:
                found[kind] = _as_answered(surge)
        return found

    def hold(self, kind: Kind, number: int) -> None:
        """Says the number of a message that is held back."""
        self._sides[kind].held.append(number)

    def _side(self, kind: Kind, breaker: Breaker) -> _Side:
        if kind not in self._sides:
            hour = self._at // HOUR
            passed, learned, *surge = first_row(self._connection, _STATE, kind, hour, kind) or (None, None, None)
            known = passed is not None
            if not known:
                learned = usual_in(self._connection, hour)
            open_now = None if surge[0] is None else _OpenSurge(*surge)
            self._sides[kind] = _Side(
                hour=hour, passed=passed or 0, usual=learned, band=breaker.band(learned), known=known, surge=open_now
            )
        return self._sides[kind]

    def _stop(self, side: _Side, kind: Kind, count: int) -> _OpenSurge | None:
        if side.surge is None and side.band is not None and side.passed + count > side.band:
            side.surge = _OpenSurge(take_numbers(self._connection, "work_item", 1), side.band, self._at)
            side.begins = True
            self.trips.append(Trip(side.surge.work_item, kind, side.band))
        if side.surge is None:
            side.passed += count
            side.added += count
        return side.surge

    def close(self) -> None:
        """Writes what was counted and held back; after the messages are stored."""
        for kind, side in self._sides.items():
            self._count(kind, side)
            if side.surge is not None and side.held:
                self._hold_back(kind, side, side.surge)

    def _count(self, kind: Kind, side: _Side) -> None:
        if side.known:
            run(self._connection, _COUNT, (side.added, side.added, kind, side.hour))
        else:
            row = (kind, side.hour, side.added, side.added, side.usual)
            insert(self._connection, "hour_count", ("kind", "hour", "messages", "passed", "usual"), [row])

    def _hold_back(self, kind: Kind, side: _Side, surge: _OpenSurge) -> None:
        connection, key = self._connection, surge.work_item
        if side.begins:
            item = NewWorkItem(SURGE, surge.opened_at, due_at=surge.opened_at + _DECIDE_WITHIN)
            insert_all(connection, [(key, item)])
            insert(
                connection,
                "surge",
                ("work_item", "kind", "band", "held", "done_to", "done"),
                [(key, kind, surge.band, 0, 0, 0)],
            )
            detail = {"kind": kind, "band": surge.band, "passed": side.passed}
            append(
                connection,
                [
                    AuditEntry(
                        at=self._at, actor="lens", action="open_surge", target=f"work item {key}", outcome="held", detail=detail
                    )
                ],
            )
        insert(connection, "surge_hold", ("surge", "number"), [(key, number) for number in side.held])
        ((held,),) = run(
            connection, "UPDATE surge SET held = held + ? WHERE work_item = ? RETURNING held", (len(side.held), key)
        )
        run(connection, "UPDATE work_item SET detail = ? WHERE id = ?", (_detail(kind, held, surge), key))


_STATE = """
    SELECT counted.passed, counted.usual, surge.work_item, surge.band, work_item.opened_at FROM (SELECT 1 AS one) AS one
    LEFT JOIN hour_count AS counted ON counted.kind = ? AND counted.hour = ?
    LEFT JOIN surge ON surge.kind = ? AND surge.decision IS NULL
    LEFT JOIN work_item ON work_item.id = surge.work_item"""

_COUNT = "UPDATE hour_count SET messages = messages + ?, passed = passed + ? WHERE kind = ? AND hour = ?"

_PAST = "SELECT hour, messages FROM hour_count WHERE kind = 'notice' AND hour >= ? AND hour < ?"


def usual_in(connection: Connection, hour: int) -> int | None:
    """What an hour (counted from 1970) usually brings; None while too little is known. The CANCELs it may bring are as many:
    whatever passed by mistake can so be taken back at once.
    """
    return usual(hour, dict(run(connection, _PAST, (hour - 24 * (DAYS_LOOKED_AT + 1), hour))))


def _as_answered(surge: _OpenSurge) -> WorkItem:
    due_at = rfc3339(surge.opened_at + _DECIDE_WITHIN)
    return WorkItem(
        id=surge.work_item,
        code=SURGE,
        audience=None,
        state=None,
        rule="",
        opened_at=rfc3339(surge.opened_at),
        due_at=due_at,
        status="open",
    )


def _detail(kind: Kind, held: int, surge: _OpenSurge) -> str:
    return (
        f"{held} {CALLED[kind]} held since {rfc3339(surge.opened_at)}, when more than {surge.band} came in an hour; "
        "lift this and all are sent, resolve it and none is"
    )
