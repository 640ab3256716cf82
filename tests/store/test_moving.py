from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import SQLModel

from app.errors import Conflict, Unavailable
from app.store.callers.keys import NewKey, create
from app.store.database.engine import Store, open_store, upgrade
from app.store.outbox.outbox import Claim, claim
from app.store.trail.trail_check import verify
from app.store.upkeep.moving import move
from tests.kinds import only_postgresql
from tests.store.invented import NOON, accept, acceptance, rows, run

pytestmark = only_postgresql


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Store]:
    """An SQLite store with releases, messages, work items, a key and an audit trail in it, and nobody else."""
    with closing(open_store(f"sqlite:///{tmp_path / 'source.db'}")) as opened:
        upgrade(opened)
        accept(opened, acceptance("EX-1"), acceptance("EX-2", "held"), acceptance("EX-3", "review", backfill=True))
        run(opened, create, NewKey(name="erom", role="system_of_record", by="tests", at=NOON, expires_at=None))
        opened.close()
        yield opened


def counts(store: Store) -> dict[str, int]:
    """How many rows each table has, but for what the move itself adds: a pause behind it, an audit row ahead of it."""
    names = [table.name for table in SQLModel.metadata.sorted_tables if table.name not in {"audit", "pause"}]
    return {name: rows(store, f"SELECT count(*) FROM {name}")[0][0] for name in names}  # noqa: S608 - names of tables


def test_every_row_arrives_and_the_new_store_goes_on(source: Store, store: Store) -> None:
    """Counts and contents agree, the audit trail holds, numbers go on where they were, and the old store sends nothing."""
    moved = {each.table: each.rows for each in move(source, store)}
    assert moved["release"] == 3
    assert moved["message"] == 4
    assert counts(store) == counts(source)
    texts = "SELECT number, text, status, ori FROM message ORDER BY number"
    assert rows(store, texts) == rows(source, texts)
    answers = "SELECT release_id, answer_json, evidence_json FROM release ORDER BY id"
    assert rows(store, answers) == rows(source, answers)
    with store.read.connect() as connection:
        assert verify(connection) is None
    accept(store, acceptance("EX-4"), acceptance("EX-1"))
    assert rows(store, "SELECT max(number), count(*) FROM message") == [(6, 6)]
    assert rows(source, "SELECT scope, source FROM pause") == [("*", "move")]
    assert rows(store, "SELECT count(*) FROM pause") == [(0,)]


def test_a_store_that_is_open_elsewhere_stays_where_it_is(source: Store, store: Store, tmp_path: Path) -> None:
    """A service that runs, even an idle one, keeps the file to itself."""
    with closing(open_store(f"sqlite:///{tmp_path / 'source.db'}")) as service, service.read.connect() as reading:
        reading.execute(text("SELECT count(*) FROM release"))
        reading.rollback()
        with pytest.raises(Conflict, match="stop every LENS process"):
            move(source, store)
    assert rows(store, "SELECT count(*) FROM release") == [(0,)]


def test_a_store_with_a_lease_stays_where_it_is(source: Store, store: Store) -> None:
    """A dispatcher that died a moment ago may still have bytes under way."""
    with source.write.begin() as connection:
        assert claim(connection, [Claim(worker="w1", room=1, window=1, lease=10**8, horizon=10**9)])[0].batches
    source.close()
    with pytest.raises(Conflict, match="1 lanes are leased"):
        move(source, store)
    assert rows(store, "SELECT count(*) FROM message") == [(0,)]


def test_a_store_that_holds_anything_is_not_moved_into(source: Store, store: Store) -> None:
    """Nothing is ever mixed or overwritten, and a second move is refused."""
    accept(store, acceptance("EX-9", "nothing"))
    before = rows(store, "SELECT count(*) FROM audit")
    with pytest.raises(Conflict, match="not empty"):
        move(source, store)
    assert rows(store, "SELECT count(*) FROM audit") == before
    assert rows(source, "SELECT count(*) FROM pause") == [(0,)]


def test_only_sqlite_moves_only_into_postgresql(store: Store, new_store: Callable[[], Store]) -> None:
    """There is one direction."""
    with pytest.raises(Conflict, match="from SQLite"):
        move(new_store(), store)


def test_what_postgresql_cannot_hold_moves_nothing(source: Store, store: Store) -> None:
    """A value too long for its column, which SQLite took, ends the move with nothing changed."""
    with source.write.begin() as connection:
        connection.execute(text("UPDATE message SET ori = 'TOO-LONG-FOR-AN-ORI' WHERE number = 1"))
    source.close()
    with pytest.raises(Unavailable, match="22001"):
        move(source, store)
    assert rows(store, "SELECT count(*) FROM release") == [(0,)]
