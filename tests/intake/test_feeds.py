from collections.abc import Callable
from contextlib import ExitStack
from itertools import islice

from structlog.testing import capture_logs

from app.domain.times import SECOND
from app.intake.feeds import Feeds, FeedWatch, waits
from app.store.callers.feeds import Heartbeat, heartbeats, list_feeds
from app.store.database.engine import Store
from app.store.database.reading import look
from app.store.database.writer import Writer
from tests.intake.desks import until
from tests.store.invented import NOON, rows, run

SOON = 0.2
"""Seconds after which a feed is silent here."""


def silent(store: Store) -> bool:
    """Whether the only feed was raised as silent."""
    (feed,) = look(store, list_feeds)
    return feed.silent_since is not None


def test_several_watches_raise_one_work_item(store: Store, new_store: Callable[[], Store]) -> None:
    """Each process watches by itself; the feed is raised once, is heard again, and is raised anew."""
    now = NOON
    with ExitStack() as stack:
        for each in (store, new_store(), new_store()):
            feeds = Feeds(each, stack.enter_context(Writer(each)), lambda: now, SOON)
            stack.enter_context(FeedWatch(feeds))
        for beats in (1, 2):
            run(store, heartbeats, Heartbeat(caller="sor", told=0, sent_at=None, at=now, next_by=now))
            assert not silent(store)
            now += SECOND
            until(lambda: silent(store))
            assert rows(store, "SELECT count(*) FROM audit WHERE action = 'feed_silent'") == [(beats,)]
    assert rows(store, "SELECT count(*) FROM work_item") == [(1,)]


def test_a_watch_outlives_the_database(store: Store, writer: Writer) -> None:
    """While the feeds cannot be read it says so once, and it goes on when they can."""
    run(store, heartbeats, Heartbeat(caller="sor", told=0, sent_at=None, at=NOON, next_by=NOON))
    rename(store, "feed", "lost")
    watch = FeedWatch(Feeds(store, writer, lambda: NOON + SECOND, SOON))
    with capture_logs() as log:
        watch.look()
        watch.look()
        rename(store, "lost", "feed")
        watch.look()
    assert [line["event"] for line in log] == ["feeds_not_watched", "feed_silent"]
    assert silent(store)


def test_a_feed_has_time_to_be_heard_after_a_start() -> None:
    """It could not reach a service that was down; at most five minutes, then each look is a tenth of the silence apart."""
    assert [list(islice(waits(after), 3)) for after in (0.5, 10.0, 3600.0)] == [
        [0.5, 0.2, 0.2],
        [10.0, 1.0, 1.0],
        [300.0, 60.0, 60.0],
    ]


def rename(store: Store, old: str, new: str) -> None:
    """Renames a table."""
    with store.write.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}")
