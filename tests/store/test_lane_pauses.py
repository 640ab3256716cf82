import pytest

from app.errors import NotFound
from app.store.database.engine import Store
from app.store.database.reading import look
from app.store.desk.lane_pauses import PauseLane, ResumeLane, pause_lanes, resume_lanes
from app.store.desk.pauses import EVERYTHING, Pause, list_pauses, pause
from app.store.outbox.outbox import Claim, claim
from tests.dispatch.outbox_rows import AZ, TX, queue
from tests.store.invented import NOON, rows, run

SECOND = 1_000_000


def oris(store: Store) -> set[str]:
    """The lanes that a dispatcher would get now."""
    claimed = run(store, claim, Claim(worker="w1", room=10, window=16, lease=SECOND, horizon=1000 * SECOND))[0]
    return {batch.ori for batch in claimed.batches}


def test_a_paused_lane_is_not_sent_until_it_is_resumed(store: Store) -> None:
    """The others go on."""
    queue(store, [AZ, TX])
    run(store, pause_lanes, PauseLane(AZ, "asked for", "op", NOON))
    assert oris(store) == {TX}
    assert run(store, resume_lanes, ResumeLane(AZ, "well again", "op", NOON)) == [()]
    assert oris(store) == {AZ}


def test_all_can_be_paused(store: Store) -> None:
    """Then nothing is sent, even when one lane is resumed."""
    queue(store, [AZ, TX])
    run(store, pause_lanes, PauseLane(EVERYTHING, "drill", "op", NOON), PauseLane(AZ, "drill", "op", NOON))
    run(store, resume_lanes, ResumeLane(AZ, "over", "op", NOON))
    assert oris(store) == set()


def test_who_paused_what_and_why_is_kept(store: Store) -> None:
    """With the pause, and in the audit trail for ever."""
    queue(store, [AZ])
    run(store, pause_lanes, PauseLane(AZ, "asked for", "op", NOON))
    assert [(each.scope, each.why) for each in look(store, list_pauses)] == [(AZ, "op: asked for")]
    run(store, resume_lanes, ResumeLane(AZ, "well again", "op 2", NOON))
    trail = rows(store, "SELECT actor, action, object, detail_json FROM audit WHERE action LIKE '%_lane' ORDER BY id")
    assert trail == [
        ("op", "pause_lane", f"lane {AZ}", '{"reason":"asked for"}'),
        ("op 2", "resume_lane", f"lane {AZ}", '{"reason":"well again","source":"operator"}'),
    ]


@pytest.mark.parametrize("source", ["network", "operator"])
def test_each_source_lifts_its_own(store: Store, source: str) -> None:
    """What was not set is not found; the network's is lifted by name only; the pause of a store that was moved by nobody."""
    set_by: list[Pause] = [Pause(EVERYTHING, "move", "moved")]
    set_by += [Pause(EVERYTHING, "network", "out")] if source == "network" else [Pause(EVERYTHING, "operator", "drill")]
    run(store, pause, *set_by)
    operator = ResumeLane(EVERYTHING, "over", "op", NOON)
    first, second = run(store, resume_lanes, operator, operator._replace(source="network"))
    assert isinstance(first, NotFound) == (source == "network")
    assert isinstance(second, NotFound) == (source == "operator")
    assert [each.source for each in look(store, list_pauses)] == ["move"]


def test_a_misspelt_ori_is_told(store: Store) -> None:
    """Nothing is paused, rather than nothing noticed."""
    queue(store, [AZ])
    assert isinstance(run(store, pause_lanes, PauseLane("AZSIR000O", "asked for", "op", NOON))[0], NotFound)
    assert look(store, list_pauses) == ()
