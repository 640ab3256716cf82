import json

import pytest

from app.errors import Conflict, NotFound, Refused
from app.store.database.engine import Store
from app.store.desk.work_items import (
    Assign,
    NewWorkItem,
    Resolve,
    StoredWorkItem,
    WorkItemFilter,
    assign,
    get_work_item,
    list_work_items,
    open_all,
    resolve,
)
from tests.dispatch.outbox_rows import change
from tests.store.invented import NOON, accept, acceptance, rows, run


@pytest.fixture
def filled(store: Store) -> Store:
    """Two reviews of releases and a work item about none."""
    accept(store, acceptance("EX-1", "review"), acceptance("EX-2", "review"))
    with store.write.begin() as connection:
        assert open_all(connection, [NewWorkItem("network-out", NOON, detail="the network is out")]) == range(3, 4)
    return store


def listed(store: Store, wanted: WorkItemFilter, limit: int = 100, cursor: str | None = None) -> list[int | None]:
    """The ids of one page."""
    with store.read.connect() as connection:
        return [item.id for item in list_work_items(connection, wanted, limit, cursor).items]


def test_work_items_are_listed_by_status_code_and_page(filled: Store) -> None:
    """In order of their ids."""
    run(filled, resolve, Resolve(2, "done", "op", NOON))
    assert listed(filled, WorkItemFilter()) == [1, 2, 3]
    assert listed(filled, WorkItemFilter(status="open")) == [1, 3]
    assert listed(filled, WorkItemFilter(status="open", code="review")) == [1]
    with filled.read.connect() as connection:
        page = list_work_items(connection, WorkItemFilter(), 2)
    assert listed(filled, WorkItemFilter(), 2, page.next) == [3]


def test_work_items_are_listed_by_whom_they_concern(filled: Store) -> None:
    """By release, by state, by who has them in hand, and by whether they are overdue."""
    accept(filled, acceptance("EX-3", "held"))
    run(filled, assign, Assign(2, "night shift", "op", NOON))
    assert listed(filled, WorkItemFilter(release_id="EX-2")) == [2]
    assert listed(filled, WorkItemFilter(release_id="EX-9")) == []
    assert listed(filled, WorkItemFilter(state="TX")) == [4]
    assert listed(filled, WorkItemFilter(assigned_to="night shift")) == listed(filled, WorkItemFilter(assigned=True)) == [2]
    assert listed(filled, WorkItemFilter(assigned=False)) == [1, 3, 4]
    hour = 3_600_000_000
    assert listed(filled, WorkItemFilter(overdue=True, now=NOON + hour - 1)) == [4]
    run(filled, resolve, Resolve(1, "done", "op", NOON))
    assert listed(filled, WorkItemFilter(overdue=True, now=NOON + hour)) == [2, 4]
    assert listed(filled, WorkItemFilter(overdue=False, now=NOON + hour)) == [1, 3]


def test_a_work_item_is_assigned_and_given_back(filled: Store) -> None:
    """While it is open; the trail says to whom."""
    done, back, missing = run(
        filled, assign, Assign(1, "ann", "op", NOON), Assign(1, None, "op", NOON), Assign(9, "ann", "op", NOON)
    )
    assert isinstance(done, StoredWorkItem)
    assert isinstance(back, StoredWorkItem)
    assert (done.assigned_to, back.assigned_to) == ("ann", None)
    assert isinstance(missing, NotFound)
    run(filled, resolve, Resolve(1, "done", "op", NOON))
    assert isinstance(run(filled, assign, Assign(1, "ann", "op", NOON))[0], Conflict)
    trail = rows(filled, "SELECT actor, object, outcome, detail_json FROM audit WHERE action = 'assign_work_item' ORDER BY id")
    assert [row[:3] for row in trail] == [("op", "work item 1", "assigned"), ("op", "work item 1", "given back")]
    assert [json.loads(row[3])["to"] for row in trail] == ["ann", None]


def test_a_bad_status_is_refused(filled: Store) -> None:
    """A typing mistake must not look like nothing to do."""
    with pytest.raises(Refused):
        listed(filled, WorkItemFilter(status="opne"))


def test_a_work_item_is_read_with_its_release(filled: Store) -> None:
    """And without one where it is about none."""
    with filled.read.connect() as connection:
        review, network = get_work_item(connection, 1), get_work_item(connection, 3)
        with pytest.raises(NotFound):
            get_work_item(connection, 4)
    assert (review.release_id, review.rule, review.status, review.due_at) == (
        "EX-1",
        "TEST-2",
        "open",
        "2026-11-23T13:00:00.000000Z",
    )
    assert (network.release_id, network.message_id, network.detail) == (None, None, "the network is out")


@pytest.mark.parametrize(("code", "status"), [("dead-letter", "dead"), ("network-rejected", "rejected"), ("other", "queued")])
def test_resolving_what_holds_nothing_back_changes_no_message(filled: Store, code: str, status: str) -> None:
    """Only what is held is cancelled with the work item that holds it."""
    accept(filled, acceptance("EX-3"))
    change(filled, "UPDATE message SET status = :status WHERE number = 1", status=status)
    with filled.write.begin() as connection:
        (key,) = open_all(connection, [NewWorkItem(code, NOON, 3, 1)])
    (done,) = run(filled, resolve, Resolve(key, "told by telephone", "op", NOON))
    assert isinstance(done, StoredWorkItem)
    assert rows(filled, "SELECT status FROM message WHERE number = 1") == [(status,)]


def test_a_work_item_is_resolved_once_with_a_reason(filled: Store) -> None:
    """The second click and an unknown id are told so; the trail names who did it."""
    click = Resolve(1, "looked into it", "op", NOON + 1)
    first, second, missing = run(filled, resolve, click, click, click._replace(id=9))
    assert isinstance(first, StoredWorkItem)
    assert (first.status, first.resolved_by, first.reason) == ("resolved", "op", "looked into it")
    assert first.resolved_at == "2026-11-23T12:00:00.000001Z"
    assert isinstance(second, Conflict)
    assert isinstance(missing, NotFound)
    trail = rows(filled, "SELECT actor, action, object FROM audit WHERE action = 'resolve_work_item'")
    assert trail == [("op", "resolve_work_item", "work item 1")]
