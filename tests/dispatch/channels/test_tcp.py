import asyncio
from collections.abc import Callable

from app.dispatch.channel import Outgoing
from app.simulator.script import ScriptedFault
from app.simulator.switch import Switch
from app.simulator.texts import NetworkText, as_niem
from tests.dispatch.channels.conftest import Scenario
from tests.dispatch.channels.link import AZ, TX, Bare, channel_to, fates, message, running, up

InLoop = Callable[[Scenario], None]


def test_messages_arrive_byte_for_byte_and_in_order(in_loop: InLoop) -> None:
    """What was promised is what lies in the inbox, in the order it was sent."""

    async def scenario() -> None:
        sent = [message(number) for number in range(1, 101)]
        async with Switch() as switch, running(channel_to(switch.address)) as channel:
            await up(channel)
            receipts = await channel.send(sent)
            assert fates(receipts) == ["taken"] * 100
            assert [one.payload.encode() for one in switch.inbox(TX)] == [one.payload for one in sent]

    in_loop(scenario)


def test_an_xml_message_is_taken_by_its_control_field(in_loop: InLoop) -> None:
    """The NIEM form goes over the same link."""

    async def scenario() -> None:
        xml = as_niem(
            NetworkText(key="AM", origin="VTINS07S0", destination=TX, body="LENS LN00000001 <TEST> ]]> &", control="LN00000001")
        )
        async with Switch() as switch, running(channel_to(switch.address)) as channel:
            await up(channel)
            assert fates(await channel.send([Outgoing("LN00000001", "niem", xml.encode())])) == ["taken"]
            assert switch.inbox(TX)[0].text == xml

    in_loop(scenario)


def test_many_sends_may_be_under_way_at_once(in_loop: InLoop) -> None:
    """A send that waits for its ACK does not keep another from going out."""

    async def scenario() -> None:
        async with Switch() as switch, running(channel_to(switch.address)) as channel:
            await up(channel)
            switch.add_fault(ScriptedFault(kind="lag", ori=TX, seconds=0.2))
            slow = asyncio.create_task(channel.send([message(1), message(2)]))
            assert fates(await channel.send([message(3, AZ)])) == ["taken"]
            assert not slow.done()
            assert fates(await slow) == ["taken", "taken"]

    in_loop(scenario)


def test_acks_may_come_in_any_order(in_loop: InLoop) -> None:
    """Receipts stand in the order of the messages, whatever the order of the ACKs."""

    async def scenario() -> None:
        async with Bare() as bare, running(channel_to(bare.address)) as channel:
            await up(channel)
            sending = asyncio.create_task(channel.send([message(1), message(2), message(3)]))
            await bare.has_heard(3)
            bare.say("ACK LN00000003", "NAK LN00000001 BUSY", "ACK LN00000002")
            assert fates(await sending) == ["later", "taken", "taken"]

    in_loop(scenario)


def test_a_nak_means_later_and_keeps_a_short_printable_reason(in_loop: InLoop) -> None:
    """The far side's words become part of a message's history, so they are kept short and plain."""

    async def scenario() -> None:
        async with Switch() as switch, running(channel_to(switch.address)) as channel:
            await up(channel)
            switch.add_fault(ScriptedFault(kind="nak", count=1, reason="BUSY\x07" + "X" * 200))
            first, second = await channel.send([message(1), message(2)])
            assert first.fate == "later"
            assert first.cause == "refused for now by the switch: BUSY" + "X" * 76
            assert first.logged == "refused for now by the switch"
            assert second.fate == "taken"
            assert fates(await channel.send([message(1)])) == ["taken"]

    in_loop(scenario)


def test_before_it_runs_a_channel_has_a_problem() -> None:
    """A channel that was never started does not pretend to have a link."""
    channel = channel_to("127.0.0.1:1")
    assert channel.problem() == "not yet connected to the switch at 127.0.0.1:1"
    assert fates(asyncio.run(channel.send([message(1)]))) == ["unsent"]


def test_a_message_sent_twice_at_once_is_settled_twice(in_loop: InLoop) -> None:
    """The older of two waits for one number is told that it cannot know."""

    async def scenario() -> None:
        async with Bare() as bare, running(channel_to(bare.address)) as channel:
            await up(channel)
            first = asyncio.create_task(channel.send([message(1)]))
            await bare.has_heard(1)
            second = asyncio.create_task(channel.send([message(1)]))
            await bare.has_heard(2)
            bare.say("ACK LN00000001")
            assert (fates(await first), fates(await second)) == (["unknown"], ["taken"])

    in_loop(scenario)


def test_a_sender_that_gives_up_leaves_nothing_behind(in_loop: InLoop) -> None:
    """A cancelled send is forgotten; its ACK is then a late one."""

    async def scenario() -> None:
        async with Bare() as bare, running(channel_to(bare.address)) as channel:
            await up(channel)
            sending = asyncio.create_task(channel.send([message(1)]))
            await bare.has_heard(1)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            assert channel._connection is not None
            assert channel._connection._under_way == {}

    in_loop(scenario)


def test_a_message_too_large_for_a_frame_is_unsent_and_the_rest_goes(in_loop: InLoop) -> None:
    """It would end the connection; the fault is said instead."""

    async def scenario() -> None:
        async with Switch() as switch, running(channel_to(switch.address)) as channel:
            await up(channel)
            large, small = await channel.send([message(1, more="X" * 65_536), message(2)])
            assert large.fate == "unsent"
            assert "1 to 65536 bytes" in large.cause
            assert small.fate == "taken"

    in_loop(scenario)
