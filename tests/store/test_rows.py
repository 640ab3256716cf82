import pytest
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError, OperationalError

from app.store.database.engine import Store
from app.store.database.troubles import trouble
from app.store.statements.rows import insert, run
from tests.kinds import only_sqlite

LANE = ("ori", "until", "token", "due", "fails")


def test_a_statement_that_fails_names_no_value(store: Store) -> None:
    """What goes to the driver directly fails as everything else does: of a kind that is known, and without the row."""
    row = ("SECRET000", 0, 0, 0, 0)
    with store.write.begin() as connection, pytest.raises(IntegrityError) as caught:
        insert(connection, "lane", LANE, [row, row])
    assert trouble(caught.value) == "refused"
    assert row[0] not in str(caught.value)
    assert "INSERT INTO" in str(caught.value.statement)


@only_sqlite
def test_a_transaction_that_another_process_keeps_waiting_may_be_tried_again(store: Store) -> None:
    """To begin fails as a statement does."""
    with store.write.connect() as other, store.write.connect() as connection:
        connection.connection.execute("PRAGMA busy_timeout=1")
        with other.begin(), pytest.raises(OperationalError) as caught:
            connection.begin()
    assert trouble(caught.value) == "transient"


def test_whoever_listens_hears_every_statement(store: Store) -> None:
    """Tests that look at statements, or end a process between two of them, miss none."""
    heard: list[str] = []
    event.listen(store.write, "before_cursor_execute", lambda *told: heard.append(str(told[2])))
    with store.write.begin() as connection:
        insert(connection, "lane", LANE, [("TXSIR0000", 0, 0, 0, 0)])
        assert run(connection, "SELECT ori FROM lane", ()) == [("TXSIR0000",)]
    assert [words.split()[0] for words in heard][-2:] == ["INSERT", "SELECT"]


def test_a_statement_begins_a_transaction_where_there_is_none(store: Store) -> None:
    """What it changes stays unseen by others until the commit, and goes with a rollback."""
    with store.write.connect() as connection:
        run(connection, "UPDATE counter SET last = last + 1 WHERE name = ?", ("release",))
        assert connection.in_transaction()
        with store.read.connect() as other:
            assert run(other, "SELECT last FROM counter WHERE name = ?", ("release",)) == [(0,)]
        connection.rollback()
        assert run(connection, "SELECT last FROM counter WHERE name = ?", ("release",)) == [(0,)]
