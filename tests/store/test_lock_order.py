"""On PostgreSQL everything locks rows in one order, the counters first: or processes would wait for each other, and one be sent back."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from app.domain.inbound import Heard
from app.domain.statuses import Status
from app.errors import LensError
from app.intake.follow_up import follow_up
from app.intake.lift import lift
from app.store.accepted.lifting import reject
from app.store.accepted.releases import accept_many
from app.store.callers.feeds import heartbeats, watch_feeds
from app.store.database.engine import Store
from app.store.database.writer import Writer
from app.store.desk.inbound import take_in
from app.store.desk.surges import decide
from app.store.desk.work_items import resolve
from app.store.outbox.outbox import Claim, Renewal, Turn, claim, renew, turn
from app.store.outbox.tries import AttemptResult
from app.store.statements.rows import lock_counters, lock_counters_for
from tests.dispatch.outbox_rows import AZ, NM, TX, queue
from tests.kinds import only_postgresql
from tests.store.invented import acceptance, run
from tests.store.test_writer import behind_a_gate

COUNTERS = "SELECT name FROM counter ORDER BY name FOR UPDATE"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
LEASE, HORIZON = 10_000_000, 400_000_000
OTHER = Claim(worker="w1", room=10, window=16, lease=LEASE, horizon=HORIZON, in_hand=(AZ, TX))
Apply = Callable[[Connection, Sequence[Any]], Sequence[Any]]


@contextmanager
def statements(store: Store) -> Iterator[list[str]]:
    """What is asked of the database in the meantime, on write connections."""
    seen: list[str] = []

    def see(_: object, __: object, statement: str, *___: object) -> None:
        seen.append(statement)

    event.listen(store.write, "before_cursor_execute", see)
    yield seen
    event.remove(store.write, "before_cursor_execute", see)


@only_postgresql
@pytest.mark.parametrize(
    "apply",
    [accept_many, follow_up, lift, reject, resolve, decide, take_in, heartbeats, watch_feeds],
    ids=lambda each: each.__name__,
)
def test_whatever_gives_out_numbers_locks_the_counters_before_any_row(store: Store, apply: Apply) -> None:
    """Whoever accepts has them and goes on to the lanes; one that came the other way round would be waited for, and wait."""
    with statements(store) as seen:
        run(store, apply)
    assert seen[0] == COUNTERS
    with statements(store) as seen, store.write.begin() as connection:
        lock_counters_for(connection, [claim, apply])
    assert seen == [COUNTERS], "another kind of write before it, in one transaction"


@only_postgresql
def test_a_transaction_of_several_kinds_locks_the_counters_at_its_start(store: Store) -> None:
    """What takes rows without them may come first in it."""

    async def scenario(writer: Writer) -> None:
        taking = Claim(worker="w1", room=10, window=16, lease=LEASE, horizon=HORIZON)
        await behind_a_gate(writer, lambda: [writer.do(claim, taking), writer.do(accept_many, acceptance("EX-1"))])

    with Writer(store) as writer, statements(store) as seen:
        asyncio.run(scenario(writer))
    assert writer.groups == 2, "the gate's, and one for both"
    assert seen[0] == COUNTERS


@only_postgresql
def test_sending_does_not_wait_for_who_gives_out_numbers(store: Store) -> None:
    """A turn settles, and takes the next messages, while an acceptance elsewhere has not committed; nor does a sweep wait."""
    queue(store, [AZ, AZ])
    (batch,) = run(store, claim, Claim(worker="w1", room=10, window=1, lease=LEASE, horizon=HORIZON))[0].batches
    with store.write.begin() as elsewhere, store.write.begin() as here:
        lock_counters(elsewhere)
        here.execute(text("SET LOCAL lock_timeout = '3s'"))
        verdict = AttemptResult(batch.messages[0].number, "sent", "acknowledged")
        (after,) = turn(here, [Turn(worker="w1", ori=AZ, token=batch.token, lease=LEASE, window=1, verdicts=(verdict,))])
        assert not isinstance(after, str)
        assert [message.attempt for message in after.messages] == [1]
        assert renew(here, [Renewal(AZ, batch.token, LEASE)]) == [True]


@only_postgresql
def test_a_dead_letter_locks_the_counters_before_its_lane(store: Store) -> None:
    """It opens a work item, which has a number."""
    (number,) = queue(store, [AZ])
    (batch,) = run(store, claim, Claim(worker="w1", room=10, window=1, lease=LEASE, horizon=HORIZON))[0].batches
    with statements(store) as seen:
        run(
            store,
            turn,
            Turn(
                worker="w1",
                ori=AZ,
                token=batch.token,
                lease=LEASE,
                window=1,
                verdicts=(AttemptResult(number, "dead", "refused", failed=True),),
            ),
        )
    assert seen[0] == COUNTERS


@only_postgresql
def test_a_second_kind_of_write_waits_for_its_lanes_in_a_transaction_of_its_own(store: Store) -> None:
    """A turn and a renewal that come together: one waits for a lane that somebody has, and keeps no other from them meanwhile."""
    queue(store, [AZ, TX])
    batches = {
        batch.ori: batch
        for batch in run(store, claim, Claim(worker="w1", room=10, window=1, lease=LEASE, horizon=HORIZON))[0].batches
    }

    async def scenario(writer: Writer) -> list[Any]:
        done = Turn(worker="w1", ori=TX, token=batches[TX].token, lease=LEASE, window=0)
        keep = Renewal(AZ, batches[AZ].token, LEASE)
        return await behind_a_gate(writer, lambda: [writer.do(turn, done), writer.do(claim, OTHER), writer.do(renew, keep)])

    with store.write.begin() as elsewhere, Writer(store) as writer:
        elsewhere.execute(text("SELECT ori FROM lane WHERE ori = :ori FOR UPDATE"), {"ori": AZ})
        results: list[Any] = []
        ended = Thread(target=lambda: results.extend(asyncio.run(scenario(writer))))
        ended.start()
        until_one_waits(store)
        elsewhere.execute(text("SELECT ori FROM lane WHERE ori = :ori FOR UPDATE NOWAIT"), {"ori": TX})
        elsewhere.commit()
        ended.join()
    assert [results[0], results[2]] == ["given back", True]


def until_one_waits(store: Store) -> None:
    """Returns once a transaction waits for a row that another has."""
    with store.read.connect() as looking:
        while not looking.scalar(text(WAITING)):
            looking.rollback()


@only_postgresql
def test_words_about_several_lanes_lock_them_in_their_order(store: Store) -> None:
    """However the network says them."""
    numbers = dict(zip((AZ, NM, TX), queue(store, [AZ, NM, TX]), strict=True))
    heard = [
        Heard(
            source=f"test:{ori}",
            kind="SM",
            text="text",
            cause="said so",
            numbers=((numbers[ori], "control field"),),
            status=Status.REJECTED,
        )
        for ori in (TX, AZ)
    ]
    with statements(store) as seen:
        run(store, take_in, *heard)
    assert (
        next(each for each in seen if "FROM lane" in each)
        == "SELECT ori FROM lane WHERE ori IN (%s, %s) ORDER BY ori FOR UPDATE"
    )


@only_postgresql
def test_lanes_of_a_host_that_is_gone_in_a_transaction_can_be_taken(store: Store) -> None:
    """The server ends what stands still, well within a lease, and whoever waits for the rows it had locked goes on."""
    queue(store, [AZ])
    lock = text("SELECT ori FROM lane FOR UPDATE")
    with store.write.connect() as gone:
        gone.execute(lock)
        with store.write.begin() as here:
            here.execute(text("SET LOCAL lock_timeout = '4s'"))
            assert list(here.scalars(lock)) == [AZ]
        (claimed,) = run(store, claim, Claim(worker="w2", room=10, window=16, lease=LEASE, horizon=HORIZON))
        assert [batch.ori for batch in claimed.batches] == [AZ]
        gone.invalidate()


@only_postgresql
def test_who_accepts_does_not_wait_for_a_lane(store: Store) -> None:
    """A dispatcher that has changed it and not committed, on a host that is gone perhaps, holds nobody up."""
    queue(store, [AZ, TX])
    with store.write.begin() as elsewhere, store.write.begin() as here:
        elsewhere.execute(text("UPDATE lane SET until = until + 1"))
        here.execute(text("SET LOCAL lock_timeout = '3s'"))
        (accepted,) = accept_many(here, [acceptance("EX-LANES")])
    assert not isinstance(accepted, LensError)


def test_leases_are_renewed_in_the_order_of_their_lanes_and_answered_in_that_of_asking(store: Store) -> None:
    """Whoever locks several lanes does so by ORI."""
    queue(store, [AZ, NM, TX])
    batches = run(store, claim, Claim(worker="w1", room=10, window=1, lease=LEASE, horizon=HORIZON))[0].batches
    tokens = {batch.ori: batch.token for batch in batches}
    asked = [Renewal(TX, tokens[TX], LEASE), Renewal(AZ, tokens[AZ] - 1, LEASE), Renewal(NM, tokens[NM], LEASE)]
    order: list[Any] = []

    def see(_: object, __: object, statement: str, values: Any, *___: object) -> None:  # noqa: ANN401 - the driver's own
        if statement.startswith("UPDATE"):
            order.append([each for each in (AZ, NM, TX) if each in (values.values() if isinstance(values, dict) else values)])

    event.listen(store.write, "before_cursor_execute", see)
    assert run(store, renew, *asked) == [True, False, True]
    assert order == [[AZ], [NM], [TX]]
