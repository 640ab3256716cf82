import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from structlog.testing import capture_logs

from app.errors import LensError, Unavailable
from app.store.database.engine import Store
from app.store.database.writer import Writer
from tests.kinds import only_postgresql, only_sqlite
from tests.store.counting import last, number
from tests.store.invented import SECRET, rows


def test_a_refused_statement_is_told_without_its_values(store: Store) -> None:
    """The caller's error says which statement and why, and repeats nothing of the row."""

    def broken(connection: Connection, items: Sequence[str]) -> list[None]:
        connection.execute(text("INSERT INTO counter (name, last) VALUES (:name, NULL)"), {"name": items[0]})
        return [None] * len(items)

    with (
        Writer(store) as writer,
        pytest.raises(
            LensError, match=r"refused a statement \((SQLITE_CONSTRAINT|SQLSTATE 23502)\): INSERT INTO counter"
        ) as caught,
    ):
        writer.do_and_wait(broken, SECRET)
    assert SECRET not in repr(caught.value)
    assert caught.value.__cause__ is None


class Limits:
    """Pragmas that each new connection of a store gets, so that a fault outlives a reconnection until it is mended."""

    def __init__(self, store: Store) -> None:
        self.pragmas: tuple[str, ...] = ()
        event.listen(store.write, "connect", self._connected)
        store.write.dispose()

    def _connected(self, connection: Any, _: object) -> None:  # noqa: ANN401 - the driver is untyped
        for pragma in self.pragmas:
            connection.execute(f"PRAGMA {pragma}").close()


def fill(connection: Connection, items: Sequence[str]) -> list[int]:
    """Writes a megabyte an item."""
    statement = text("INSERT INTO inbound (source, kind, text, received_at) VALUES (:source, 'AM', zeroblob(1000000), 0)")
    connection.execute(statement, [{"source": item} for item in items])
    return [1] * len(items)


@only_sqlite
@pytest.mark.parametrize(("fault", "word"), [("max_page_count=60", "disk full"), ("query_only=ON", "read-only")])
def test_a_database_that_cannot_be_written_acknowledges_nothing_and_comes_back(store: Store, fault: str, word: str) -> None:
    """The whole group hears Unavailable, nothing is stored, and once it is mended the next group is written."""
    limits = Limits(store)
    limits.pragmas = (fault,)
    with Writer(store, patience=0.2) as writer:
        results = asyncio.run(together(writer, ["a", "b", "c"]))
        assert [type(result) for result in results] == [Unavailable] * 3
        assert all(word in result.detail for result in results)
        assert word in (writer.problem or "")
        assert rows(store, "SELECT count(*) FROM inbound") == [(0,)]
        limits.pragmas = ()
        assert writer.do_and_wait(fill, "d") == 1
        assert writer.problem is None
    assert rows(store, "SELECT source FROM inbound") == [("d",)]


async def together(writer: Writer, items: list[str]) -> list[Any]:
    """What each caller gets when all ask at once."""
    return await asyncio.gather(*[writer.do(fill, item) for item in items], return_exceptions=True)


@only_sqlite
def test_a_transaction_that_writes_nothing_does_not_end_the_trouble(store: Store) -> None:
    """A dispatcher that finds nothing to do proves nothing about a full disk; one line says when writes work again."""
    limits = Limits(store)
    limits.pragmas = ("max_page_count=60",)
    with Writer(store, patience=0.2) as writer, capture_logs() as logged:
        for _ in range(3):
            with pytest.raises(Unavailable):
                writer.do_and_wait(fill, "a")
            assert writer.do_and_wait(last_of, None) == 0
            assert "disk full" in (writer.problem or "")
        limits.pragmas = ()
        store.write.dispose()
        writer.do_and_wait(fill, "b")
        assert writer.problem is None
        writer.do_and_wait(fill, "c")
    assert [line["event"] for line in logged] == ["write_failed"] * 3 + ["writes_work_again"]


def last_of(connection: Connection, items: Sequence[None]) -> list[int]:
    """Only looks."""
    count = int(connection.scalar(text("SELECT count(*) FROM inbound")) or 0)
    return [count] * len(items)


@only_sqlite
def test_a_database_that_cannot_be_opened_is_unavailable_and_comes_back(store: Store, tmp_path: Path) -> None:
    """The disk is gone for a while; each connection is made anew."""
    with Writer(store, patience=0.2) as writer:
        store.write.dispose()
        hidden = tmp_path.rename(tmp_path.with_name(f"{tmp_path.name}-away"))
        with pytest.raises(Unavailable):
            writer.do_and_wait(number, "a")
        hidden.rename(tmp_path)
        assert writer.do_and_wait(number, "b") == 1


@only_postgresql
def test_a_transaction_that_the_server_gave_up_is_tried_again(store: Store) -> None:
    """As when this process stood still in the middle of one for too long: the writer's caller notices nothing."""
    tried: list[int] = []

    def stand_still_once(connection: Connection, items: Sequence[str]) -> Sequence[int]:
        me = connection.scalar(text("SELECT pg_backend_pid()"))
        tried.append(me)
        if len(tried) == 1:
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = '1ms'"))
            while rows(store, "SELECT 1 FROM pg_stat_activity WHERE pid = :me", me=me):
                pass
        return number(connection, items)

    with Writer(store) as writer:
        assert writer.do_and_wait(stand_still_once, "a") == 1
    assert len(tried) == 2


@only_postgresql
def test_a_commit_whose_outcome_is_not_known_is_left_to_its_caller(store: Store) -> None:
    """The connection is lost as it commits: it may be done, so it is not done again here; the same key finds out, safely."""
    lost: list[int] = []

    def cut_once(connection: Connection) -> None:
        if not lost:
            lost.append(connection.scalar(text("SELECT pg_backend_pid()")) or 0)
            with store.read.connect() as other:
                other.execute(text("SELECT pg_terminate_backend(:me)"), {"me": lost[0]})
            while rows(store, "SELECT 1 FROM pg_stat_activity WHERE pid = :me", me=lost[0]):
                pass

    event.listen(store.write, "commit", cut_once)
    with Writer(store) as writer:
        with pytest.raises(Unavailable, match="may have been made or not; try again with the same key"):
            writer.do_and_wait(number, "a")
        assert writer.groups == 0
        assert "may have been made or not" in (writer.problem or "")
        assert writer.do_and_wait(number, "a") == 1


@only_postgresql
def test_a_commit_that_the_server_refused_is_tried_again(store: Store) -> None:
    """It is known to have changed nothing, so the caller notices nothing."""
    with store.write.begin() as connection:
        connection.exec_driver_sql("CREATE SEQUENCE tried")
        connection.exec_driver_sql(
            "CREATE FUNCTION refuse_once() RETURNS trigger AS $$ BEGIN IF nextval('tried') = 1 THEN"
            " RAISE 'not now' USING ERRCODE = '40001'; END IF; RETURN NULL; END $$ LANGUAGE plpgsql"
        )
        connection.exec_driver_sql(
            "CREATE CONSTRAINT TRIGGER once AFTER UPDATE ON counter DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION refuse_once()"
        )
    with Writer(store) as writer:
        assert writer.do_and_wait(number, "a") == 1
    assert rows(store, "SELECT last_value FROM tried") == [(2,)]


@only_sqlite
def test_a_busy_database_is_waited_for(store: Store) -> None:
    """Another process holds the lock for a moment: the caller only waits."""
    Limits(store).pragmas = ("busy_timeout=1",)
    with Writer(store, patience=10) as writer, store.write.connect() as other:
        transaction = other.begin()
        answer: list[int] = []
        caller = threading.Thread(target=lambda: answer.append(writer.do_and_wait(number, "a")))
        caller.start()
        caller.join(0.1)
        assert answer == []
        transaction.commit()
        caller.join(10)
        assert answer == [1]


@only_sqlite
def test_a_database_that_stays_busy_is_unavailable(store: Store) -> None:
    """The wait has an end, and nothing was written."""
    Limits(store).pragmas = ("busy_timeout=1",)
    with Writer(store, patience=0.2) as writer:
        with store.write.connect() as other, other.begin(), pytest.raises(Unavailable, match="busy"):
            writer.do_and_wait(number, "a")
        assert last(store) == 0
        assert writer.do_and_wait(number, "b") == 1
