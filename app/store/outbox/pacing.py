"""Keeping to a rate: so many messages a second to one ORI, and so many to all together, whoever sends them.

Token buckets, each a row: taking a token commits with the try that it is for, so the rate holds for all dispatchers together,
over restarts too. (Libraries for this keep their buckets in memory or in a store of their own, where neither would be so.)
A bucket holds a second's worth, and one message at the least: that many may go at once after a quiet time.
"""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import NamedTuple

from sqlalchemy import Connection

from app.domain.times import SECOND
from app.store.desk.pauses import EVERYTHING
from app.store.statements.rows import first_row, insert_absent, row_lock, run, run_in


class Rates(NamedTuple):
    """Messages a second at the most, to one ORI and to all together; None: any number."""

    lane: float | None = None
    overall: float | None = None


UNLIMITED = Rates()


class Bucket(NamedTuple):
    """A token bucket. `at`: the messages so far, spread at the rate, reach up to this time (Micros). Full once it is past."""

    rate: float
    at: int

    @property
    def step(self) -> int:
        """Micros for one message."""
        return ceil(SECOND / self.rate)

    @property
    def size(self) -> int:
        """How many messages it holds."""
        return max(1, int(self.rate))

    def room(self, now: int) -> int:
        """How many messages may go now.

        >>> Bucket(10, 0).room(5), Bucket(10, 950_000).room(0), Bucket(10, 10_000_000).room(0), Bucket(0.5, 0).room(5)
        (10, 0, 0, 1)
        """
        return self.size - ceil(self._ahead(now) / self.step)

    def wait(self, now: int) -> int:
        """Micros until one may.

        >>> Bucket(10, 0).wait(5), Bucket(10, 950_000).wait(0), Bucket(0.5, 2_000_000).wait(500_000)
        (0, 50000, 1500000)
        """
        return max(self._ahead(now) - (self.size - 1) * self.step, 0)

    def less(self, now: int, count: int) -> "Bucket":
        """The same once `count` messages have gone."""
        return self._replace(at=now + self._ahead(now) + count * self.step)

    def _ahead(self, now: int) -> int:
        """How far it is ahead of now; never by more than it holds, or a clock set back would stop everything."""
        return min(max(self.at - now, 0), self.size * self.step)


class Purse:
    """The buckets that a transaction takes from, locked until it ends. Where there is no rate it costs nothing."""

    def __init__(self, connection: Connection, now: int, rates: Rates, oris: Sequence[str]) -> None:
        """`oris` are the lanes in hand, whose rows are locked already: buckets come after lanes, everywhere."""
        self._connection = connection
        self._now = now
        wanted: dict[str, float] = {}
        if rates.lane is not None:
            wanted |= dict.fromkeys(oris, rates.lane)
        if rates.overall is not None and oris:
            wanted[EVERYTHING] = rates.overall
        self._buckets = self._lock_buckets(wanted)
        self._left = {scope: bucket.room(now) for scope, bucket in self._buckets.items()}

    def _lock_buckets(self, wanted: Mapping[str, float]) -> dict[str, Bucket]:
        if not wanted:
            return {}
        scopes = sorted(wanted)
        insert_absent(self._connection, "pace", ("scope", "at"), [(scope, 0) for scope in scopes])
        in_order = "ORDER BY scope" + row_lock(self._connection)
        rows = run_in(
            connection=self._connection, start="SELECT scope, at FROM pace WHERE scope IN", values=(), keys=scopes, end=in_order
        )
        return {scope: Bucket(wanted[scope], at) for scope, at in rows}

    def allot(self, ori: str, window: int) -> int:
        """How many of `window` messages of a lane may go now; they are set aside for it."""
        scopes = [scope for scope in (ori, EVERYTHING) if scope in self._left]
        count = min([window, *(self._left[scope] for scope in scopes)])
        for scope in scopes:
            self._left[scope] -= count
        return count

    def spend(self, taken: Mapping[str, int]) -> None:
        """Takes what really goes, by lane; what was set aside beyond it is there again."""
        spent = {EVERYTHING: sum(taken.values()), **taken}
        for scope, bucket in self._buckets.items():
            if spent.get(scope):
                self._buckets[scope] = after = bucket.less(self._now, spent[scope])
                run(self._connection, "UPDATE pace SET at = ? WHERE scope = ?", (after.at, scope))

    def wait(self, ori: str) -> int:
        """Micros until a message of this lane may go; 0: now."""
        return max([0, *(self._buckets[scope].wait(self._now) for scope in (ori, EVERYTHING) if scope in self._buckets)])


def overall_bucket(connection: Connection, rates: Rates) -> Bucket | None:
    """The bucket of all together as it is, not locked; None where there is no such rate."""
    if rates.overall is None:
        return None
    found = first_row(connection, "SELECT at FROM pace WHERE scope = ?", EVERYTHING)
    return Bucket(rates.overall, 0 if found is None else int(found[0]))
