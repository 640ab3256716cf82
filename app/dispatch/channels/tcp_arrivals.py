"""Texts that came over tcp and wait to be stored, so that a slow store never keeps an ACK from being read."""

import asyncio
import hashlib
import re
from collections import deque
from collections.abc import Callable

import structlog

from app.dispatch.channel import Arrival, Arrived
from app.dispatch.channels.tcp_journal import Journal, JournalText
from app.errors import Unavailable, what_broke

_log = structlog.get_logger(__name__)

_TAKE_OVER_EVERY = 5.0
"""Seconds from one look for texts of processes that are gone to the next."""

_STAMP = re.compile(r"(?<![0-9])[0-9]{2}:[0-9]{2} +[0-9]{2}/[0-9]{2}/[0-9]{4} +[0-9]{5}")
"""The network's own time, day and count, which stand before TXT in the legacy output form."""


def arrival(payload: str, place: str) -> Arrival:
    """A payload as an arrival. `place` is its connection and its place in that.

    The link has no receipt for texts, so a careful network says again what may have been lost with a connection. One that comes
    word for word has the same source; with the same stamp it is the same text too. XML, which has none, may mean its words again.
    """
    digest = hashlib.sha256(payload.encode()).hexdigest()
    text = payload.replace("\0", "\N{REPLACEMENT CHARACTER}")
    head, txt, _ = payload.partition("TXT")
    stamped = bool(txt and not head.lstrip().startswith("<") and _STAMP.search(head))
    return Arrival(f"tcp:{'stamped' if stamped else 'words'}:{digest}", text, f"tcp:{place}:{digest[:16]}", stamped)


class Arrivals:
    """A queue with one storer. `full` is a request to stop reading; `on_room` is called once there is room again."""

    def __init__(
        self, journal: Journal | None = None, *, limit: int = 1000, store_again: float = 1.0, patience: float = 2.0
    ) -> None:
        """`journal` keeps what waits; without one it waits in memory alone. `limit` is in texts. In seconds: `store_again` until a
        text that could not be stored is tried again, and `patience` from when on an attempt to store one counts as held up.
        """
        self._journal = journal
        self._limit = limit
        self._store_again = store_again
        self._patience = patience
        self._waiting: deque[JournalText] = deque()
        self._some = asyncio.Event()
        self._none = asyncio.Event()
        self._none.set()
        self._held_up = asyncio.Event()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.on_room: Callable[[], None] | None = None

    @property
    def full(self) -> bool:
        """Whether as many texts wait as may."""
        return len(self._waiting) >= self._limit

    def put(self, arrival: Arrival) -> None:
        """Adds a text; never refuses one, since it has left the network already."""
        if self._journal is None:
            self._add(JournalText(arrival))
            return
        before = self._journal.problem
        self._add(self._journal.keep(arrival))
        if self._journal.problem != before:  # said last: a log on the same full disk must not lose the text
            _log.warning("arrivals_journal", problem=self._journal.problem)

    def _add(self, kept: JournalText) -> None:
        self._waiting.append(kept)
        self._some.set()
        self._none.clear()

    async def run(self, arrived: Arrived) -> None:
        """Stores what comes, and what processes left that are gone, until cancelled."""
        if self._journal is None:
            await self._store(arrived)
            return
        with self._journal:
            self._take_over(self._journal)  # before anything new, as it came before
            looking = asyncio.create_task(self._keep_taking_over(self._journal), name="tcp-journals")
            try:
                await self._store(arrived)
            finally:
                looking.cancel()

    async def _keep_taking_over(self, journal: Journal) -> None:
        while True:
            await asyncio.sleep(_TAKE_OVER_EVERY)
            self._take_over(journal)

    def _take_over(self, journal: Journal) -> None:
        left = journal.take_over()
        for kept in left:
            self._add(kept)
        if left:
            _log.warning("arrivals_taken_over", texts=len(left))

    async def _store(self, arrived: Arrived) -> None:
        """Stores one text after another, in order. A text stays until it is stored.

        When the store cannot serve, all wait. A text that alone cannot be stored goes to the end of the queue.
        """
        while True:
            await self._some.wait()
            kept = self._waiting[0]
            try:
                await self._hand_over(kept.arrival, arrived)
            except Exception as error:  # noqa: BLE001 - whatever storing raised, the text is kept and tried again
                _log.error("arrival_not_stored", channel="tcp", **what_broke(error))
                if not isinstance(error, Unavailable):
                    self._waiting.rotate(-1)
                    self._note(flowing=True)
                await asyncio.sleep(self._store_again)
                continue
            self._note(flowing=True)
            self._waiting.popleft()
            self._after_taking(kept)

    async def _hand_over(self, arrival: Arrival, arrived: Arrived) -> None:
        storing = asyncio.ensure_future(arrived(arrival))
        try:
            done, _ = await asyncio.wait({storing}, timeout=self._patience)
            if not done:
                self._note(flowing=False)
                await self._sync()
            await storing
        except Unavailable:
            self._note(flowing=False)
            raise
        finally:
            storing.cancel()

    async def _sync(self) -> None:
        """Has what waits on the disk, where it may have to wait for long."""
        try:
            if self._journal is not None:
                await asyncio.to_thread(self._journal.sync)
        except OSError as error:
            _log.error("arrivals_not_synced", cause=error.strerror)

    def _note(self, *, flowing: bool) -> None:
        if flowing:
            self._held_up.clear()
            self._flowing.set()
        else:
            self._held_up.set()
            self._flowing.clear()

    def _after_taking(self, kept: JournalText) -> None:
        if self._journal is not None:
            self._journal.stored(kept)
        if not self._waiting:
            self._some.clear()
            self._none.set()
        if self.on_room is not None and not self.full:
            self.on_room()

    async def held_up(self) -> None:
        """Returns once the store does not take a text, so that more of them should not come."""
        await self._held_up.wait()

    async def flowing(self) -> None:
        """Returns once the store takes texts, as far as is known."""
        await self._flowing.wait()

    async def emptied(self) -> None:
        """Returns once every text is stored."""
        await self._none.wait()

    def __len__(self) -> int:
        return len(self._waiting)
