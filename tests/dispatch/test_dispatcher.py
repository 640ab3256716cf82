import asyncio
from collections import Counter
from dataclasses import replace

from app.dispatch.channel import Receipt
from app.domain.statuses import Status
from app.store.database.engine import Store
from tests.dispatch.outbox_rows import AZ, NM, TX, change, flagged, history, lane, queue, rows, statuses, work_items
from tests.dispatch.scripted import (
    LATER,
    QUICK,
    TAKEN,
    UNKNOWN,
    ScriptedChannel,
    always_taken,
    dispatching,
    until,
)


def all_are(store: Store, *wanted: str) -> bool:
    """Whether every message has one of these statuses."""
    return set(statuses(store).values()) <= set(wanted)


def test_everything_is_sent_in_order(store: Store) -> None:
    """Messages of every lane go out once, each lane in the order of its numbers."""
    queued = queue(store, [AZ, TX, NM] * 40)

    async def scenario() -> None:
        channel = ScriptedChannel(always_taken)
        async with dispatching(store, channel) as dispatcher:
            await until(lambda: all_are(store, "sent"))
            assert dispatcher.counts.tries["taken"] == len(queued)
        for place, ori in enumerate((AZ, TX, NM)):
            assert channel.numbers(ori) == queued[place::3]

    asyncio.run(scenario())
    assert flagged(store) == set()
    assert lane(store, AZ)["owner"] is None


def test_a_message_queued_later_is_sent_on_waking(store: Store) -> None:
    """An idle dispatcher that is woken from another thread sends at once, long before its next look."""

    async def scenario() -> None:
        channel = ScriptedChannel(always_taken)
        async with dispatching(store, channel, replace(QUICK, poll=3600.0)) as dispatcher:
            queue(store, [AZ])
            await until(lambda: dispatcher._loop is not None)
            await asyncio.to_thread(dispatcher.wake)
            await until(lambda: all_are(store, "sent"))

    asyncio.run(scenario())


def test_a_dead_destination_delays_no_other(store: Store) -> None:
    """While one lane waits for an answer that does not come, the others are sent to the end."""
    queue(store, [AZ] + [TX, NM] * 20)

    async def scenario() -> None:
        released = asyncio.Event()

        async def fate(ori: str, number: int) -> Receipt:
            if ori == AZ:
                await released.wait()
            return TAKEN

        channel = ScriptedChannel(fate)
        async with dispatching(store, channel):
            await until(lambda: Counter(statuses(store).values())["sent"] == 40)
            assert statuses(store)[1] == "sending"
            released.set()
            await until(lambda: all_are(store, "sent"))

    asyncio.run(scenario())


def test_a_refused_message_holds_its_lane_and_goes_first(store: Store) -> None:
    """With one message at a time nothing overtakes a message that is refused."""
    queued = queue(store, [AZ] * 5)
    refusals = Counter({queued[0]: 3, queued[2]: 2})

    async def fate(ori: str, number: int) -> Receipt:
        refusals[number] -= 1
        return LATER if refusals[number] >= 0 else TAKEN

    async def scenario() -> None:
        channel = ScriptedChannel(fate)
        async with dispatching(store, channel, replace(QUICK, window=1)):
            await until(lambda: all_are(store, "sent"))
        assert channel.numbers(AZ) == [1, 1, 1, 1, 2, 3, 3, 3, 4, 5]

    asyncio.run(scenario())
    assert flagged(store) == set()


def test_a_poison_message_becomes_a_work_item_and_the_lane_goes_on(store: Store) -> None:
    """A message that is always refused is dead after its tries, and those behind it are sent."""
    queued = queue(store, [AZ, AZ, AZ])

    async def fate(ori: str, number: int) -> Receipt:
        return LATER if number == queued[0] else TAKEN

    async def scenario() -> None:
        async with dispatching(store, ScriptedChannel(fate), replace(QUICK, max_attempts=4)) as dispatcher:
            await until(lambda: all_are(store, "sent", "dead"))
            await until(lambda: dispatcher.counts.dead == 1)

    asyncio.run(scenario())
    assert statuses(store) == {queued[0]: "dead", queued[1]: "sent", queued[2]: "sent"}
    assert work_items(store) == [("dead-letter", queued[0], 1)]
    assert history(store, queued[0]) == ["queued"] + ["sending", "queued"] * 3 + ["sending", "dead"]


def test_a_lost_answer_is_sent_again_and_flagged(store: Store) -> None:
    """Each message whose ACK was lost is sent again with its number, and known as a possible duplicate."""
    queued = queue(store, [AZ, TX, AZ])
    lost = {queued[0]}

    async def fate(ori: str, number: int) -> Receipt:
        if number in lost:
            lost.remove(number)
            return UNKNOWN
        return TAKEN

    async def scenario() -> None:
        channel = ScriptedChannel(fate)
        async with dispatching(store, channel) as dispatcher:
            await until(lambda: all_are(store, "sent"))
            assert dispatcher.counts.duplicates == 1
        assert Counter(number for _, number in channel.wire) == Counter({1: 2, 2: 1, 3: 1})

    asyncio.run(scenario())
    assert flagged(store) == {queued[0]}


def test_a_text_that_fits_no_wire_is_dead_at_once(store: Store) -> None:
    """A message whose bytes cannot be made is for a person, and does not block its lane."""
    queued = queue(store, [AZ, AZ])
    change(store, "UPDATE message SET text = :t WHERE number = :n", t="AM.\N{SNOWMAN}", n=queued[0])

    async def scenario() -> None:
        async with dispatching(store, ScriptedChannel(always_taken)):
            await until(lambda: all_are(store, "sent", "dead"))

    asyncio.run(scenario())
    assert statuses(store) == {queued[0]: "dead", queued[1]: "sent"}


def test_a_channel_that_breaks_counts_as_an_unknown_outcome(store: Store) -> None:
    """An exception in the channel is logged without its text and the message is tried again, flagged."""
    queued = queue(store, [AZ])
    broken = {queued[0]}

    async def fate(ori: str, number: int) -> Receipt:
        if number in broken:
            broken.remove(number)
            raise KeyError("a secret")
        return TAKEN

    async def scenario() -> None:
        async with dispatching(store, ScriptedChannel(fate)):
            await until(lambda: all_are(store, "sent"))

    asyncio.run(scenario())
    assert flagged(store) == {queued[0]}
    assert rows(store, "SELECT cause FROM message_event WHERE cause LIKE '%secret%'") == []


def test_nothing_is_claimed_while_the_link_is_down(store: Store) -> None:
    """A link that is down costs no message a try, and everything goes out when it is up."""
    queue(store, [AZ, TX] * 10)

    async def scenario() -> None:
        channel = ScriptedChannel(always_taken)
        channel.down = "the cable is cut"
        async with dispatching(store, channel) as dispatcher:
            assert dispatcher.problem() == "the cable is cut"
            for _ in range(3):
                dispatcher.wake()
                await until(lambda: not dispatcher._woken)
            channel.down = None
            dispatcher.wake()
            await until(lambda: all_are(store, "sent"))

    asyncio.run(scenario())
    assert rows(store, "SELECT DISTINCT attempts FROM message") == [(1,)]


def test_a_link_that_takes_nothing_kills_no_message(store: Store) -> None:
    """Tries of which no byte left are repeated without end, and count against nothing."""
    queued = queue(store, [AZ])
    tries = 0

    async def fate(ori: str, number: int) -> Receipt:
        nonlocal tries
        tries += 1
        return Receipt("unsent", "no room on the wire") if tries < 4 else TAKEN

    async def scenario() -> None:
        async with dispatching(store, ScriptedChannel(fate), replace(QUICK, max_attempts=2)):
            await until(lambda: all_are(store, "sent"))

    asyncio.run(scenario())
    assert rows(store, "SELECT attempts, failures, maybe_duplicate FROM message") == [(4, 0, 0)]
    assert history(store, queued[0]).count("queued") == 4


def test_silence_is_presumed_to_be_delivery(store: Store) -> None:
    """A message that the network says nothing about is presumed delivered after the window."""
    queued = queue(store, [AZ])

    async def scenario() -> None:
        async with dispatching(store, ScriptedChannel(always_taken), replace(QUICK, presume_after=0.01)) as dispatcher:
            await until(lambda: all_are(store, "presumed_delivered"))
            await until(lambda: dispatcher.counts.presumed == 1)

    asyncio.run(scenario())
    assert history(store, queued[0])[-2:] == [Status.SENT, Status.PRESUMED_DELIVERED]


def test_held_and_suppressed_messages_are_never_sent(store: Store) -> None:
    """Only what is queued goes out."""
    queue(store, [AZ], status="held")
    queue(store, [AZ], status="suppressed")
    queue(store, [AZ])

    async def scenario() -> None:
        channel = ScriptedChannel(always_taken)
        async with dispatching(store, channel):
            await until(lambda: statuses(store)[3] == "sent")
        assert channel.numbers(AZ) == [3]

    asyncio.run(scenario())
    assert list(statuses(store).values()) == ["held", "suppressed", "sent"]
