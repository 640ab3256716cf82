from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import Connection, event

from app.store.database.engine import Store
from app.store.desk.pauses import EVERYTHING, Pause, Resume, pause, resume, standing
from app.store.outbox.outbox import Batch, Claim, Claimed, Renewal, Turn, TurnEnd, claim, renew, turn
from app.store.outbox.tries import AttemptResult, Postpone, Presume, postpone, presume
from tests.dispatch.outbox_rows import (
    AZ,
    NM,
    TX,
    change,
    flagged,
    history,
    lane,
    queue,
    rows,
    statuses,
    work_items,
)
from tests.kinds import only_sqlite

T = TypeVar("T")
R = TypeVar("R")

LEASE = 10_000_000
HORIZON = 400_000_000


def run(store: Store, apply: Callable[[Connection, Sequence[T]], Sequence[R]], item: T) -> R:
    """Carries out one item in a transaction of its own."""
    with store.write.begin() as connection:
        return apply(connection, [item])[0]


def claimed(store: Store, worker: str = "w1", room: int = 10, window: int = 16, in_hand: tuple[str, ...] = ()) -> Claimed:
    """What a worker gets."""
    return run(store, claim, Claim(worker=worker, room=room, window=window, lease=LEASE, horizon=HORIZON, in_hand=in_hand))


def only(found: Claimed | TurnEnd) -> Batch:
    """The one batch there is."""
    batch = found.batches[0] if isinstance(found, Claimed) else found
    assert isinstance(batch, Batch)
    return batch


def numbers(batch: Batch) -> list[int]:
    """The message numbers of a batch."""
    return [message.number for message in batch.messages]


def settled(
    store: Store,
    batch: Batch,
    verdicts: Sequence[AttemptResult],
    delay: int | None = None,
    window: int = 16,
    worker: str = "w1",
) -> TurnEnd:
    """What comes of a turn."""
    return run(
        store,
        turn,
        Turn(
            worker=worker, ori=batch.ori, token=batch.token, lease=LEASE, window=window, verdicts=tuple(verdicts), delay=delay
        ),
    )


def sent(batch: Batch) -> list[AttemptResult]:
    """The verdicts when the network took everything."""
    return [AttemptResult(number, "sent", "acknowledged") for number in numbers(batch)]


def test_a_claim_takes_the_first_messages_of_every_lane_in_order(store: Store) -> None:
    """Each lane that has something to send is claimed, with its lowest numbers first and at most a window of them."""
    queued = queue(store, [AZ, TX, AZ, AZ])
    found = claimed(store, window=2)
    assert [(batch.ori, numbers(batch)) for batch in found.batches] == [(AZ, [queued[0], queued[2]]), (TX, [queued[1]])]
    assert statuses(store) == {queued[0]: "sending", queued[1]: "sending", queued[2]: "sending", queued[3]: "queued"}
    assert history(store, queued[0]) == ["queued", "sending"]


def test_nobody_else_gets_a_lane_before_its_lease_ends(store: Store) -> None:
    """A second worker finds nothing while the first holds the lane, and waits for nothing else."""
    queue(store, [AZ])
    claimed(store)
    assert claimed(store, worker="w2") == Claimed((), None, None)


def test_a_claim_takes_no_more_lanes_than_there_is_room_for(store: Store) -> None:
    """One worker cannot take all lanes, and gets those served longest ago."""
    queue(store, [AZ, TX, NM, AZ])
    first = only(claimed(store, room=1, window=1))
    assert first.ori == AZ
    assert settled(store, first, sent(first), window=0) == "given back"
    assert [batch.ori for batch in claimed(store, room=2).batches] == [NM, TX]


def test_messages_left_under_way_are_sent_again_and_flagged(store: Store) -> None:
    """After a crash the next owner sends the same messages first, flagged as possible duplicates for ever."""
    queued = queue(store, [AZ, AZ])
    claimed(store, window=1)
    change(store, "UPDATE lane SET until = 0")
    again = only(claimed(store, worker="w2"))
    assert [(message.number, message.attempt, message.maybe_duplicate) for message in again.messages] == [
        (queued[0], 2, True),
        (queued[1], 1, False),
    ]
    assert flagged(store) == {queued[0]}


def test_a_turn_settles_and_takes_the_next(store: Store) -> None:
    """What the network took is sent, and the lane goes on with the next window in the same transaction."""
    queued = queue(store, [AZ, AZ, AZ])
    first = only(claimed(store, window=2))
    second = only(settled(store, first, sent(first), window=2))
    assert numbers(second) == queued[2:]
    assert settled(store, second, sent(second)) == "given back"
    assert set(statuses(store).values()) == {"sent"}
    assert lane(store, AZ)["owner"] is None
    assert history(store, queued[2]) == ["queued", "sending", "sent"]


def test_a_stale_owner_can_settle_nothing(store: Store) -> None:
    """A worker whose lane was taken over is fenced: its verdicts change no status, and it gets no messages."""
    queued = queue(store, [AZ, AZ])
    stale = only(claimed(store, window=1))
    change(store, "UPDATE lane SET until = 0")
    fresh = only(claimed(store, worker="w2", window=1))
    assert settled(store, stale, sent(stale)) == "fenced"
    assert statuses(store)[queued[0]] == "sending"
    assert not run(store, renew, Renewal(AZ, stale.token, LEASE))
    assert run(store, renew, Renewal(AZ, fresh.token, LEASE))
    assert numbers(only(settled(store, fresh, sent(fresh), worker="w2"))) == [queued[1]]


def test_turns_of_many_lanes_in_one_transaction_do_not_mix(store: Store) -> None:
    """Of two lanes settled together the stale one is fenced and the other is settled."""
    queued = queue(store, [AZ, TX])
    stale, good = claimed(store).batches
    change(store, "UPDATE lane SET token = token + 1 WHERE ori = :ori", ori=AZ)
    with store.write.begin() as connection:
        ends = turn(
            connection,
            [
                Turn(worker="w1", ori=batch.ori, token=batch.token, lease=LEASE, window=16, verdicts=tuple(sent(batch)))
                for batch in (stale, good)
            ],
        )
    assert ends == ["fenced", "given back"]
    assert statuses(store) == {queued[0]: "sending", queued[1]: "sent"}


def test_a_failed_message_goes_first_and_alone_when_the_lane_is_due_again(store: Store) -> None:
    """After a failure the lane rests, then sends one message at a time until one is taken, then whole windows again."""
    queued = queue(store, [AZ, AZ, AZ, AZ])
    first = only(claimed(store, window=2))
    verdicts = [
        AttemptResult(queued[0], "queued", "refused for now", failed=True),
        AttemptResult(queued[1], "sent", "acknowledged"),
    ]
    assert settled(store, first, verdicts, delay=50_000_000) == "given back"
    resting = claimed(store)
    assert resting.batches == ()
    assert resting.wait is not None
    assert 40_000_000 < resting.wait <= 50_000_000
    change(store, "UPDATE lane SET due = 0")
    alone = only(claimed(store))
    assert numbers(alone) == [queued[0]]
    assert (alone.fails, alone.messages[0].failures, alone.messages[0].maybe_duplicate) == (1, 1, False)
    assert numbers(only(settled(store, alone, sent(alone)))) == queued[2:]


def test_a_history_never_goes_back_in_time(store: Store) -> None:
    """A message accepted by a host whose clock is ahead: its tries are written as no earlier, and in order."""
    number = queue(store, [AZ])[0]
    change(store, "UPDATE message SET created_at = created_at + 3000000, changed_at = changed_at + 3000000")
    change(store, "UPDATE message_event SET at = at + 3000000")
    settled(store, only(claimed(store)), [AttemptResult(number, "queued", "refused for now", failed=True)], delay=0)
    settled(store, only(claimed(store)), [AttemptResult(number, "sent", "taken")])
    times = [at for (at,) in rows(store, "SELECT at FROM message_event ORDER BY id")]
    assert times == [times[0]] * 5
    assert history(store, number) == ["queued", "sending", "queued", "sending", "sent"]


def test_a_lost_answer_flags_the_message(store: Store) -> None:
    """A try whose outcome is unknown is queued again, and flagged when it is sent again."""
    queued = queue(store, [AZ])
    first = only(claimed(store))
    settled(store, first, [AttemptResult(queued[0], "queued", "no ACK", failed=True, unknown=True)], delay=0)
    assert only(claimed(store)).messages[0].maybe_duplicate


def test_a_dead_message_is_a_work_item_and_its_lane_goes_on(store: Store) -> None:
    """When tries are used up a person gets it, tied to its release, and the next message of the lane goes out."""
    queued = queue(store, [AZ, AZ])
    first = only(claimed(store, window=1))
    settled(store, first, [AttemptResult(queued[0], "dead", "refused for now", failed=True)], delay=0)
    assert statuses(store)[queued[0]] == "dead"
    assert work_items(store) == [("dead-letter", queued[0], 1)]
    assert numbers(only(claimed(store))) == [queued[1]]


def test_a_message_never_shares_a_window_with_the_one_it_refers_to(store: Store) -> None:
    """A correction goes out only after the network is known to have taken the notice it corrects."""
    notice = queue(store, [AZ])
    correction = queue(store, [AZ], refers_to=notice[0])
    first = only(claimed(store))
    assert numbers(first) == notice
    assert numbers(only(settled(store, first, sent(first)))) == correction


def test_word_from_the_network_before_the_ack_stands(store: Store) -> None:
    """A message rejected while under way stays rejected when its ACK comes."""
    queued = queue(store, [AZ])
    batch = only(claimed(store))
    change(store, "UPDATE message SET status = 'rejected', ready = false")
    assert settled(store, batch, sent(batch)) == "given back"
    assert statuses(store) == {queued[0]: "rejected"}


def test_a_turn_repeated_after_a_lost_commit_writes_nothing_twice(store: Store) -> None:
    """A turn whose commit was not heard of may be made again: a given message gets each status once."""
    queued = queue(store, [AZ, AZ])
    batch = only(claimed(store, window=1))
    settled(store, batch, sent(batch), window=1)
    again = only(settled(store, batch, sent(batch), window=1))
    assert numbers(again) == [queued[1]]
    assert history(store, queued[0]) == ["queued", "sending", "sent"]


def test_nothing_is_taken_while_everything_is_paused(store: Store) -> None:
    """A pause of everything holds claims and turns, is told with its reason, and is lifted only by who set it."""
    queued = queue(store, [AZ, AZ])
    batch = only(claimed(store, window=1))
    run(store, pause, Pause(EVERYTHING, "network", "out of service"))
    assert settled(store, batch, sent(batch)) == "given back"
    assert claimed(store) == Claimed((), None, "out of service")
    assert not run(store, resume, Resume(EVERYTHING, "operator"))
    assert run(store, resume, Resume(EVERYTHING, "network"))
    assert numbers(only(claimed(store))) == [queued[1]]


def test_a_paused_lane_holds_only_itself(store: Store) -> None:
    """A pause of one ORI leaves the others alone, and setting it again keeps its start."""
    queue(store, [AZ, TX])
    run(store, pause, Pause(AZ, "operator", "asked for by the state"))
    since = rows(store, "SELECT since FROM pause")
    run(store, pause, Pause(AZ, "operator", "asked for again"))
    assert rows(store, "SELECT since FROM pause") == since
    assert [batch.ori for batch in claimed(store).batches] == [TX]
    with store.read.connect() as connection:
        assert standing(connection) == {AZ: "asked for again"}


def test_a_clock_set_back_strands_no_lane(store: Store) -> None:
    """Times further off than any wait there is were written by a clock that was ahead, and count as past."""
    queue(store, [AZ])
    change(store, "UPDATE lane SET due = :far, until = :far, owner = 'gone'", far=2**55)
    assert only(claimed(store)).ori == AZ
    assert int(str(lane(store, AZ)["due"])) < 2**55


def test_a_worker_never_claims_what_it_has_in_hand(store: Store) -> None:
    """A worker that was late to renew does not take its own lane a second time."""
    queue(store, [AZ])
    claimed(store)
    change(store, "UPDATE lane SET until = 0")
    assert claimed(store, in_hand=(AZ,)).batches == ()


def test_only_old_sent_messages_are_presumed_delivered(store: Store) -> None:
    """Presumption takes what was sent long enough ago, a batch at a time, and says that it is one."""
    queued = queue(store, [AZ, AZ, AZ, AZ])
    batch = only(claimed(store, window=3))
    settled(store, batch, sent(batch), window=0)
    change(store, "UPDATE message SET changed_at = changed_at - 60000000 WHERE number < :n", n=queued[2])
    assert run(store, presume, Presume(30_000_000, 1)) == 1
    assert run(store, presume, Presume(30_000_000, 10)) == 1
    assert list(statuses(store).values()) == ["presumed_delivered", "presumed_delivered", "sent", "queued"]
    cause = rows(store, "SELECT cause FROM message_event WHERE status = 'presumed_delivered'")[0][0]
    assert "presumption" in str(cause)


def test_what_has_not_left_us_is_not_presumed_delivered(store: Store) -> None:
    """While a message lies in the spool its time begins anew, at the cost of one write in half of it."""
    queue(store, [AZ, AZ])
    batch = only(claimed(store))
    settled(store, batch, sent(batch), window=0)
    lying = (1,)
    assert run(store, postpone, Postpone(lying, 30_000_000)) == 0, "it has only just been written"
    change(store, "UPDATE message SET changed_at = changed_at - 60000000")
    assert run(store, presume, Presume(30_000_000, 10, frozenset(lying))) == 1
    assert list(statuses(store).values()) == ["sent", "presumed_delivered"]
    assert [run(store, postpone, Postpone((1, 2), 30_000_000)) for _ in range(2)] == [1, 0]
    assert run(store, presume, Presume(30_000_000, 10)) == 0, "it left just now"
    change(store, "UPDATE message SET changed_at = changed_at + 60000000")
    assert run(store, postpone, Postpone(lying, 30_000_000)) == 1, "a clock was set back"
    change(store, "UPDATE message SET changed_at = changed_at - 60000000")
    assert run(store, presume, Presume(30_000_000, 10)) == 1


def test_a_clock_set_back_strands_no_presumption(store: Store) -> None:
    """Sent at a time further ahead than the window: the clock has been set back since, and says so. Just ahead: it waits."""
    queued = queue(store, [AZ, AZ])
    batch = only(claimed(store))
    settled(store, batch, sent(batch), window=0)
    change(store, "UPDATE message SET changed_at = changed_at + 20000000 WHERE number = :n", n=queued[0])
    change(store, "UPDATE message SET changed_at = changed_at + 60000000 WHERE number = :n", n=queued[1])
    assert run(store, presume, Presume(30_000_000, 10)) == 1
    assert list(statuses(store).values()) == ["sent", "presumed_delivered"]
    statement = "SELECT cause, at >= changed_at FROM message JOIN message_event USING (number, status) ORDER BY number DESC"
    cause, no_earlier = rows(store, statement)[0]
    assert ("set back" in str(cause), bool(no_earlier)) == (True, True)


@only_sqlite
def test_the_partial_indexes_are_used(store: Store) -> None:
    """SQLite finds ready and sent messages by their indexes, however many others there are."""
    seen: list[str] = []
    event.listen(store.write, "before_cursor_execute", lambda *given: seen.append(str(given[2])))
    queue(store, [AZ])
    claimed(store)
    run(store, presume, Presume(1, 1))
    for name, words in {"message_ready": "ORDER BY number", "message_sent": "status = 'sent'"}.items():
        statement = next(each for each in seen if words in each and each.strip().startswith("SELECT"))
        with store.read.connect() as connection:
            marks = tuple([1] * statement.count("?"))
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", marks).all()
        assert any(name in str(step) for step in plan), plan
