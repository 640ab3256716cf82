"""Hearing of the feeds: heartbeats as they come, and a thread that looks whether each feed is still heard of."""

from collections.abc import Callable, Iterator
from itertools import repeat
from threading import Event, Thread
from typing import Self

import structlog

from app.domain.feeds import Noticed, Watch, notice
from app.domain.times import micros_in, rfc3339
from app.errors import Unavailable, what_broke
from app.store.callers.feeds import Heartbeat, TakenHeartbeat, heartbeats, list_feeds, watch_feeds
from app.store.database.engine import Store
from app.store.database.reading import look
from app.store.database.writer import Writer

_log = structlog.get_logger()

_GRACE_SECONDS = 300.0
"""After a start, for how long at the most a feed is given time to be heard: it could not reach a service that was down."""
_LONGEST_POLL_SECONDS = 60.0
_SHORTEST_POLL_SECONDS = 0.2


class Feeds:
    """What the service does about its feeds. `clock` tells the time in Micros; a feed is silent after `silent_after` seconds."""

    def __init__(self, store: Store, writer: Writer, clock: Callable[[], int], silent_after: float) -> None:
        self._store = store
        self._writer = writer
        self._clock = clock
        self.silent_after = silent_after

    async def heartbeat(self, caller: str, told: int, sent_at: int | None) -> TakenHeartbeat:
        """Takes a heartbeat of a caller that told of so many releases; `sent_at` is Micros. Raises Unavailable."""
        now = self._clock()
        heard = await self._writer.do(
            heartbeats, Heartbeat(caller=caller, told=told, sent_at=sent_at, at=now, next_by=now + micros_in(self.silent_after))
        )
        if heard.kind == "new" and not heard.agrees:
            _log.warning("feed_count_differs", caller=caller, told=told, work_item="feed-count", runbook="feed-miscounted")
        if heard.back:
            _log.info("feed_back", caller=caller)
        return heard

    def watch(self) -> tuple[Noticed, ...]:
        """Looks once at every feed. Of several processes that look at once, one notices. Raises Unavailable."""
        item = Watch(self._clock(), micros_in(self.silent_after))
        if not notice(look(self._store, list_feeds), item):
            return ()  # a look that finds nothing writes nothing
        noticed: tuple[Noticed, ...] = self._writer.do_and_wait(watch_feeds, item)
        for each in noticed:
            told = {"caller": each.caller, "heard_at": rfc3339(each.heard_at)}
            if each.what == "silent":
                _log.warning("feed_silent", **told, runbook="feed-silent")
            else:
                _log.info(f"feed_{each.what}", **told)
        return noticed


class FeedWatch:
    """Looks at the feeds again and again on a thread of its own, for as long as the `with` block lasts."""

    def __init__(self, feeds: Feeds) -> None:
        self._feeds = feeds
        self._stopping = Event()
        self._blind = False
        self._thread = Thread(target=self._run, name="lens-feeds", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def look(self) -> None:
        """One look. Whatever goes wrong is logged, what lasts once."""
        try:
            self._feeds.watch()
            self._blind = False
        except Unavailable as error:
            if not self._blind:
                _log.warning(
                    "feeds_not_watched", why=error.detail, consequence="a silent feed would not be noticed", runbook="not-ready"
                )
            self._blind = True
        except Exception as error:  # noqa: BLE001 - the watch of a service must outlive whatever it meets
            _log.error("feed_watch_broke", **what_broke(error))

    def _run(self) -> None:
        for seconds in waits(self._feeds.silent_after):
            if self._stopping.wait(seconds):
                return
            self.look()


def waits(silent_after: float) -> Iterator[float]:
    """How many seconds to wait before each look: once for the feeds to be heard, then a tenth of the silence that is too long."""
    yield min(silent_after, _GRACE_SECONDS)
    yield from repeat(min(max(silent_after / 10, _SHORTEST_POLL_SECONDS), _LONGEST_POLL_SECONDS))
