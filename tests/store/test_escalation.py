from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from app.domain.inbound import Heard
from app.domain.statuses import Status
from app.store.database.engine import Store, now_micros
from app.store.database.writer import Writer
from app.store.desk.inbound import take_in
from app.store.desk.work_items import NewWorkItem, Resolve, open_all, resolve
from app.store.trail.trail_check import verify
from app.store.upkeep.escalation import Escalate, Escalated, escalate, overdue
from tests.dispatch.outbox_rows import change
from tests.store.invented import NOON, accept, acceptance, rows, run

MINUTE = 60_000_000


def now(store: Store) -> int:
    """The database's time."""
    with store.read.connect() as connection:
        return now_micros(connection)


def due(store: Store, *times: int | None) -> None:
    """Opens work items that are due so many Micros from now; None: at no time."""
    at = now(store)
    with store.write.begin() as connection:
        open_all(connection, [NewWorkItem("no-ori", at, due_at=None if each is None else at + each) for each in times])


def escalated(store: Store) -> list[int]:
    """The work items that are marked."""
    return [row[0] for row in rows(store, "SELECT id FROM work_item WHERE escalated_at IS NOT NULL ORDER BY id")]


def test_what_is_overdue_and_open_is_marked_once(store: Store) -> None:
    """Not what is due later or never, nor what is closed; the trail says so, under its number alone."""
    due(store, -MINUTE, MINUTE, None, -2 * MINUTE, -MINUTE)
    run(store, resolve, Resolve(5, "done", "op", NOON))
    first = run(store, escalate, Escalate(1))[0]
    assert [(item.id, item.code) for item in first] == [(4, "no-ori")]
    assert [item.id for item in run(store, escalate, Escalate(9))[0]] == [1]
    assert run(store, escalate, Escalate(9)) == [()]
    assert escalated(store) == [1, 4]
    trail = rows(store, "SELECT actor, object, outcome FROM audit WHERE action = 'escalate_work_item' ORDER BY id")
    assert trail == [("escalation", "work item 4", "overdue"), ("escalation", "work item 1", "overdue")]
    with store.read.connect() as connection:
        assert verify(connection) is None


def test_several_processes_mark_each_once(store: Store, new_store: Callable[[], Store]) -> None:
    """Whoever comes first has it."""
    due(store, *[-MINUTE] * 60)
    stores = [new_store() for _ in range(4)]

    def sweep(own: Store) -> list[Escalated]:
        found: list[Escalated] = []
        with Writer(own) as writer:
            for _ in range(10):
                found += writer.do_and_wait(escalate, Escalate(7))
        return found

    with ThreadPoolExecutor(4) as pool:
        marked = [item.id for found in pool.map(sweep, stores) for item in found]
    assert sorted(marked) == escalated(store) == list(range(1, 61))
    assert rows(store, "SELECT count(*) FROM audit WHERE action = 'escalate_work_item'") == [(60,)]


def test_what_stops_a_message_is_due_when_the_message_is(store: Store) -> None:
    """As its rule says (`within`), also where the network refused it; what the network asks of people has a time of its own."""
    accept(store, acceptance("EX-1"))
    change(store, "UPDATE message SET status = 'sent', ready = :no, attempts = 1", no=False)
    word = Heard(source="t:1", kind="ER", text="text", cause="said so", numbers=((2, "control field"),), status=Status.REJECTED)
    run(
        store,
        take_in,
        word,
        Heard(source="t:2", kind="AM", text="text", cause="AM", numbers=((2, "quoted number"),), within=MINUTE),
    )
    (refused, refused_due), (asked, asked_due) = rows(store, "SELECT code, due_at FROM work_item ORDER BY id")
    assert (refused, refused_due) == ("network-rejected", NOON + 30 * MINUTE)
    assert asked == "inquiry"
    assert 0 < asked_due - now(store) <= MINUTE


def test_all_that_is_overdue_is_counted(store: Store) -> None:
    """Open work items by code; messages that are not sent by status, and none that is sent or given up."""
    due(store, -MINUTE, MINUTE, None)
    accept(store, *[acceptance(f"EX-{number}") for number in range(4)])
    for number, status in enumerate(("queued", "held", "sent", "dead", "waiting_for_state"), 1):
        change(store, "UPDATE message SET status = :s WHERE number = :n", s=status, n=number)
    change(store, "UPDATE message SET due_at = :due WHERE number <= 6", due=now(store) - 1)
    change(store, "UPDATE message SET due_at = :due WHERE number = 7", due=now(store) + MINUTE)
    change(store, "UPDATE message SET due_at = NULL WHERE number = 8")
    with store.read.connect() as connection:
        found = overdue(connection)
    assert found.work_items == {"no-ori": 1}
    assert found.messages == {"held": 1, "queued": 2, "sending": 0, "waiting_for_state": 1}
