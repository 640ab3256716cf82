import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from structlog.testing import capture_logs

from app.decide.decide import Decider
from app.decide.terms import Terms
from app.dispatch.sweeps import carry_out_all
from app.domain.decision import WorkItem
from app.domain.surge import HOUR, Breaker
from app.errors import Conflict
from app.store.accepted.releases import accept_many
from app.store.database.engine import Store
from app.store.database.writer import Writer
from app.store.desk import surges
from app.store.desk.work_items import Resolve, resolve
from tests.intake.surging import BAND, Service, history, ids, outcome
from tests.store.invented import NOON, acceptance, rows, run


@pytest.fixture
def service(store: Store, writer: Writer, decider: Decider) -> Service:
    """A service whose band is ten messages an hour."""
    return Service(store, writer, decider)


def test_nothing_is_held_where_nothing_is_known(store: Store, writer: Writer, decider: Decider) -> None:
    """A first day has no band: whatever comes is sent, unless an operator set a floor."""
    service = Service(store, writer, decider, Breaker())
    service.accept(*ids(1, 150))
    assert (service.statuses(), service.surges()) == ({"queued": 300}, [])
    service.now += 9 * 24 * HOUR  # a clock that jumps makes no history
    service.accept(*ids(151, 300))
    assert (service.statuses(), service.surges()) == ({"queued": 600}, [])


def test_a_learned_band_trips(store: Store, writer: Writer, decider: Decider) -> None:
    """With four quiet weeks behind it, three times what is usual passes and no more."""
    history(store, {24 * back: 100 for back in range(1, 29)})
    service = Service(store, writer, decider, Breaker())
    service.accept(*ids(1, 150))
    assert service.statuses() == {"queued": 300}
    service.accept("R-151")
    assert service.statuses() == {"queued": 300, "held": 2}


def test_what_was_taken_back_says_nothing_of_what_is_usual(store: Store, writer: Writer, decider: Decider) -> None:
    """A month of CANCELs makes no band for notices."""
    history(store, {24 * back: 100 for back in range(1, 29)}, "withdrawal")
    service = Service(store, writer, decider, Breaker())
    service.accept(*ids(1, 151))
    assert service.statuses() == {"queued": 302}


def test_beyond_the_band_all_is_held_as_one_work_item(service: Service) -> None:
    """It names how many, the band and since when; the releases are accepted, and their answers say what holds them."""
    service.accept(*ids(1, 5))
    with capture_logs() as logs:
        answers = service.accept(*ids(6, 45))
    assert service.statuses() == {"queued": 10, "held": 80}
    (item,) = service.surges()
    assert (item.status, item.release_id, item.message_id) == ("open", None, None)
    assert item.detail.startswith("80 notices held since 2026-11-23T12:00:00.000000Z, when more than 10 came in an hour")
    assert (item.opened_at, item.due_at) == ("2026-11-23T12:00:00.000000Z", "2026-11-23T13:00:00.000000Z")
    assert {(answer.outcome, *answer.work_items) for answer in answers} == {
        (
            "notify",
            WorkItem(
                id=item.id,
                code="surge",
                audience=None,
                state=None,
                rule="",
                opened_at=item.opened_at,
                due_at=item.due_at,
                status="open",
            ),
        )
    }
    assert [(each["event"], each["band"]) for each in logs if "surge" in each["event"]] == [("surge_breaker_tripped", 10)]
    service.now += 30 * HOUR
    service.accept("R-46")
    assert service.statuses() == {"queued": 10, "held": 82}, "a quiet hour lifts nothing: a person does"
    assert len(service.surges()) == 1


def test_the_whole_of_a_release_is_held_or_none_of_it(service: Service) -> None:
    """Both notices wait when only one had room."""
    odd = Service(service.store, service.writer, service.decider, Breaker(floor=5))
    odd.accept(*ids(1, 3))
    assert rows(service.store, "SELECT release, count(*) FROM message WHERE status = 'held' GROUP BY release") == [(3, 2)]


def test_what_is_lifted_is_queued_in_order_once(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it is clicked, and in however many transactions; the history says who and why."""
    monkeypatch.setattr(surges, "AT_ONCE", 7)
    service.accept(*ids(1, 25))
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: outcome(lambda: service.release(1)), range(4)))
    assert sorted(type(each).__name__ for each in results) == ["Conflict"] * 3 + ["StoredWorkItem"]
    assert service.statuses() == {"queued": 50}
    assert rows(service.store, "SELECT count(*) FROM message WHERE ready") == [(50,)]
    queued = rows(service.store, "SELECT number FROM message_event WHERE cause = 'released by op: a true bulk' ORDER BY id")
    assert queued == [(number,) for number in range(11, 51)]
    (item,) = service.surges()
    assert (item.status, item.resolved_by, item.reason) == ("resolved", "op", "a true bulk")
    trail = rows(service.store, "SELECT action, outcome, detail_json FROM audit WHERE object = 'work item 1' ORDER BY id")
    assert [(action, result) for action, result, _ in trail] == [
        ("open_surge", "held"),
        ("release_surge", "decided"),
        ("end_surge", "released"),
    ]
    assert trail[-1][2] == '{"messages":40}'
    assert isinstance(outcome(lambda: service.drop(1)), Conflict)
    assert isinstance(outcome(lambda: service.release(1)), Conflict)
    assert service.statuses() == {"queued": 50}


def test_what_is_dropped_is_cancelled_and_stays_to_be_seen(service: Service) -> None:
    """Not a row goes; the reason stands in the history of each."""
    service.accept(*ids(1, 25))
    dropped = service.drop(1)
    assert (dropped.status, dropped.reason) == ("resolved", "a false bulk")
    assert service.statuses() == {"queued": 10, "cancelled": 40}
    assert rows(service.store, "SELECT count(*) FROM message_event WHERE cause = 'dropped by op: a false bulk'") == [(40,)]
    assert isinstance(outcome(lambda: service.release(1)), Conflict)
    assert service.statuses() == {"queued": 10, "cancelled": 40}


@pytest.mark.parametrize("decision", ["release", "drop"])
def test_after_a_decision_another_band_may_pass(service: Service, decision: str) -> None:
    """Then it trips again, as another work item; a person who released one flood has not released the next."""
    service.accept(*ids(1, 25))
    service.release(1) if decision == "release" else service.drop(1)
    service.accept(*ids(26, 30))
    assert len(service.surges()) == 1
    service.accept("R-31")
    assert [item.status for item in service.surges()] == ["resolved", "open"]
    assert rows(service.store, "SELECT number FROM message WHERE status = 'held'") == [(61,), (62,)]


def test_what_is_released_is_learned_and_what_is_dropped_is_not(service: Service) -> None:
    """In the hour in which it came."""
    service.accept(*ids(1, 25))
    service.now += HOUR
    service.release(1)
    service.accept(*ids(26, 50))
    service.drop(2)
    counted = rows(service.store, "SELECT messages FROM hour_count WHERE kind = 'notice' ORDER BY hour")
    assert counted == [(50,), (10,)]


def test_a_decision_is_carried_out_by_whoever_comes(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that ends after the decision, or in the middle, leaves nothing behind: another goes on where it stands."""
    monkeypatch.setattr(surges, "AT_ONCE", 7)
    service.accept(*ids(1, 25))
    with service.store.write.begin() as connection:
        resolve(connection, [Resolve(1, "a false bulk", "op", NOON)])
    with service.store.write.begin() as connection:
        assert surges.carry_out(connection, [surges.CarryOut(1)]) == [surges.Part(more=True)]
    assert service.statuses() == {"queued": 10, "cancelled": 7, "held": 33}
    asyncio.run(carry_out_all(service.writer, lambda: None))
    assert service.statuses() == {"queued": 10, "cancelled": 40}
    assert rows(service.store, "SELECT count(*) FROM message_event WHERE status = 'cancelled'") == [(40,)]


def test_whoever_carries_a_release_out_is_told_that_something_is_to_be_sent(service: Service) -> None:
    """With each part that put messages in their lanes, so that it can say so to those who send."""
    service.accept(*ids(1, 25))
    writer = service.writer
    writer.do_and_wait(surges.decide, surges.Decide(work_item=1, choice="release", reason="a true bulk", by="op", at=NOON))
    assert writer.do_and_wait(surges.carry_out, surges.CarryOut()) == surges.Part(more=True, queued=True)
    assert writer.do_and_wait(surges.carry_out, surges.CarryOut()) == surges.Part(more=False, queued=False)


def test_a_held_release_that_is_corrected_or_cancelled_is_not_released_as_it_was(service: Service) -> None:
    """What was held and never told is cancelled; a correction waits with the others, a cancellation leaves nothing to say."""
    service.accept(*ids(1, 8))
    corrected = service.correct("R-7", "NM")
    assert [(m.type, m.state, m.status) for m in corrected.messages] == [("NEW", "AZ", "held"), ("NEW", "NM", "held")]
    assert [item.code for item in corrected.work_items] == ["surge"]
    assert service.cancel("R-8").messages == ()
    service.release(1)
    assert service.statuses() == {"queued": 14, "cancelled": 4}
    assert rows(service.store, "SELECT number FROM message WHERE status = 'cancelled' ORDER BY number") == [
        (13,),
        (14,),
        (15,),
        (16,),
    ]


def test_what_passed_by_mistake_can_be_taken_back_at_once(service: Service) -> None:
    """CANCELs have a band of their own: as many may go as notices could slip out. A flood of them is a surge too."""
    service.accept(*ids(1, 5))
    service.now += HOUR
    service.accept(*ids(6, 10))
    with service.store.write.begin() as connection:
        connection.exec_driver_sql("UPDATE message SET status = 'sent', ready = false")
    service.accept(*ids(11, 20))
    for release_id in ids(1, 5):
        assert {(m.type, m.status) for m in service.cancel(release_id).messages} == {("CANCEL", "queued")}
    assert {(m.type, m.status) for m in service.cancel("R-6").messages} == {("CANCEL", "held")}
    notices, withdrawals = service.surges()
    assert notices.detail.startswith("20 notices held")
    assert withdrawals.detail.startswith("2 CANCELs held")
    service.drop(notices.id or 0)
    service.release(withdrawals.id or 0)
    assert service.statuses() == {"sent": 20, "queued": 12, "cancelled": 20}


def test_what_waits_for_a_person_or_is_never_sent_does_not_count(service: Service) -> None:
    """A backfill, and the same release again."""
    service.accept(*ids(1, 50), backfill=True)
    service.accept(*ids(51, 55))
    service.accept(*ids(51, 55))
    assert service.statuses() == {"suppressed": 100, "queued": 10}
    assert service.surges() == []


def test_what_is_kept_for_its_ori_does_not_count(service: Service) -> None:
    """Each has a work item of its own already, and goes out one by one."""
    book = service.decider.book
    Service(service.store, service.writer, Decider(book, Terms(allow_generic_ori=False))).accept(*ids(1, 20))
    assert (service.statuses(), service.surges()) == ({"held": 40}, [])
    service.accept(*ids(21, 25))
    assert service.statuses() == {"held": 40, "queued": 10}


def test_a_lifted_surge_sends_nothing_that_is_kept_for_its_ori(service: Service) -> None:
    """Of a release that comes in a flood, one message waits for the flood's end, the other for its own work item."""
    store = service.store
    run(store, accept_many, *[acceptance(f"EX-{n}", "held")._replace(breaker=BAND) for n in range(12)])
    assert rows(store, "SELECT count(*) FROM surge_hold JOIN message USING (number) WHERE state = 'TX'") == [(0,)]
    (surge,) = service.surges()
    service.release(surge.id or 0)
    assert rows(store, "SELECT state, status, count(*) FROM message GROUP BY state, status ORDER BY state") == [
        ("AZ", "queued", 12),
        ("TX", "held", 12),
    ]


@pytest.fixture
def second(service: Service, new_store: Callable[[], Store]) -> Iterator[Service]:
    """Another process on the same database."""
    store = new_store()
    with Writer(store) as writer:
        yield Service(store, writer, service.decider)


def test_two_processes_hold_at_the_same_message(service: Service, second: Service) -> None:
    """However they race: exactly the band passes, and there is one work item."""
    with ThreadPoolExecutor(8) as pool:
        sides = [(service, second)[number % 2] for number in range(40)]
        list(pool.map(lambda pair: pair[0].accept(f"R-{pair[1]}"), zip(sides, range(40), strict=True)))
    assert service.statuses() == {"queued": 10, "held": 70}
    assert len(service.surges()) == 1
    assert rows(service.store, "SELECT held FROM surge") == [(70,)]


def test_a_release_goes_on_among_all_else(service: Service, second: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one process releases, another corrects and cancels what is held, and accepts more: nothing is stuck, lost or sent twice."""
    monkeypatch.setattr(surges, "AT_ONCE", 4)
    service.accept(*ids(1, 40))

    def disturb(number: int) -> None:
        second.correct(f"R-{number}", "NM") if number % 2 else second.cancel(f"R-{number}")
        second.accept(f"R-{number + 100}")

    with ThreadPoolExecutor(5) as pool:
        releasing = pool.submit(lambda: service.release(1))
        list(pool.map(disturb, range(20, 40)))
        releasing.result()
    for item in service.surges():
        outcome(partial(second.release, item.id or 0))
    assert set(service.statuses()) == {"queued", "cancelled"}
    told = rows(service.store, "SELECT number FROM message_event WHERE status = 'queued' GROUP BY number HAVING count(*) > 1")
    assert told == []
    assert rows(service.store, "SELECT count(*) FROM message WHERE ready") == [(service.statuses()["queued"],)]
