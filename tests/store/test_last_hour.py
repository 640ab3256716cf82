from app.domain.times import SECOND
from app.store.database.engine import Store
from app.store.database.reading import look
from app.store.outbox.outbox import Claim, Turn, claim, turn
from app.store.outbox.tries import AttemptResult
from app.store.reads.last_hour import DispatcherActivity, last_hour
from tests.dispatch.outbox_rows import AZ, TX, change, queue
from tests.store.invented import run

MINUTE = 60 * SECOND


def send(store: Store, worker: str) -> None:
    """A dispatcher takes what is due, sends it, and takes no more."""
    claimed = run(store, claim, Claim(worker=worker, room=10, window=16, lease=MINUTE, horizon=10 * MINUTE))[0]
    for batch in claimed.batches:
        verdicts = tuple(AttemptResult(message.number, "sent", "acknowledged") for message in batch.messages)
        run(store, turn, Turn(worker=worker, ori=batch.ori, token=batch.token, lease=MINUTE, window=0, verdicts=verdicts))


def test_nothing_in_a_new_store(store: Store) -> None:
    """Every figure is there, and 0."""
    assert look(store, last_hour) == ({}, 0, 0, 0, 0, 0, ())


def test_the_hour_is_counted_with_who_sent_how_soon(store: Store) -> None:
    """A message counts by its acceptance: what is older does not, nor does a second sending of one."""
    queue(store, [AZ])
    change(store, "UPDATE message SET created_at = created_at - :m", m=61 * MINUTE)
    slow, late = queue(store, [AZ, TX])
    change(store, "UPDATE message SET created_at = created_at - :m WHERE number = :n", m=MINUTE, n=slow)
    change(store, "UPDATE message SET due_at = created_at - 1 WHERE number = :n", n=late)
    change(store, "UPDATE message SET due_at = created_at + :m WHERE number = :n", m=60 * MINUTE, n=slow)
    send(store, "w1")
    change(store, "UPDATE message SET status = 'queued', ready = true WHERE number = :n", n=late)
    send(store, "w1")
    queue(store, [AZ])
    found = look(store, last_hour)
    assert (found.releases, found.messages, found.sent) == ({"notify": 3}, 3, 2)
    assert (found.soon, found.in_time, found.overdue) == (1, 1, 1)


def test_dispatchers_are_seen_by_what_they_hold_and_sent(store: Store) -> None:
    """One that does neither leaves no trace in the store."""
    queue(store, [AZ, TX])
    send(store, "w1")
    queue(store, [AZ])
    run(store, claim, Claim(worker="w2", room=10, window=16, lease=MINUTE, horizon=10 * MINUTE))
    one, two = look(store, last_hour).dispatchers
    assert (one.name, one.lanes, one.sent) == ("w1", 0, 2)
    assert one.since is not None
    assert two == DispatcherActivity("w2", 1, 0, None)
