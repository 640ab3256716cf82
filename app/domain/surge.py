"""What is normal, and what is a surge: how many messages an hour may bring before a person must look.

The band is learned from the hours before, so it fits whatever volume a service has; until enough days are known there is none,
unless an operator sets a floor. See docs/explanation/surge-breaker.md.
"""

import math
from collections.abc import Mapping
from typing import Literal, NamedTuple

from app.domain.times import SECOND

SURGE = "surge"
"""The code of the work item that holds back everything beyond the band."""

HOUR = 3600 * SECOND
"""Micros in an hour."""

DAYS_LOOKED_AT = 28
DAYS_NEEDED = 7
FREAK_DAYS = 2
"""Days of those looked at that may be out of the ordinary without changing what is usual."""

LEAST_FLOOR = 200
"""Messages an hour that never trip a learned band, where no floor is set."""

Kind = Literal["notice", "withdrawal"]
"""NEW and CORRECTION tell something; a CANCEL takes something back. Each kind is counted and held back by itself."""


CALLED: dict[str, str] = {"notice": "notices", "withdrawal": "CANCELs"}
"""What the messages of a kind are called when a person reads of them."""


def kind_of(message_type: str) -> Kind:
    """The kind that a message of this type counts as."""
    return "withdrawal" if message_type == "CANCEL" else "notice"


class Breaker(NamedTuple):
    """What an operator sets: `floor` messages an hour always pass (None: not set); beyond it, `factor` times what is usual."""

    floor: int | None = None
    factor: float = 3.0

    def band(self, usual: int | None) -> int | None:
        """How many messages of one kind may pass in an hour; None: any number. `usual` is None while too little is known.

        >>> Breaker().band(None), Breaker().band(20), Breaker().band(300), Breaker(floor=50).band(None)
        (None, 200, 900, 50)
        """
        if usual is None:
            return self.floor
        return max(LEAST_FLOOR if self.floor is None else self.floor, math.ceil(self.factor * usual))


def usual(hour: int, counts: Mapping[int, int]) -> int | None:
    """What an hour (counted from 1970, UTC) usually brings, by the counts of hours before it; None while too few days are known.

    Each of the days before has a peak, in that hour and its two neighbours: daylight saving moves a daily rush by one hour. The
    two highest peaks are left out, so that a surge that a person let through does not become normal; the third is usual.
    """
    today = hour // 24
    if (
        len({each // 24 for each, count in counts.items() if count and today - DAYS_LOOKED_AT <= each // 24 < today})
        < DAYS_NEEDED
    ):
        return None
    same_hours = (hour - 24 * back for back in range(1, DAYS_LOOKED_AT + 1))
    peaks = sorted(max(counts.get(near, 0) for near in (same - 1, same, same + 1)) for same in same_hours)
    return peaks[-1 - FREAK_DAYS]
