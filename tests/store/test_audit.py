"""The audit trail: one braid, whoever writes it, and what shows when somebody changes it, or what it tells of, by SQL."""

import hashlib
from collections.abc import Callable, Sequence
from threading import Thread

import msgspec
import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError

from app.domain.times import rfc3339
from app.store.callers.keys import NewKey, Revoke, create, revoke
from app.store.database.engine import Store
from app.store.database.reading import look_unchanging
from app.store.ledger.audit import NOTHING_BEFORE, AuditEntry, AuditFilter, append, hash_of, list_entries
from app.store.outbox.tries import Presume, presume
from app.store.statements.rows import insert, lock_counters
from app.store.tables.main import AUDIT
from app.store.trail.trail_check import breaks
from app.store.trail.trail_links import Break
from tests.store.invented import NOON, accept, acceptance, rows, run


def entry(place: int) -> AuditEntry:
    """Something an invented operator did."""
    return AuditEntry(at=NOON + place, actor="op", action="try", target=f"thing {place}", outcome="ok", detail={"place": place})


def write(store: Store, *groups: int) -> None:
    """A transaction with that many entries each."""
    for size in groups:
        with store.write.begin() as connection:
            append(connection, [entry(place) for place in range(size)])


def checked(store: Store, *, content: bool = True) -> list[Break]:
    """All that does not hold."""
    return look_unchanging(store, lambda connection: breaks(connection, content=content))


def change(store: Store, *statements: str) -> None:
    """What somebody does who can write to the database."""
    with store.write.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


@pytest.fixture
def trail(store: Store, new_store: Callable[[], Store]) -> Store:
    """Seven rows by two processes: the beginning and three, and three more."""
    write(store, 1, 2)
    write(new_store(), 3)
    assert [row[0] for row in rows(store, "SELECT id FROM audit ORDER BY id")] == list(range(1, 8))
    return store


@pytest.fixture
def busy(store: Store) -> Store:
    """A store in which something was done of most kinds."""
    accept(
        store, acceptance("EX-1"), acceptance("EX-2", "held"), acceptance("EX-3", "review"), acceptance("EX-4", backfill=True)
    )
    run(
        store,
        create,
        NewKey(name="erom", role="system_of_record", by="tests", at=NOON, expires_at=None),
        NewKey(name="op", role="operator", by="tests", at=NOON, expires_at=None),
    )
    run(store, revoke, Revoke("op", "tests", NOON + 1))
    change(store, "UPDATE message SET status = 'sent', ready = false, changed_at = 1 WHERE number = 1")
    change(
        store,
        "INSERT INTO message_event (number, status, at, cause) VALUES (1, 'sending', 1, 'try 1'), (1, 'sent', 1, 'taken')",
    )
    run(store, presume, Presume(1, 10))
    assert checked(store) == []
    return store


def test_an_empty_and_a_whole_trail_verify(store: Store, trail: Store, new_store: Callable[[], Store]) -> None:
    """Of a new store, and by several processes and transactions."""
    assert checked(trail) == []
    change(trail, "DELETE FROM audit", "UPDATE audit_head SET last = NULL, hash = NULL")
    assert checked(store) == []


def test_every_row_covers_the_newest_row_of_whichever_process(trail: Store) -> None:
    """So a row missed by one process's own chain is missed by the trail."""
    found = rows(trail, "SELECT id, seq, chain, prev, hash FROM audit ORDER BY id")
    assert len({row[2] for row in found}) == 2
    assert [row[0] for row in found] == [row[1] for row in found]
    assert [row[3] for row in found] == [NOTHING_BEFORE, *[row[4] for row in found[:-1]]]


@pytest.mark.parametrize("column", ["at", "actor", "actor_key", "action", "object", "outcome", "detail_json", "chain", "seq"])
def test_any_word_changed_in_any_row_is_found(trail: Store, column: str) -> None:
    """The break names that row."""
    for row in range(1, 8):
        with trail.write.connect() as connection, connection.begin() as transaction:
            value = 99 if column in {"at", "seq", "actor_key"} else "x"
            connection.execute(update(AUDIT).where(AUDIT.c.id == row).values({column: value}))
            found = breaks(connection)
            transaction.rollback()
        assert found[0] == Break(row, "its content was changed")


@pytest.mark.parametrize(
    ("statements", "first"),
    [
        (["DELETE FROM audit WHERE id = 3"], Break(3, "it is missing")),
        (["DELETE FROM audit WHERE id IN (3, 4)"], Break(3, "it and all to row 4 are missing")),
        (["DELETE FROM audit WHERE id < 5"], Break(1, "it is missing, and so are all before row 5")),
        (["DELETE FROM audit WHERE id = 7"], Break(7, "it is missing: the end was cut off")),
        (["DELETE FROM audit WHERE id > 4"], Break(5, "it and all to row 7 are missing: the end was cut off")),
        (["DELETE FROM audit"], Break(1, "it and all to row 7 are missing: the end was cut off")),
        (["UPDATE audit SET prev = '0' WHERE id = 3"], Break(3, "its content was changed")),
        (["UPDATE audit SET form = NULL WHERE id = 3"], Break(3, "row 1 of its chain")),
        (["DELETE FROM audit_head"], Break(None, "LENS's own note of the newest row is gone")),
        (["UPDATE audit_head SET last = NULL"], Break(None, "LENS's own note of the newest row is gone")),
        (["UPDATE audit_head SET last = 5"], Break(5, "it is not the row that LENS wrote last")),
    ],
)
def test_rows_taken_out_anywhere_are_found(trail: Store, statements: Sequence[str], first: Break) -> None:
    """In the middle, at the start, at the end, or all of them."""
    change(trail, *statements)
    found = checked(trail)[0]
    assert found.row == first.row
    assert found.what.startswith(first.what)


def test_a_gap_that_is_closed_by_renumbering_is_found(trail: Store) -> None:
    """The id is part of what the hash covers."""
    change(trail, "DELETE FROM audit WHERE id = 3")
    for row in range(4, 8):
        with trail.write.begin() as connection:
            connection.execute(update(AUDIT).where(AUDIT.c.id == row).values(id=row - 1, seq=row - 1))
    assert checked(trail)[0] == Break(3, "its content was changed")


def test_what_is_written_after_a_cut_does_not_hide_it(trail: Store) -> None:
    """The service goes on writing; the gap stays."""
    change(trail, "DELETE FROM audit WHERE id > 4")
    write(trail, 2)
    assert checked(trail) == [Break(5, "it and all to row 7 are missing")]


def test_a_trail_that_is_emptied_and_begun_anew_is_found(busy: Store) -> None:
    """Releases, messages and keys remain that no row tells of."""
    change(busy, "DELETE FROM audit", "UPDATE audit_head SET last = NULL, hash = NULL")
    empty = [each.what for each in checked(busy)]
    assert "the trail is empty, though there are rows it must tell of: key 1, 2" in empty
    assert "the trail is empty, though there are rows it must tell of: release EX-1, EX-2, EX-3, EX-4" in empty
    write(busy, 1)
    begun_anew = [each.what for each in checked(busy)]
    assert "no row tells of release EX-1, EX-2, EX-3, EX-4" in begun_anew


def test_a_row_put_in_at_the_end_is_found(trail: Store) -> None:
    """Even one with a proper hash: LENS keeps a note of the row that it wrote last."""
    (prev,) = rows(trail, "SELECT hash FROM audit WHERE id = 7")[0]
    content = (8, 2, "forger", 8, NOON, "op", None, "try", "thing", "ok", "{}", prev)
    with trail.write.begin() as connection:
        insert(connection, "audit", tuple(column.name for column in AUDIT.columns), [_by_column((*content, hash_of(content)))])
    assert checked(trail) == [Break(8, "it comes after the row that LENS wrote last")]


def _by_column(values: tuple[object, ...]) -> tuple[object, ...]:
    names = (
        "id",
        "form",
        "chain",
        "seq",
        "at",
        "actor",
        "actor_key",
        "action",
        "object",
        "outcome",
        "detail_json",
        "prev",
        "hash",
    )
    given = dict(zip(names, values, strict=True))
    return tuple(given[column.name] for column in AUDIT.columns)


def test_an_end_that_is_written_anew_is_found(trail: Store) -> None:
    """A forger who knows how hashes are made, and not of the note, is told."""
    (prev,) = rows(trail, "SELECT hash FROM audit WHERE id = 6")[0]
    content = (7, 2, "forger", 7, NOON, "op", None, "try", "thing", "ok", "{}", prev)
    change(trail, "DELETE FROM audit WHERE id = 7")
    with trail.write.begin() as connection:
        insert(connection, "audit", tuple(column.name for column in AUDIT.columns), [_by_column((*content, hash_of(content)))])
    assert checked(trail) == [Break(7, "it is not the row that LENS wrote last")]


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE release SET body_json = '{}' WHERE release_id = 'EX-1'", "the release of row 1, of which it tells, was changed since"),
        ("UPDATE release SET outcome = 'do_not_notify' WHERE id = 2", "the release of row 2, of which it tells, was changed since"),
        ("UPDATE release SET answer_json = '{}' WHERE id = 1", "the release of row 1, of which it tells, was changed since"),
        ("UPDATE release SET caller = 'other' WHERE id = 1", "the release of row 1, of which it tells, was changed since"),
        ("UPDATE message SET text = 'x' WHERE number = 2", "message LN00000002, of which it tells, was changed since"),
        ("UPDATE message SET ori = 'NMSIR0000' WHERE number = 2", "message LN00000002, of which it tells, was changed since"),
        ("UPDATE message SET not_before = 9 WHERE number = 2", "message LN00000002, of which it tells, was changed since"),
        ("UPDATE message SET refers_to = 1 WHERE number = 2", "message LN00000002, of which it tells, was changed since"),
        ("UPDATE message_event SET cause = 'x' WHERE number = 1", "the history of message LN00000001, of which it tells, was changed since"),
        ("DELETE FROM message_event WHERE number = 1 AND status = 'sent'", "the history of message LN00000001, of which it tells, was changed since"),
        ("UPDATE api_key SET role = 'admin' WHERE id = 1", "key 1 was changed since it told of it"),
        ("UPDATE api_key SET digest = 'x' WHERE id = 1", "key 1 was changed since it told of it"),
        ("UPDATE api_key SET expires_at = 9 WHERE id = 1", "key 1 was changed since it told of it"),
        ("UPDATE api_key SET revoked_at = NULL WHERE id = 2", "key 2 was changed since it told of it"),
        ("DELETE FROM api_key WHERE id = 1", "key 1, of which it tells, is gone"),
        ("DELETE FROM work_item", "it tells of work item 1, which the database no longer has"),
        ("UPDATE message SET status = 'queued' WHERE number = 1", "message LN00000001 is queued, but its history ends with presumed_delivered"),
    ],
)  # fmt: skip
def test_what_the_trail_tells_of_cannot_be_changed_unseen(busy: Store, statement: str, what: str) -> None:
    """Releases, decisions, texts, histories and keys, each by SQL."""
    change(busy, statement)
    assert what in [each.what for each in checked(busy)]


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("audit", "seq"), ("audit", "hash"), ("audit", "detail_json"), ("audit", "form"), ("audit_head", "last"),
        ("release", "body_json"), ("message", "status"), ("message_event", "at"), ("api_key", "created_at"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("value", ["'{'", "1e300", "x'ff00'", "NULL"])
def test_a_value_of_another_kind_is_told_as_a_break(busy: Store, table: str, column: str, value: str) -> None:
    """SQLite keeps text, numbers and bytes in any column: none ends the check before it has told what is wrong."""
    try:
        change(busy, f"UPDATE {table} SET {column} = {value}")  # noqa: S608 - from above
    except DBAPIError:  # the database itself refuses it
        assert checked(busy) == []
    else:
        assert checked(busy)


def test_a_message_that_is_taken_away_is_found_without_reading_contents(busy: Store) -> None:
    """The row that told of it is named."""
    change(busy, "DELETE FROM message_event WHERE number = 2", "DELETE FROM message WHERE number = 2")
    assert checked(busy, content=False) == [Break(2, "it tells of message LN00000002, which the database no longer has")]


def test_rows_that_are_put_in_beside_the_trail_are_found(busy: Store) -> None:
    """A key for oneself, a release, a message, and an end of a message's history."""
    change(
        busy,
        "INSERT INTO api_key (id, name, role, digest, created_at) VALUES (9, 'mine', 'admin', 'x', 1)",
        "INSERT INTO message_event (number, status, at, cause) VALUES (3, 'presumed_delivered', 1, 'x')",
        "UPDATE message SET status = 'presumed_delivered', ready = false WHERE number = 3",
    )
    found = [each.what for each in checked(busy)]
    assert found == ["no row tells of key 9", "message LN00000003 became presumed_delivered, and no row tells of that"]


def test_several_breaks_come_in_the_order_of_their_rows(busy: Store) -> None:
    """The first wrong row first, what belongs to no row last."""
    change(
        busy,
        "UPDATE api_key SET role = 'admin' WHERE id = 1",
        "UPDATE release SET body_json = '{}' WHERE id = 1",
        "UPDATE audit SET actor = 'x' WHERE id = 1",
        "INSERT INTO api_key (id, name, role, digest, created_at) VALUES (9, 'mine', 'admin', 'x', 1)",
    )
    assert [each.row for each in checked(busy)] == [1, 2, 7, None]


def test_a_rollback_leaves_no_gap(store: Store) -> None:
    """What was rolled back never counted, in ids or in the trail."""
    write(store, 1)
    with store.write.connect() as connection:
        connection.begin()
        append(connection, [entry(1)])
        connection.rollback()
    with store.write.connect() as connection:
        connection.begin()
        append(connection, [entry(1)])
    write(store, 1)
    assert checked(store) == []
    assert rows(store, "SELECT id, object FROM audit ORDER BY id") == [(1, "audit"), (2, "thing 0"), (3, "thing 0")]


def test_processes_that_write_at_once_make_one_trail(store: Store, new_store: Callable[[], Store]) -> None:
    """Without gaps, whatever is rolled back in between."""
    others = [new_store() for _ in range(4)]

    def work(mine: Store) -> None:
        for place in range(20):
            with mine.write.connect() as connection:
                transaction = connection.begin()
                lock_counters(connection)
                append(connection, [entry(place), entry(place)])
                transaction.rollback() if place % 3 == 2 else transaction.commit()

    threads = [Thread(target=work, args=(mine,)) for mine in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert checked(store) == []
    assert rows(store, "SELECT count(*), max(id) FROM audit") == [(4 * 14 * 2 + 1, 4 * 14 * 2 + 1)]


def test_appending_nothing_writes_nothing(store: Store) -> None:
    """Not even the beginning of the trail."""
    write(store, 0)
    assert rows(store, "SELECT count(*) FROM audit") == [(0,)]


def test_the_trail_is_read_in_pages_in_the_order_it_was_written(trail: Store) -> None:
    """With the detail as it was given."""
    with trail.read.connect() as connection:
        first = list_entries(connection, AuditFilter(), 5)
        rest = list_entries(connection, AuditFilter(), 5, first.next)
    assert [line.id for line in (*first.items, *rest.items)] == list(range(1, 8))
    assert rest.next is None
    assert first.items[3].detail == {"place": 1}
    assert (first.items[3].actor, first.items[3].object, first.items[3].at) == ("op", "thing 1", rfc3339(NOON + 1))


OLD = ("id", "chain", "seq", "at", "actor", "action", "object", "outcome", "detail_json", "prev", "hash")


def write_as_before(store: Store, chain: str, ids: Sequence[int], on: str = NOTHING_BEFORE, start: str = "{}") -> str:
    """Rows as earlier versions of LENS wrote them, in the chain of one process; the hash of the last."""
    written: list[tuple[object, ...]] = []
    prev = on
    for seq, key in enumerate(ids, 1):
        action, detail = ("chain_started", start) if seq == 1 else ("try", "{}")
        content = (chain, seq, NOON, "op", action, "thing", "ok", detail, prev)
        prev = hashlib.sha256(msgspec.json.encode(content)).hexdigest()
        written.append((key, *content, prev))
    with store.write.begin() as connection:
        insert(connection, "audit", OLD, written)
    return prev


@pytest.fixture
def upgraded(store: Store) -> Store:
    """Two chains of earlier versions, with gaps in their ids, and a trail that goes on behind them."""
    last = write_as_before(store, "a", [1, 2, 5])
    write_as_before(store=store, chain="b", ids=[7, 8], on=last, start='{"after_chain":"a","after_seq":3}')
    write(store, 2)
    assert checked(store) == []
    return store


@pytest.mark.parametrize(
    ("statement", "row"),
    [
        ("UPDATE audit SET actor = 'x' WHERE id = 2", 2),
        ("DELETE FROM audit WHERE id = 2", 5),
        ("DELETE FROM audit WHERE id = 8", 9),
        ("DELETE FROM audit WHERE id > 5 AND id < 9", 9),
        ("DELETE FROM audit WHERE id < 9", 9),
        ("DELETE FROM audit WHERE id = 9", 9),
    ],
)
def test_the_trail_of_an_earlier_version_is_covered_by_what_follows(upgraded: Store, statement: str, row: int) -> None:
    """The row that begins the braid counts and covers all before it."""
    change(upgraded, statement)
    assert checked(upgraded)[0].row == row


def test_an_earlier_version_may_write_beside_this_one(upgraded: Store) -> None:
    """While hosts are upgraded one by one; what it writes is covered by the next row of this version."""
    last = rows(upgraded, "SELECT id, chain, seq, hash FROM audit WHERE id = 8")[0]
    write_as_before(store=upgraded, chain="c", ids=[12, 13], on=last[3], start='{"after_chain":"b","after_seq":2}')
    write(upgraded, 1)
    assert checked(upgraded) == []
    change(upgraded, "DELETE FROM audit WHERE id = 13")
    assert checked(upgraded)[0].row == 13
