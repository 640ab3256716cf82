import json

import pytest
from sqlalchemy import text

from app.domain.statuses import READY, Status, may_become
from app.domain.times import SECOND
from app.errors import Conflict, NotFound, Refused
from app.store.database.engine import Store
from app.store.desk.work_items import NewWorkItem, open_all
from app.store.ledger.messages import (
    REQUEUED_FROM,
    MessageFilter,
    MessageWithHistory,
    Requeue,
    get_message,
    list_messages,
    requeue,
)
from tests.store.invented import NOON, accept, acceptance, rows, run


def ids(store: Store, wanted: MessageFilter, limit: int = 100) -> list[str]:
    """The ids of every page."""
    found: list[str] = []
    cursor = None
    with store.read.connect() as connection:
        while True:
            page = list_messages(connection, wanted, limit, cursor)
            assert len(page.items) <= limit
            found += [message.message_id for message in page.items]
            if page.next is None:
                return found
            cursor = page.next


def put(store: Store, number: int, status: str) -> None:
    """Puts a message into a status, as the dispatcher would."""
    with store.write.begin() as connection:
        change = text("UPDATE message SET status = :status, ready = :ready, failures = 3 WHERE number = :number")
        connection.execute(change, {"status": status, "ready": status in READY, "number": number})


@pytest.fixture
def filled(store: Store) -> Store:
    """Three releases an hour apart, two messages each, the last sent by someone else."""
    for place, caller in enumerate(("sor", "sor", "other")):
        accept(store, acceptance(f"EX-{place + 1}", at=NOON + place * 3600 * SECOND, caller=caller))
    put(store, 3, "sent")
    return store


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (MessageFilter(), [1, 2, 3, 4, 5, 6]),
        (MessageFilter(status="sent"), [3]),
        (MessageFilter(state="TX"), [2, 4, 6]),
        (MessageFilter(since=NOON + 1), [3, 4, 5, 6]),
        (MessageFilter(until=NOON), [1, 2]),
        (MessageFilter(since=NOON + 3600 * SECOND, until=NOON + 3600 * SECOND), [3, 4]),
        (MessageFilter(release_id="EX-3"), [5, 6]),
        (MessageFilter(caller="sor", state="AZ"), [1, 3]),
        (MessageFilter(release_id="EX-9"), []),
    ],
)
def test_messages_are_listed_by_what_is_asked(filled: Store, wanted: MessageFilter, found: list[int]) -> None:
    """Filters are joined by and; the order is that of the numbers."""
    assert ids(filled, wanted) == [f"LN0000000{number}" for number in found]


@pytest.mark.parametrize("limit", [1, 2, 5, 6, 7])
def test_pages_join_without_a_gap_or_a_double(filled: Store, limit: int) -> None:
    """Whatever the size of a page."""
    assert ids(filled, MessageFilter(), limit) == [f"LN0000000{number}" for number in range(1, 7)]


def test_a_page_goes_on_where_it_was_while_new_messages_come(filled: Store) -> None:
    """A cursor is a place, not a count."""
    with filled.read.connect() as connection:
        page = list_messages(connection, MessageFilter(state="AZ"), 2)
    accept(filled, acceptance("EX-4"))
    with filled.read.connect() as connection:
        rest = list_messages(connection, MessageFilter(state="AZ"), 2, page.next)
    assert [message.message_id for message in (*page.items, *rest.items)] == [f"LN0000000{number}" for number in (1, 3, 5, 7)]
    assert rest.next is None


@pytest.mark.parametrize("cursor", ["", "x", "!!!", "bWVzc2FnZXM6eA", "d29yay1pdGVtczox", "é"])
def test_a_cursor_of_something_else_is_refused(filled: Store, cursor: str) -> None:
    """Made up, cut, or from another list."""
    with filled.read.connect() as connection, pytest.raises(Refused) as caught:
        list_messages(connection, MessageFilter(), 10, cursor)
    assert [fault.code for fault in caught.value.faults] == ["bad-cursor"]


def test_an_unknown_status_is_refused_with_those_there_are(filled: Store) -> None:
    """A typing mistake must not look like an empty list."""
    with filled.read.connect() as connection, pytest.raises(Refused) as caught:
        list_messages(connection, MessageFilter(status="snet"), 10)
    assert caught.value.faults[0].allowed == tuple(Status)


def test_one_message_is_read_with_its_history(filled: Store) -> None:
    """Times are RFC 3339 in UTC."""
    with filled.read.connect() as connection:
        found = get_message(connection, "LN00000002", caller="sor")
    assert (found.release_id, found.state, found.created_at) == ("EX-1", "TX", "2026-11-23T12:00:00.000000Z")
    assert found.due_at == "2026-11-23T12:30:00.000000Z"
    assert [(event.status, event.at) for event in found.history] == [("queued", "2026-11-23T12:00:00.000000Z")]


@pytest.mark.parametrize(
    ("identifier", "caller"), [("LN0000000Z", None), ("LN--------", None), ("x", None), ("LN00000001", "other")]
)
def test_a_message_that_is_not_there_or_not_ones_own_is_not_found(filled: Store, identifier: str, caller: str | None) -> None:
    """The two cannot be told apart."""
    with filled.read.connect() as connection, pytest.raises(NotFound):
        get_message(connection, identifier, caller)


@pytest.mark.parametrize("status", REQUEUED_FROM)
def test_a_message_given_up_is_queued_again_in_its_old_place(filled: Store, status: str) -> None:
    """It is ready under its old number, its tries start anew, its work items close, and the trail says who did it."""
    put(filled, 2, status)
    with filled.write.begin() as connection:
        open_all(connection, [NewWorkItem("dead-letter", NOON, 1, 2), NewWorkItem("dead-letter", NOON, 2, 4)])
    result = run(filled, requeue, Requeue("LN00000002", "the state is back", "op", NOON + 9))[0]
    assert isinstance(result, MessageWithHistory)
    assert (result.status, result.changed_at) == ("queued", "2026-11-23T12:00:00.000009Z")
    assert result.history[-1].cause == "queued again by op: the state is back"
    assert rows(filled, "SELECT ready, failures FROM message WHERE number = 2") == [(1, 0)]
    assert rows(filled, "SELECT number, status, resolved_by, reason FROM work_item ORDER BY id") == [
        (2, "resolved", "op", "the state is back"),
        (4, "open", None, None),
    ]
    trail = rows(filled, "SELECT actor, action, object, detail_json FROM audit ORDER BY id DESC LIMIT 1")
    assert trail[0][:3] == ("op", "requeue_message", "message LN00000002")
    detail = json.loads(trail[0][3])
    assert (detail["from"], detail["work_items"], list(detail["covers"])) == (status, [1], ["work_item 1"])


def test_what_is_queued_again_is_written_as_later_than_the_word_of_the_network(filled: Store) -> None:
    """The request came first and waited for its turn; its history does not run backwards for that."""
    put(filled, 2, "rejected")
    later = NOON + 10**6
    with filled.write.begin() as connection:
        connection.execute(text("UPDATE message SET changed_at = :later WHERE number = 2"), {"later": later})
    run(filled, requeue, Requeue("LN00000002", "mended", "op", NOON + 9))
    assert rows(filled, "SELECT at FROM message_event WHERE number = 2 ORDER BY id DESC LIMIT 1") == [(later,)]


def test_what_a_person_queues_again_does_not_wait_for_the_lanes_rest(filled: Store) -> None:
    """Its lane rests after failures; it is due at once, and the lanes of others rest on."""
    put(filled, 2, "dead")
    later = NOON + 10**9
    with filled.write.begin() as connection:
        connection.execute(text("UPDATE lane SET due = :later"), {"later": later})
        mine = connection.execute(text("SELECT ori FROM message WHERE number = 2")).scalar_one()
    run(filled, requeue, Requeue("LN00000002", "the state is back", "op", NOON + 9))
    found = dict(rows(filled, "SELECT ori, due FROM lane"))
    assert found.pop(mine) == 0
    assert found
    assert set(found.values()) == {later}


@pytest.mark.parametrize("status", sorted(set(Status) - set(REQUEUED_FROM)))
def test_a_message_in_any_other_status_is_not_queued_again(filled: Store, status: str) -> None:
    """It would be sent twice, or against a decision."""
    put(filled, 2, status)
    assert isinstance(run(filled, requeue, Requeue("LN00000002", "again", "op", NOON))[0], Conflict)
    assert rows(filled, "SELECT status FROM message WHERE number = 2") == [(status,)]
    assert rows(filled, "SELECT count(*) FROM message_event WHERE number = 2") == [(1,)]


def test_queueing_again_is_a_move_the_law_of_statuses_allows() -> None:
    """The list here and the law in the domain agree."""
    assert all(may_become(status, Status.QUEUED) for status in REQUEUED_FROM)


def test_a_message_is_queued_again_once_however_often_it_is_clicked(filled: Store) -> None:
    """Twice in one transaction, and a message that does not exist beside them."""
    put(filled, 2, "dead")
    click = Requeue("LN00000002", "again", "op", NOON)
    first, second, missing = run(filled, requeue, click, click, click._replace(message_id="LN0000ZZZZ"))
    assert isinstance(first, MessageWithHistory)
    assert isinstance(second, Conflict)
    assert isinstance(missing, NotFound)
