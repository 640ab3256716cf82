"""Texts that came over tcp and wait to be stored, so that a slow store never keeps an ACK from being read."""

import asyncio
import hashlib
import re
from collections import deque
from collections.abc import Callable

import structlog

from app.dispatch.channel import Arrival, Arrived
from app.errors import Unavailable, what_broke

_log = structlog.get_logger(__name__)

_STAMP = re.compile(r"(?<![0-9])[0-9]{2}:[0-9]{2} +[0-9]{2}/[0-9]{2}/[0-9]{4} +[0-9]{5}")
"""The network's own time, day and count, which stand before TXT in the legacy output form."""


def arrival(payload: str, place: str) -> Arrival:
    """A payload as an arrival. `place` is its connection and its place in that.

    The link has no receipt for texts, so a careful network says again what may have been lost with a connection. One that
    comes word for word, with the same stamp, has the same source. Without a stamp, as XML has none, the same words may
    both be meant: then the place makes them two.
    """
    digest = hashlib.sha256(payload.encode()).hexdigest()
    occurrence = f"tcp:{place}:{digest[:16]}"
    text = payload.replace("\0", "\N{REPLACEMENT CHARACTER}")
    head, txt, _ = payload.partition("TXT")
    if txt and not head.lstrip().startswith("<") and _STAMP.search(head):
        return Arrival(f"tcp:stamped:{digest}", text, occurrence)
    return Arrival(occurrence, text)


class Arrivals:
    """A queue with one storer. `full` is a request to stop reading; `on_room` is called once there is room again."""

    def __init__(self, limit: int = 1000, store_again: float = 1.0) -> None:
        """`limit` is in texts; `store_again` the seconds until a text that could not be stored is tried again."""
        self._limit = limit
        self._store_again = store_again
        self._waiting: deque[Arrival] = deque()
        self._some = asyncio.Event()
        self._none = asyncio.Event()
        self._none.set()
        self.on_room: Callable[[], None] | None = None

    @property
    def full(self) -> bool:
        """Whether as many texts wait as may."""
        return len(self._waiting) >= self._limit

    def put(self, arrival: Arrival) -> None:
        """Adds a text; never refuses one, since it has left the network already."""
        self._waiting.append(arrival)
        self._some.set()
        self._none.clear()

    async def store(self, arrived: Arrived) -> None:
        """Stores one text after another, in order, until cancelled. A text stays until it is stored.

        When the store cannot serve, all wait. A text that alone cannot be stored goes to the end of the queue.
        """
        while True:
            await self._some.wait()
            arrival = self._waiting[0]
            try:
                await arrived(arrival)
            except Exception as error:  # noqa: BLE001 - whatever storing raised, the text is kept and tried again
                _log.error("arrival_not_stored", channel="tcp", **what_broke(error))
                if not isinstance(error, Unavailable):
                    self._waiting.rotate(-1)
                await asyncio.sleep(self._store_again)
                continue
            self._waiting.popleft()
            self._after_taking()

    def _after_taking(self) -> None:
        if not self._waiting:
            self._some.clear()
            self._none.set()
        if self.on_room is not None and not self.full:
            self.on_room()

    async def emptied(self) -> None:
        """Returns once every text is stored."""
        await self._none.wait()

    def __len__(self) -> int:
        return len(self._waiting)
