from contextlib import closing
from pathlib import Path

from app.domain.times import SECOND
from app.store.database.engine import Store
from app.store.database.reading import CachedRead, look
from app.store.desk.pauses import EVERYTHING, Pause, pause
from app.store.outbox.outbox import Claim, claim
from app.store.reads.tally import tally
from app.store.reads.waiting import AGES, waiting
from tests.dispatch.outbox_rows import AZ, NM, TX, change, queue, store_in
from tests.store.invented import rows, run

MINUTE = 60 * SECOND


def test_nothing_waits_in_a_new_store(store: Store) -> None:
    """Every figure is there, and 0."""
    found = look(store, waiting)
    assert (found.lanes, found.pauses) == ((), ())
    assert found.at_least == dict.fromkeys((0, *AGES), 0)
    assert found.oldest == {"held": 0, "queued": 0, "sending": 0, "waiting_for_state": 0}


def test_what_waits_is_told_by_age_lane_and_status(store: Store) -> None:
    """Ages count from acceptance; what is sent, held or suppressed is not to be sent."""
    old = queue(store, [AZ, TX])
    queue(store, [AZ, NM])
    queue(store, [TX], status="held")
    queue(store, [TX], status="suppressed")
    for number in old:
        change(store, "UPDATE message SET created_at = created_at - :m WHERE number = :n", m=7 * MINUTE, n=number)
    change(store, "UPDATE message SET status = 'sent', ready = false WHERE ori = :ori", ori=NM)
    change(store, "UPDATE message SET status = 'waiting_for_state' WHERE number = :n", n=old[1])
    change(store, "UPDATE lane SET fails = 3 WHERE ori = :ori", ori=TX)
    found = look(store, waiting)
    lanes = {lane.ori: lane for lane in found.lanes}
    assert {ori: (lane.state, lane.messages, lane.fails) for ori, lane in lanes.items()} == {AZ: ("AZ", 2, 0), TX: ("TX", 1, 3)}
    assert all(7 * MINUTE <= lane.oldest < 8 * MINUTE for lane in found.lanes)
    assert (found.at_least[0], found.at_least[10], found.at_least[300], found.at_least[900]) == (3, 2, 2, 0)
    assert found.oldest["queued"] >= 7 * MINUTE > found.oldest["held"] > 0
    assert found.oldest["waiting_for_state"] >= 7 * MINUTE


def test_a_lane_in_hand_names_its_dispatcher(store: Store) -> None:
    """Until its lease ends."""
    queue(store, [AZ])
    run(store, claim, Claim(worker="w1", room=10, window=16, lease=10 * SECOND, horizon=MINUTE))
    assert [lane.owner for lane in look(store, waiting).lanes] == ["w1"]
    change(store, "UPDATE lane SET until = until - :m", m=MINUTE)
    assert [lane.owner for lane in look(store, waiting).lanes] == [None]


def test_pauses_are_told(store: Store) -> None:
    """Each with who set it and since when."""
    run(store, pause, Pause(EVERYTHING, "network", "out of service"), Pause(AZ, "operator", "asked for"))
    found = look(store, waiting)
    assert [(each.scope, each.source) for each in found.pauses] == [(EVERYTHING, "network"), (AZ, "operator")]
    assert all(0 < each.since <= found.now for each in found.pauses)


def test_all_is_counted_by_state_and_status(store: Store) -> None:
    """Whatever became of it."""
    queue(store, [AZ, AZ, TX])
    queue(store, [TX], status="held")
    found = look(store, tally)
    assert found.messages == {("AZ", "queued"): 2, ("TX", "queued"): 1, ("TX", "held"): 1}
    assert (found.newest,) == rows(store, "SELECT max(accepted_at) FROM release")[0]


def test_counting_is_done_sparingly(tmp_path: Path) -> None:
    """What took a second to find is good for twenty; then it is found again."""
    now = 0.0
    asked = 0

    def slow(_: object) -> int:
        nonlocal now, asked
        now += 1.0
        asked += 1
        return asked

    with closing(store_in(tmp_path)) as store:
        kept = CachedRead(store, slow, lambda: now)
        assert [kept.look(), kept.look()] == [1, 1]
        now += 19.9
        assert kept.look() == 1
        now += 0.1
        assert kept.look() == 2
