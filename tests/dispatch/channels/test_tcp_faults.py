import asyncio
from collections.abc import Callable

import pytest

from app.dispatch.channel import Receipt
from app.simulator.script import ScriptedFault
from app.simulator.switch import Switch
from tests.dispatch.channels.conftest import Scenario
from tests.dispatch.channels.link import TX, Bare, Store, channel_to, fates, message, running, until, up

InLoop = Callable[[Scenario], None]


@pytest.mark.parametrize("kind", ["cut_before_store", "cut_after_store"])
def test_a_cut_before_the_ack_is_unknown_and_sent_again_it_arrives_once(in_loop: InLoop, kind: str) -> None:
    """Whether the switch had it or not, the same number sent again ends in one message delivered."""

    async def scenario() -> None:
        async with Switch() as switch, running(channel_to(switch.address)) as channel:
            await up(channel)
            switch.add_fault(ScriptedFault(kind=kind, count=1))  # type: ignore[arg-type]
            (receipt,) = await channel.send([message(1)])
            assert receipt.fate == "unknown"
            assert "ended the connection inside a frame" in receipt.cause
            assert switch.counts.delivered == (kind == "cut_after_store")
            await up(channel)
            assert fates(await channel.send([message(1)])) == ["taken"]
            assert [one.message_id for one in switch.inbox(TX)] == ["LN00000001"]
            assert switch.times_come("LN00000001") == 2
            assert switch.counts.duplicates == (kind == "cut_after_store")

    in_loop(scenario)


def test_everything_under_way_is_unknown_when_the_link_is_cut(in_loop: InLoop) -> None:
    """Only what was acknowledged before counts as taken."""

    async def scenario() -> None:
        async with Bare() as bare, running(channel_to(bare.address)) as channel:
            await up(channel)
            sends = [asyncio.create_task(channel.send([message(n), message(n + 1)])) for n in (1, 3)]
            await bare.has_heard(4)
            bare.say("ACK LN00000003")
            bare.hang_up()
            assert [fates(receipts) for receipts in await asyncio.gather(*sends)] == [
                ["unknown", "unknown"],
                ["taken", "unknown"],
            ]

    in_loop(scenario)


def test_a_cut_while_the_switch_reads_is_unknown(in_loop: InLoop) -> None:
    """The sender cannot know how much of a message was read."""

    async def scenario() -> None:
        async with Switch() as switch, running(channel_to(switch.address)) as channel:
            await up(channel)
            await switch.until(lambda: switch.counts.pings > 0)
            switch.add_fault(ScriptedFault(kind="cut_reading", count=1))
            assert fates(await channel.send([message(1)])) == ["unknown"]
            await up(channel)
            assert fates(await channel.send([message(1)])) == ["taken"]
            assert switch.times_come("LN00000001") == 1

    in_loop(scenario)


def test_an_ack_that_comes_too_late_does_no_harm(in_loop: InLoop) -> None:
    """It settles nothing; the message, sent again under its number, is dropped as a duplicate and taken."""

    async def scenario() -> None:
        async with Bare() as bare, running(channel_to(bare.address, ack_timeout=0.05)) as channel:
            await up(channel)
            (receipt,) = await channel.send([message(1)])
            assert (receipt.fate, receipt.cause) == ("unknown", "no ACK within 0.05 s")
            sending = asyncio.create_task(channel.send([message(2)]))
            await bare.has_heard(2)
            bare.say("ACK LN00000001", "NAK LN00000001", "ACK LN0NOBODY0", "ACK LN00000002", "ACK LN00000002")
            assert fates(await sending) == ["taken"]
            assert bare.connections == 1

    in_loop(scenario)


def test_a_wrong_ack_settles_nothing(in_loop: InLoop) -> None:
    """A message is taken only when its own number is acknowledged."""

    async def scenario() -> None:
        async with Switch() as switch, running(channel_to(switch.address, ack_timeout=0.05)) as channel:
            await up(channel)
            switch.add_fault(ScriptedFault(kind="wrong_ack", count=1))
            assert fates(await channel.send([message(1)])) == ["unknown"]

    in_loop(scenario)


@pytest.mark.parametrize(
    ("noise", "words"),
    [
        (b"\xff\xff\xff\xffetc", "says it has 4294967295 bytes"),
        (b"\x00\x00\x00\x00", "says it has 0 bytes"),
        (b"\x00\x00\x00\x02\xff\xfe", "is not UTF-8"),
        (b"\x00\x00\x00\x05HELLO", "is no ACK, NAK, PONG, ER, SM or AM"),
        (b"\x00\x00\x00\x03ACK", "is no ACK, NAK, PONG, ER, SM or AM"),
    ],
)
def test_garbage_ends_the_connection_after_what_stood_before_it(in_loop: InLoop, noise: bytes, words: str) -> None:
    """An ACK before the garbage counts; everything else under way is unknown; the link is made anew."""

    async def scenario() -> None:
        async with Bare() as bare, running(channel_to(bare.address)) as channel:
            await up(channel)
            sending = asyncio.create_task(channel.send([message(1), message(2)]))
            await bare.has_heard(2)
            bare.say_bytes(b"\x00\x00\x00\x0eACK LN00000001" + noise)
            first, second = await sending
            assert (first.fate, second.fate) == ("taken", "unknown")
            assert words in second.cause
            await until(lambda: bare.connections == 2)

    in_loop(scenario)


def test_a_payload_nobody_knows_is_still_handed_over(in_loop: InLoop) -> None:
    """It ends the connection, and a person gets to see it."""

    async def scenario() -> None:
        store = Store()
        async with Bare() as bare, running(channel_to(bare.address), store) as channel:
            await up(channel)
            bare.say("HELLO\0THERE")
            await store.holds(1)
            assert store.arrivals[0].text == "HELLO\N{REPLACEMENT CHARACTER}THERE"

    in_loop(scenario)


def test_a_mute_switch_is_noticed_and_given_up(in_loop: InLoop) -> None:
    """A half-open link: bytes go out, nothing comes back, not even a PONG."""

    async def scenario() -> None:
        async with Bare() as bare, running(channel_to(bare.address, ping_every=0.05)) as channel:
            await up(channel)
            (receipt,) = await channel.send([message(1)])
            assert receipt.fate == "unknown"
            assert receipt.cause == "no ACK: no answer to a PING within 0.05 s"

    in_loop(scenario)


def test_nothing_is_sent_to_a_switch_that_has_not_answered(in_loop: InLoop) -> None:
    """It may take connections and be of no use. Nothing is lost on such a one, and no lane has to wait longer for it."""

    async def scenario() -> None:
        async with Bare(mute=True) as bare, running(channel_to(bare.address)) as channel:
            await until(lambda: bare.connections == 1 and "answered" in (channel.problem() or ""))
            assert channel.problem() == f"the switch at {bare.address} has not answered yet"
            assert await channel.send([message(1)]) == [Receipt("unsent", f"the switch at {bare.address} has not answered yet")]
            bare.say("PONG")
            await up(channel)
            sending = asyncio.create_task(channel.send([message(1)]))
            await bare.has_heard(1)
            bare.say("ACK LN00000001")
            assert fates(await sending) == ["taken"]

    in_loop(scenario)


def test_a_switch_without_a_pong_is_sent_to_once_it_has_acknowledged_a_message(in_loop: InLoop) -> None:
    """After a while one message is risked; until its ACK no other is, and after it all are."""

    async def scenario() -> None:
        async with Bare(mute=True) as bare, running(channel_to(bare.address, probe_after=0.01)) as channel:
            await up(channel)
            sending = asyncio.create_task(channel.send([message(1), message(2)]))
            await bare.has_heard(1)
            assert channel.problem() == f"the switch at {bare.address} has not answered yet"
            assert fates(await channel.send([message(3)])) == ["unsent"]
            bare.say("ACK LN00000001")
            assert fates(await sending) == ["taken", "unsent"]
            assert channel.problem() is None
            sending = asyncio.create_task(channel.send([message(2), message(3)]))
            await bare.has_heard(3)
            bare.say("ACK LN00000002", "ACK LN00000003")
            assert fates(await sending) == ["taken", "taken"]

    in_loop(scenario)


def test_a_switch_that_never_answers_is_given_up_and_tried_again(in_loop: InLoop) -> None:
    """Each connection gets as long as a PING has."""

    async def scenario() -> None:
        async with Bare(mute=True) as bare, running(channel_to(bare.address, ping_every=0.05)):
            await until(lambda: bare.connections == 3)

    in_loop(scenario)


def test_after_a_mute_spell_everything_arrives_once(in_loop: InLoop) -> None:
    """Sent again over the next connection under the same number, a message is not doubled."""

    async def scenario() -> None:
        async with Switch() as switch, running(channel_to(switch.address, ack_timeout=0.1, ping_every=0.1)) as channel:
            await up(channel)
            switch.add_fault(ScriptedFault(kind="mute", seconds=0.3))
            while fates(await channel.send([message(1)])) != ["taken"]:
                await until(lambda: channel.problem() is None)
            assert [one.message_id for one in switch.inbox(TX)] == ["LN00000001"]

    in_loop(scenario)


def test_what_a_full_link_never_took_is_unsent(in_loop: InLoop) -> None:
    """When the far side stops reading, messages that still wait in this process are known not to have left it."""

    async def scenario() -> None:
        async with Bare(read=False) as bare, running(channel_to(bare.address, ack_timeout=0.3)) as channel:
            await up(channel)
            sends = [channel.send([message(n, more="X" * 60_000)]) for n in range(1, 400)]
            found = [receipts[0] for receipts in await asyncio.gather(*sends)]
            assert {receipt.fate for receipt in found} == {"unknown", "unsent"}
            assert {receipt.cause for receipt in found if receipt.fate == "unsent"} == {"the switch took no bytes for 0.3 s"}
            first_unsent = fates(found).index("unsent")
            assert set(fates(found[first_unsent:])) == {"unsent"}

    in_loop(scenario)


def test_who_waits_for_a_full_link_is_told_at_once_when_it_is_lost(in_loop: InLoop) -> None:
    """Not when its time is over: what never left this process is `unsent`, and why."""

    async def scenario() -> None:
        async with Bare(read=False) as bare, running(channel_to(bare.address, ack_timeout=3600.0)) as channel:
            await up(channel)
            sends = asyncio.gather(*(channel.send([message(n, more="X" * 60_000)]) for n in range(1, 400)))
            await asyncio.sleep(0)
            bare._writers[-1].transport.abort()
            found = [receipts[0] for receipts in await sends]
            assert {receipt.fate for receipt in found} == {"unknown", "unsent"}
            assert all("connection" in receipt.cause for receipt in found)

    in_loop(scenario)


def test_while_there_is_no_link_nothing_is_sent_and_it_says_why(in_loop: InLoop) -> None:
    """`unsent` and a reason at once, and again a link once the switch is back."""

    async def scenario() -> None:
        async with Switch() as switch, running(channel_to(switch.address)) as channel:
            await up(channel)
            switch.add_fault(ScriptedFault(kind="refuse", seconds=0.3))
            await until(lambda: (channel.problem() or "").endswith("refused"))
            (receipt,) = await channel.send([message(1)])
            assert (receipt.fate, receipt.cause) == (
                "unsent",
                f"no connection to the switch at {switch.address}: Connection refused",
            )
            await up(channel)
            assert fates(await channel.send([message(1)])) == ["taken"]

    in_loop(scenario)
