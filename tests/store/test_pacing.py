from collections.abc import Callable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event

from app.domain.times import SECOND
from app.store.database.engine import Store
from app.store.outbox.outbox import Batch, Claim, Turn, TurnEnd, claim, turn
from app.store.outbox.pacing import Bucket, Rates
from app.store.outbox.tries import AttemptResult
from tests.dispatch.outbox_rows import AZ, NM, TX, change, lane, queue, rows
from tests.store.invented import run

LEASE, HORIZON = 10 * SECOND, 10_000 * SECOND
SLOW = 0.001
"""Messages a second: one in a quarter of an hour, so that no test is quick enough to see a second one."""


def claimed(store: Store, rates: Rates, worker: str = "w1", room: int = 10) -> tuple[Batch, ...]:
    """The lanes that a worker gets."""
    return run(store, claim, Claim(worker=worker, room=room, window=16, lease=LEASE, horizon=HORIZON, in_hand=(), rates=rates))[
        0
    ].batches


def sent(store: Store, batch: Batch, rates: Rates, worker: str = "w1") -> TurnEnd:
    """What comes after a batch of which all was taken."""
    verdicts = tuple(AttemptResult(message.number, "sent", "acknowledged") for message in batch.messages)
    return run(
        store,
        turn,
        Turn(
            worker=worker, ori=batch.ori, token=batch.token, lease=LEASE, window=16, verdicts=verdicts, delay=None, rates=rates
        ),
    )[0]


def later(store: Store) -> None:
    """As if a long time had gone by."""
    change(store, "UPDATE pace SET at = 0")
    change(store, "UPDATE lane SET due = 0")


@given(
    rate=st.sampled_from([0.5, 1.0, 3.0, 10.0, 50.0, 1000.0]),
    steps=st.lists(st.tuples(st.integers(0, 3 * SECOND), st.integers(1, 200)), min_size=1, max_size=40),
)
def test_no_stretch_of_time_has_more_than_its_share(rate: float, steps: list[tuple[int, int]]) -> None:
    """Between any two moments at most a full bucket goes and what the rate gives for that time, whenever it is asked for."""
    bucket, now = Bucket(rate, 0), 10**15
    gone: list[tuple[int, int]] = []
    for wait, wanted in steps:
        now += wait
        count = min(wanted, bucket.room(now))
        bucket = bucket.less(now, count)
        gone.append((now, count))
    for first in range(len(gone)):
        total = 0
        for when, count in gone[first:]:
            total += count
            assert total <= bucket.size + (when - gone[first][0]) * rate / SECOND + 1e-6


@given(rate=st.floats(0.01, 1000.0), ahead=st.integers(0, 10**12), now=st.integers(0, 10**15))
def test_after_the_wait_there_is_room_and_not_before(rate: float, ahead: int, now: int) -> None:
    """A bucket with room has no wait; one without has room at the end of its wait, and none a moment earlier."""
    bucket = Bucket(rate, now + ahead)
    wait = bucket.wait(now)
    assert (wait == 0) == (bucket.room(now) >= 1)
    at_end = bucket._replace(at=min(bucket.at, now + bucket.size * bucket.step))
    assert at_end.room(now + wait) >= 1
    assert wait == 0 or at_end.room(now + wait - 1) == 0


def test_a_lane_keeps_to_its_rate_and_others_do_not_wait(store: Store) -> None:
    """One message, then it rests; a new owner finds the bucket as empty as the old one left it."""
    first, second = queue(store, [AZ, AZ])
    rates = Rates(lane=SLOW)
    (batch,) = claimed(store, rates)
    assert [message.number for message in batch.messages] == [first]
    assert sent(store, batch, rates) == "given back"
    assert int(str(lane(store, AZ)["due"])) > int(str(lane(store, AZ)["until"]))
    queue(store, [TX])
    assert [each.ori for each in claimed(store, rates, "w2")] == [TX]
    change(store, "UPDATE lane SET due = 0 WHERE ori = :ori", ori=AZ)
    assert claimed(store, rates, "w2") == ()
    later(store)
    (again,) = claimed(store, rates, "w2")
    assert [message.number for message in again.messages] == [second]


def test_all_together_keep_to_the_rate(store: Store) -> None:
    """Two lanes and two dispatchers share one bucket; what is set aside for a lane that has less is not lost."""
    queue(store, [AZ, TX, NM])
    rates = Rates(overall=2.0)
    first = claimed(store, rates, room=1)
    assert [len(batch.messages) for batch in first] == [1]
    second = claimed(store, rates, "w2")
    assert sum(len(batch.messages) for batch in second) == 1
    change(store, "UPDATE pace SET at = at + :long", long=3600 * SECOND)
    assert claimed(store, rates, "w3") == ()
    assert isinstance(sent(store, first[0], rates), str)
    later(store)
    assert len(claimed(store, rates, "w3")) == 1


def test_a_dispatcher_is_told_when_to_look_again(store: Store) -> None:
    """By the lane that rests, or by the bucket of all."""
    queue(store, [AZ, AZ])
    for rates in (Rates(lane=SLOW), Rates(overall=SLOW)):
        later(store)
        change(store, "UPDATE lane SET owner = NULL, until = 0")
        (batch,) = claimed(store, rates)
        change(store, "UPDATE message SET status = 'queued', ready = true")
        run(
            store,
            turn,
            Turn(worker="w1", ori=AZ, token=batch.token, lease=LEASE, window=16, verdicts=(), delay=None, rates=rates),
        )
        found = run(
            store, claim, Claim(worker="w2", room=10, window=16, lease=LEASE, horizon=HORIZON, in_hand=(), rates=rates)
        )[0]
        assert found.batches == ()
        assert found.wait is not None
        assert 0 < found.wait <= 1000 * SECOND


def test_a_clock_set_back_does_not_stop_everything(store: Store) -> None:
    """A bucket that is ahead by a year is as empty as can be, and no more."""
    now = 10**15
    assert Bucket(1.0, now + 365 * 86400 * SECOND).wait(now) == SECOND


def test_without_rates_nothing_is_asked_of_the_table(new_store: Callable[[], Store]) -> None:
    """And nothing stands in it."""
    store = new_store()
    queue(store, [AZ])
    statements: list[str] = []
    event.listen(store.write, "before_cursor_execute", lambda _, __, statement, *___: statements.append(statement))
    (batch,) = claimed(store, Rates())
    sent(store, batch, Rates())
    assert [statement for statement in statements if "pace" in statement] == []
    assert rows(store, "SELECT * FROM pace") == []


def test_lanes_take_turns_when_all_together_are_slow(store: Store) -> None:
    """A long queue of one state does not keep another's from going."""
    queue(store, [AZ] * 4 + [TX] * 4)
    rates = Rates(overall=SLOW)
    order = []
    for _ in range(6):
        later(store)
        (batch,) = claimed(store, rates)
        order.append(batch.ori)
        assert sent(store, batch, rates) == "given back"
    assert all(one != other for one, other in pairwise(order))
