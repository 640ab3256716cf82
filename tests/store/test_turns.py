"""What becomes of a lane between two windows: it goes on, goes on one message at a time, or rests."""

from app.domain.times import SECOND
from app.store.database.engine import Store, now_micros
from app.store.desk.pauses import Pause, pause
from app.store.outbox.outbox import Batch, Claim, Renewal, Turn, TurnEnd, claim, renew, turn
from app.store.outbox.pacing import Rates
from app.store.outbox.tries import AttemptResult
from tests.dispatch.outbox_rows import AZ, TX, change, lane, queue, statuses
from tests.store.invented import run

LEASE, HORIZON, FAR = 10 * SECOND, 10_000 * SECOND, 5000 * SECOND


def first(store: Store, window: int = 1) -> Batch:
    """The first messages of the only lane."""
    return run(store, claim, Claim(worker="w1", room=10, window=window, lease=LEASE, horizon=HORIZON))[0].batches[0]


def settled(store: Store, batch: Batch, *verdicts: AttemptResult, delay: int | None = None) -> TurnEnd:
    """What comes of the lane with this."""
    return run(
        store, turn, Turn(worker="w1", ori=batch.ori, token=batch.token, lease=LEASE, window=16, verdicts=verdicts, delay=delay)
    )[0]


def sent(number: int) -> AttemptResult:
    """The network took it."""
    return AttemptResult(number, "sent", "acknowledged")


def numbers(end: TurnEnd) -> list[int]:
    """The numbers of the messages that are next."""
    assert isinstance(end, Batch)
    return [message.number for message in end.messages]


def told_to_rest(store: Store) -> int:
    """SM .04. came while a message was under way; until when the lane rests."""
    with store.read.connect() as connection:
        until = now_micros(connection) + FAR
    change(store, "UPDATE lane SET due = :until, fails = 1", until=until)
    return until


def test_a_lane_that_is_paused_meanwhile_takes_nothing_more(store: Store) -> None:
    """What is under way is finished, and no more than that."""
    queued = queue(store, [AZ, AZ])
    batch = first(store)
    run(store, pause, Pause(AZ, "operator", "asked for by the state"))
    assert settled(store, batch, sent(queued[0])) == "given back"
    assert statuses(store) == {queued[0]: "sent", queued[1]: "queued"}


def test_a_lane_that_is_to_rest_rests_whatever_its_ack_says(store: Store) -> None:
    """The state is out: what the network took a moment later does not say that it is back."""
    queued = queue(store, [AZ, AZ])
    batch = first(store)
    until = told_to_rest(store)
    assert settled(store, batch, sent(queued[0])) == "given back"
    assert (lane(store, AZ)["due"], lane(store, AZ)["fails"]) == (until, 1)


def test_a_shorter_wait_does_not_end_a_longer_one(store: Store) -> None:
    """The link failed as well; the lane rests as long as the state is to be left alone."""
    queued = queue(store, [AZ])
    batch = first(store)
    until = told_to_rest(store)
    assert settled(store, batch, AttemptResult(queued[0], "queued", "no link"), delay=1) == "given back"
    assert lane(store, AZ)["due"] == until


def test_until_one_is_taken_a_lane_goes_on_one_at_a_time(store: Store) -> None:
    """Neither a try that put nothing out nor an ACK for what was refused meanwhile ends that; an ACK that counts does."""
    queued = queue(store, [AZ] * 4)
    change(store, "UPDATE lane SET fails = 1")
    batch = first(store, 16)
    again = settled(store, batch, AttemptResult(queued[0], "queued", "no link"))
    assert numbers(again) == [queued[0]]
    change(store, "UPDATE message SET status = 'rejected', ready = :no WHERE number = :n", no=False, n=queued[0])
    after = settled(store, batch, sent(queued[0]))
    assert numbers(after) == [queued[1]]
    assert numbers(settled(store, batch, sent(queued[1]))) == queued[2:]


def test_a_lane_without_a_token_to_spend_rests_until_there_is_one(store: Store) -> None:
    """It is not taken up again and again meanwhile."""
    queue(store, [AZ])
    rates = Rates(lane=0.001)
    with store.read.connect() as connection:
        now = now_micros(connection)
    change(store, "INSERT INTO pace (scope, at) VALUES (:ori, :at)", ori=AZ, at=now + 1000 * SECOND)
    found = run(store, claim, Claim(worker="w1", room=10, window=16, lease=LEASE, horizon=HORIZON, rates=rates))[0]
    assert found.batches == ()
    assert int(str(lane(store, AZ)["due"])) > now + 900 * SECOND


def test_lanes_are_not_taken_up_for_want_of_tokens(store: Store) -> None:
    """Of two lanes with one token for all together, one is taken; the other stays as it was, due for whoever comes next."""
    queue(store, [AZ, TX])
    found = run(store, claim, Claim(worker="w1", room=10, window=16, lease=LEASE, horizon=HORIZON, rates=Rates(overall=1.0)))[0]
    assert [batch.ori for batch in found.batches] == [AZ]
    assert (lane(store, TX)["token"], lane(store, TX)["due"]) == (0, 0)


def test_a_message_tells_its_age_and_what_is_left_of_its_time(store: Store) -> None:
    """From acceptance, and until its rule wants it out; where that was a while ago, below nothing."""
    late, other = queue(store, [AZ, AZ])
    change(store, "UPDATE message SET created_at = created_at - :m", m=60 * SECOND)
    change(store, "UPDATE message SET due_at = created_at + :m WHERE number = :n", m=30 * SECOND, n=late)
    one, two = first(store, 2).messages
    assert (one.number, two.number, two.left) == (late, other, None)
    assert 60 * SECOND <= one.age == two.age < 90 * SECOND
    assert one.left == 30 * SECOND - one.age


def test_nobody_waits_for_a_lane_that_may_not_be_sent_on(store: Store) -> None:
    """One that is paused, or has nothing to send, is no reason to look again."""
    queue(store, [AZ, TX])
    told_to_rest(store)
    run(store, pause, Pause(AZ, "operator", "asked for by the state"))
    change(store, "UPDATE message SET status = 'cancelled', ready = :no WHERE ori = :ori", no=False, ori=TX)
    assert run(store, claim, Claim(worker="w1", room=10, window=16, lease=LEASE, horizon=HORIZON))[0].wait is None


def test_a_lane_given_back_is_not_kept(store: Store) -> None:
    """A renewal that was on its way as the lane was given back takes nothing from anybody."""
    queued = queue(store, [AZ])
    batch = first(store)
    assert settled(store, batch, sent(queued[0])) == "given back"
    until = lane(store, AZ)["until"]
    assert run(store, renew, Renewal(AZ, batch.token, LEASE)) == [False]
    assert lane(store, AZ)["until"] == until
