import asyncio
from dataclasses import replace

from app.dispatch.channel import Receipt
from app.store.database.engine import Store
from tests.dispatch.outbox_rows import AZ, change, flagged, history, lane, queue, rows, statuses
from tests.dispatch.scripted import (
    QUICK,
    TAKEN,
    ScriptedChannel,
    always_taken,
    dispatching,
    until,
)


def all_are(store: Store, *wanted: str) -> bool:
    """Whether every message has one of these statuses."""
    return set(statuses(store).values()) <= set(wanted)


def test_a_stopped_dispatcher_finishes_what_is_under_way(store: Store) -> None:
    """Stopped in the middle of a batch, it settles that batch, takes no other and gives its lane back."""
    queued = queue(store, [AZ] * 3)

    async def scenario() -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def fate(ori: str, number: int) -> Receipt:
            begun.set()
            await go_on.wait()
            return TAKEN

        async with dispatching(store, ScriptedChannel(fate), replace(QUICK, window=2)):
            await begun.wait()
            asyncio.get_running_loop().call_later(0.05, go_on.set)

    asyncio.run(scenario())
    assert statuses(store) == {queued[0]: "sent", queued[1]: "sent", queued[2]: "queued"}
    assert lane(store, AZ)["owner"] is None


def test_what_a_stop_cuts_off_is_sent_by_the_next(store: Store) -> None:
    """A batch that does not end in the grace given is left under way, and sent again, flagged, once the lease has ended."""
    queued = queue(store, [AZ])

    async def scenario() -> None:
        begun = asyncio.Event()

        async def never(ori: str, number: int) -> Receipt:
            begun.set()
            await asyncio.Event().wait()
            return TAKEN

        async with dispatching(store, ScriptedChannel(never), replace(QUICK, grace=0.05)):
            await begun.wait()
        assert statuses(store) == {queued[0]: "sending"}
        change(store, "UPDATE lane SET until = 0")
        async with dispatching(store, ScriptedChannel(always_taken), worker="w2"):
            await until(lambda: all_are(store, "sent"))

    asyncio.run(scenario())
    assert flagged(store) == {queued[0]}


def test_a_lane_that_waits_for_its_ack_keeps_its_lease(store: Store) -> None:
    """An answer that takes longer than the lease costs nothing: the lease is renewed and nobody sends it again."""
    queued = queue(store, [AZ])

    async def scenario() -> None:
        go_on = asyncio.Event()

        async def slow(ori: str, number: int) -> Receipt:
            await go_on.wait()
            return TAKEN

        channel, other = ScriptedChannel(slow), ScriptedChannel(always_taken)
        limits = replace(QUICK, lease=1.0)
        async with dispatching(store, channel, limits):
            await until(lambda: len(channel.wire) == 1)
            first = int(str(lane(store, AZ)["until"]))
            async with dispatching(store, other, limits, worker="w2"):
                await until(lambda: int(str(lane(store, AZ)["until"])) > first + 600_000)
                go_on.set()
                await until(lambda: all_are(store, "sent"))
        assert other.wire == []

    asyncio.run(scenario())
    assert flagged(store) == set()
    assert history(store, queued[0]) == ["queued", "sending", "sent"]


def test_a_lane_that_was_taken_over_is_not_settled_by_the_first(store: Store) -> None:
    """A dispatcher that lost its lane while it sent is fenced, and what the new owner does stands."""
    queued = queue(store, [AZ])

    async def scenario() -> None:
        go_on = asyncio.Event()

        async def slow(ori: str, number: int) -> Receipt:
            await go_on.wait()
            return TAKEN

        first = ScriptedChannel(slow)
        async with dispatching(store, first) as dispatcher:
            await until(lambda: len(first.wire) == 1)
            change(store, "UPDATE lane SET until = 0")
            async with dispatching(store, ScriptedChannel(always_taken), worker="w2"):
                await until(lambda: all_are(store, "sent"))
            go_on.set()
            await until(lambda: dispatcher.counts.fenced == 1)
            assert sum(dispatcher.counts.sent) == 0, "it was the other that sent it"

    asyncio.run(scenario())
    assert flagged(store) == {queued[0]}
    assert rows(store, "SELECT worker FROM message_event WHERE status = 'sent'") == [("w2",)]


def test_more_lanes_than_room_are_all_served(store: Store) -> None:
    """With room for two lanes, five busy ones all come to their end, none waiting for another to be empty, nor for the next look."""
    oris = [f"AZSIR000{place}" for place in range(5)]
    queue(store, oris * 30)

    async def scenario() -> None:
        channel = ScriptedChannel(always_taken)
        async with dispatching(store, channel, replace(QUICK, lanes=2, window=2, poll=3600.0)):
            await until(lambda: all_are(store, "sent"))
        first_seen = [min(place for place, (each, _) in enumerate(channel.wire) if each == ori) for ori in oris]
        assert max(first_seen) < 60

    asyncio.run(scenario())
