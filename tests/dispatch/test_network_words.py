import asyncio
from dataclasses import replace
from datetime import UTC, datetime

from app.dispatch.channel import Arrival, Receipt
from app.domain.identifiers import message_id
from app.simulator.texts import NetworkText, administrative, as_legacy, error, in_service, out_of_service, status
from app.store.database.engine import Store
from tests.dispatch.outbox_rows import AZ, ORIGIN, TX, flagged, history, queue, statuses, text_of, work_items
from tests.dispatch.scripted import QUICK, TAKEN, ScriptedChannel, always_taken, dispatching, until

AT = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)


class Network:
    """Puts the network's words into a channel, each under a source of its own."""

    def __init__(self, channel: ScriptedChannel) -> None:
        self._channel = channel
        self._said = 0

    def says(self, text: NetworkText) -> None:
        """One text arrives."""
        self._said += 1
        self._channel.arrivals.put_nowait(Arrival(f"test:{self._said}", as_legacy(text, AT, self._said)))

    async def answered(self) -> None:
        """Until all of them are stored."""
        await until(lambda: len(self._channel.answers) == self._said)


def er(number: int, ori: str) -> NetworkText:
    """An ER about a message."""
    return error("19", text_of(number, ori), ORIGIN, message_id(number))


def sm(code: str, number: int, ori: str) -> NetworkText:
    """An SM about a message."""
    return status(code=code, sent=text_of(number, ori), destination=ori, to=ORIGIN, control=message_id(number))


def test_an_er_before_the_ack_stands(store: Store) -> None:
    """The network may complain before it acknowledges; the message is rejected, and its lane goes on."""
    queued = queue(store, [AZ, AZ])

    async def scenario() -> None:
        er_stored = asyncio.Event()

        async def fate(ori: str, number: int) -> Receipt:
            if number == queued[0]:
                network.says(er(number, ori))
                await er_stored.wait()
            return TAKEN

        channel = ScriptedChannel(fate)
        network = Network(channel)
        async with dispatching(store, channel, replace(QUICK, window=1)):
            await until(lambda: statuses(store)[queued[0]] == "rejected")
            er_stored.set()
            await until(lambda: statuses(store)[queued[1]] == "sent")

    asyncio.run(scenario())
    assert history(store, queued[0]) == ["queued", "sending", "rejected"]
    assert work_items(store) == [("network-rejected", queued[0], 1)]


def test_an_er_after_the_presumption_overturns_it(store: Store) -> None:
    """A presumption of delivery is only that: a late ER rejects the message all the same."""
    queued = queue(store, [AZ])

    async def scenario() -> None:
        channel = ScriptedChannel(always_taken)
        network = Network(channel)
        async with dispatching(store, channel, replace(QUICK, presume_after=0.01)):
            await until(lambda: statuses(store)[queued[0]] == "presumed_delivered")
            network.says(er(queued[0], AZ))
            await network.answered()

    asyncio.run(scenario())
    assert statuses(store) == {queued[0]: "rejected"}


def test_a_state_that_is_out_gets_its_messages_when_it_is_back(store: Store) -> None:
    """Messages thrown away for a state out of service are sent again, first and in order, and are no duplicates."""
    queued = queue(store, [AZ] * 3 + [TX])
    out = 4

    async def scenario() -> None:
        async def fate(ori: str, number: int) -> Receipt:
            nonlocal out
            if ori == AZ and out:
                out -= 1
                network.says(sm("04", number, ori))
                await network.answered()
            return TAKEN

        channel = ScriptedChannel(fate)
        network = Network(channel)
        async with dispatching(store, channel):
            await until(lambda: set(statuses(store).values()) == {"sent"})
        assert channel.numbers(AZ) == [1, 2, 3, 1, 1, 2, 3]
        assert channel.numbers(TX) == queued[3:]

    asyncio.run(scenario())
    assert flagged(store) == set()
    assert history(store, queued[0])[:3] == ["queued", "sending", "waiting_for_state"]


def test_what_the_network_forwards_itself_goes_out_once(store: Store) -> None:
    """After SM .02. the message is left to the network, and later ones go out as ever."""
    queued = queue(store, [AZ])

    async def scenario() -> None:
        channel = ScriptedChannel(always_taken)
        network = Network(channel)
        async with dispatching(store, channel) as dispatcher:
            await until(lambda: statuses(store)[queued[0]] == "sent")
            network.says(sm("02", queued[0], AZ))
            await network.answered()
            later = queue(store, [AZ])
            dispatcher.wake()
            await until(lambda: statuses(store)[later[0]] == "sent")
        assert channel.numbers(AZ) == [*queued, *later]

    asyncio.run(scenario())
    assert statuses(store)[queued[0]] == "held_by_network"


def test_a_network_out_of_service_stops_everything_beyond_a_restart(store: Store) -> None:
    """Nothing is sent until the network says that it is back, also by a dispatcher that starts meanwhile."""

    async def scenario() -> None:
        channel = ScriptedChannel(always_taken)
        network = Network(channel)
        async with dispatching(store, channel) as dispatcher:
            network.says(out_of_service("1400 EST", ORIGIN))
            await network.answered()
            queue(store, [AZ, TX])
            await until(lambda: dispatcher.problem() == "the network is temporarily out of service")
        channel = ScriptedChannel(always_taken)
        network = Network(channel)
        network._said = 1
        channel.answers.append("matched")
        async with dispatching(store, channel, replace(QUICK, poll=3600.0)) as dispatcher:
            await until(lambda: dispatcher.problem() is not None)
            assert channel.wire == []
            network.says(in_service(ORIGIN))
            await until(lambda: set(statuses(store).values()) == {"sent"})
            assert dispatcher.problem() is None

    asyncio.run(scenario())


def test_an_inquiry_and_garbage_are_answered_and_stored(store: Store) -> None:
    """The channel hears whether a text was understood, so that it can be put away."""
    queued = queue(store, [AZ])

    async def scenario() -> None:
        channel = ScriptedChannel(always_taken)
        network = Network(channel)
        async with dispatching(store, channel):
            network.says(administrative(AZ, ORIGIN, f"PLEASE ADVISE ON {message_id(queued[0])}"))
            channel.arrivals.put_nowait(Arrival("test:garbage", "no word of the protocol"))
            await until(lambda: len(channel.answers) == 2)
        assert channel.answers == ["matched", "unmatched"]

    asyncio.run(scenario())
    assert [item[0] for item in work_items(store)] == ["inquiry", "unmatched-inbound"]
