import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from threading import Event

import pytest
from sqlalchemy import text

from app.store.database.engine import Store, open_store
from app.store.database.hints import Hints
from tests.kinds import only_postgresql, only_sqlite
from tests.postgresql import PostgreSQL


def arrives(told: Hints, heard: Event) -> bool:
    """Whether a hint comes through, told again until it does: until both listen, hints may be lost."""
    for _ in range(300):
        told.tell()
        if heard.wait(0.1):
            return True
    return False


@only_postgresql
def test_a_hint_reaches_the_other_process_and_not_its_own(store: Store, new_store: Callable[[], Store]) -> None:
    """What one host queues, a dispatcher on another hears of at once."""
    here, there = Event(), Event()
    with Hints(store, here.set) as told, Hints(new_store(), there.set):
        assert arrives(told, there)
        assert not here.is_set()


@pytest.fixture
def server() -> Iterator[PostgreSQL]:
    """A server of this test's own, that it may restart."""
    with PostgreSQL(durable=False) as running:
        yield running


def test_hints_come_again_after_a_restart_of_the_database(server: PostgreSQL) -> None:
    """Both sides connect anew by themselves."""
    heard = Event()
    with (
        server.database() as url,
        closing(open_store(url)) as one,
        closing(open_store(url)) as other,
        Hints(one) as told,
        Hints(other, heard.set),
    ):
        assert arrives(told, heard)
        server.stop(signal.SIGQUIT)
        server.start()
        heard.clear()
        assert arrives(told, heard)


@only_sqlite
def test_sqlite_needs_no_hints(store: Store) -> None:
    """Nothing is started, and telling does nothing."""
    with Hints(store) as hints:
        hints.tell()
        assert hints._threads == []
    with store.read.connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1
