"""Several PostgreSQL servers in one URL: a dead one is asked once, and the database reached last comes first."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from sqlalchemy import make_url, text

from app.store.database.engine import Store, open_store
from app.store.database.servers import Servers
from tests.kinds import only_postgresql


class _HangsUp(socketserver.BaseRequestHandler):
    """Takes a connection and ends it."""

    def handle(self) -> None:
        """Counts it."""
        assert isinstance(self.server, _DeadServer)
        self.server.asked += 1


class _DeadServer(socketserver.TCPServer):
    """A server that is of no use."""

    asked = 0


@contextmanager
def dead_server() -> Iterator[_DeadServer]:
    """Running on a thread of its own."""
    with _DeadServer(("127.0.0.1", 0), _HangsUp) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@only_postgresql
def test_a_dead_server_is_asked_once_and_not_with_each_connection(database_url: str) -> None:
    """A host that is gone costs its time-out each time it is asked."""
    url = make_url(database_url)
    query = dict(url.query)
    alive = f"{query.pop('host', None) or url.host}:{query.pop('port', None) or url.port or 5432}"
    with dead_server() as dead:
        both = url.set(host=None, port=None, query={**query, "host": (f"127.0.0.1:{dead.server_address[1]}", alive)})
        with (
            closing(open_store(both.render_as_string(hide_password=False))) as store,
            store.write.connect() as one,
            store.write.connect() as two,
            store.read.connect() as three,
        ):
            assert [each.scalar(text("SELECT 1")) for each in (one, two, three)] == [1, 1, 1]
        assert dead.asked == 1


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"host": "db1", "port": 5432},
        {"host": "db1,db2", "port": "5432,5433,5434"},
        {"host": "db1,db2", "hostaddr": "192.0.2.1,192.0.2.2"},
    ],
    ids=["a socket", "one", "no pairs", "addresses given"],
)
def test_what_names_no_servers_to_choose_from_is_left_alone(parameters: dict[str, object]) -> None:
    """The driver says what is wrong with it, if anything is."""
    assert Servers().in_order(parameters) == parameters


@only_postgresql
def test_commits_reach_the_disk_whatever_a_server_that_took_over_has_set(database_url: str, store: Store) -> None:
    """The start is refused with less than `on`; a running service meets other servers, and settings that change."""
    for level, kept in (("off", "on"), ("local", "on"), ("remote_apply", "remote_apply")):
        with store.write.connect() as connection:
            name = connection.scalar(text("SELECT current_database()"))
            connection.execute(text(f'ALTER DATABASE "{name}" SET synchronous_commit = {level}'))
            connection.commit()
        store.write.dispose()
        with store.write.connect() as connection:
            assert connection.scalar(text("SHOW synchronous_commit")) == kept
