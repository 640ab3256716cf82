from collections.abc import Callable

import pytest
from sqlalchemy import text, update

from app.domain.times import rfc3339
from app.store.audit import AuditEntry, AuditFilter, Break, append, list_entries, verify
from app.store.engine import Store
from app.store.tables import AUDIT
from tests.store.invented import NOON, rows


def entry(place: int) -> AuditEntry:
    """Something an invented operator did."""
    return AuditEntry(NOON + place, "op", "try", f"thing {place}", "ok", {"place": place})


def write(store: Store, *groups: int) -> None:
    """A transaction with that many entries each."""
    for size in groups:
        with store.write.begin() as connection:
            append(connection, [entry(place) for place in range(size)])


def checked(store: Store) -> Break | None:
    """The first broken link."""
    with store.read.connect() as connection:
        return verify(connection)


@pytest.fixture
def trail(store: Store, new_store: Callable[[], Store]) -> Store:
    """Two chains, the second begun on the first's fourth row: 1 to 4, and 5 to 8."""
    write(store, 1, 2)
    write(new_store(), 3)
    assert [row[0] for row in rows(store, "SELECT id FROM audit ORDER BY id")] == list(range(1, 9))
    return store


def test_an_empty_and_a_whole_trail_verify(store: Store, trail: Store) -> None:
    """Chains of several processes and transactions hold together."""
    assert checked(trail) is None
    with store.write.begin() as connection:
        connection.execute(text("DELETE FROM audit"))
    assert checked(store) is None


def test_a_chain_begins_by_naming_the_row_before_it(trail: Store) -> None:
    """So a whole chain taken out is missed too."""
    starts = rows(trail, "SELECT seq, actor, detail_json FROM audit WHERE action = 'chain_started' ORDER BY id")
    first_chain = rows(trail, "SELECT chain FROM audit WHERE id = 1")[0][0]
    assert starts[0] == (1, f"process {first_chain}", "{}")
    assert starts[1][2] == f'{{"after_chain":"{first_chain}","after_seq":4}}'


@pytest.mark.parametrize("column", ["at", "actor", "action", "object", "outcome", "detail_json"])
def test_any_word_changed_in_any_row_is_found(trail: Store, column: str) -> None:
    """The break names that row."""
    for row in range(1, 9):
        with trail.write.connect() as connection, connection.begin() as transaction:
            value = 1 if column == "at" else "x"
            connection.execute(update(AUDIT).where(AUDIT.c.id == row).values({column: value}))
            found = verify(connection)
            transaction.rollback()
        assert found is not None
        assert found.row == row
        assert "not there" in found.what if (column, row) == ("detail_json", 5) else found.what == "its content was changed"


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("DELETE FROM audit WHERE id = 3", "row 3 of this chain is missing"),
        ("DELETE FROM audit WHERE id = 5", "row 1 of this chain is missing"),
        ("DELETE FROM audit WHERE id = 4", "the row its chain was started on is not there"),
        ("DELETE FROM audit WHERE id < 5", "the row its chain was started on is not there"),
        ("UPDATE audit SET prev = '0' WHERE id = 3", "it does not follow from the row before it"),
    ],
)
def test_a_row_or_a_whole_chain_taken_out_is_found(trail: Store, statement: str, what: str) -> None:
    """In the middle, at a start, or everything before the last start of the process."""
    with trail.write.begin() as connection:
        connection.execute(text(statement))
    found = checked(trail)
    assert found is not None
    assert found.what == what


def test_a_row_written_anew_with_a_hash_of_its_own_is_found(trail: Store) -> None:
    """A forger who knows the form still breaks the link to the row after."""
    with trail.write.begin() as connection:
        connection.execute(text("UPDATE audit SET outcome = 'forged', hash = 'f' || substr(hash, 2) WHERE id = 2"))
    assert checked(trail) is not None


def test_a_rollback_leaves_no_gap(store: Store) -> None:
    """The head of the chain is read from the table, so what was rolled back never counted."""
    write(store, 1)
    with store.write.connect() as connection:
        connection.begin()
        append(connection, [entry(1)])
        connection.rollback()
    write(store, 1)
    assert checked(store) is None
    assert rows(store, "SELECT seq FROM audit ORDER BY id") == [(1,), (2,), (3,)]


def test_appending_nothing_writes_nothing(store: Store) -> None:
    """Not even the start of a chain."""
    write(store, 0)
    assert rows(store, "SELECT count(*) FROM audit") == [(0,)]


def test_the_trail_is_read_in_pages_in_the_order_it_was_written(trail: Store) -> None:
    """With the detail as it was given."""
    with trail.read.connect() as connection:
        first = list_entries(connection, AuditFilter(), 5)
        rest = list_entries(connection, AuditFilter(), 5, first.next)
    assert [line.id for line in (*first.items, *rest.items)] == list(range(1, 9))
    assert rest.next is None
    assert first.items[3].detail == {"place": 1}
    assert (first.items[3].actor, first.items[3].object, first.items[3].at) == ("op", "thing 1", rfc3339(NOON + 1))
