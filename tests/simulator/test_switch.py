import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.simulator.script import NetworkChange, Script, ScriptedFault, ScriptStep, StateChange
from app.simulator.setup import Setup
from app.simulator.switch import Switch
from app.simulator.texts import NetworkText, administrative
from tests.simulator.sender import Sender, am, run

AT = datetime(2026, 11, 23, 9, 5, tzinfo=UTC)


def test_it_answers_ping_acknowledges_and_keeps_inboxes(tmp_path: Path) -> None:
    """Each message stands in the inbox of its ORI in order, in a file, and is told of."""
    told: list[str] = []

    async def scenario() -> None:
        setup = Setup(inbox_dir=tmp_path, on_arrival=lambda one: told.append(f"{one.message_id} at {one.ori}"))
        async with Switch(setup) as switch:
            sender = await Sender.to(switch)
            sender.send("PING", am(1), am(2, "AZSIR0000"), am(3), am(1))
            assert [await sender.hear() for _ in range(5)] == ["PONG", *(f"ACK LN0000000{n}" for n in (1, 2, 3, 1))]
            await switch.arrived(3)
            assert [one.message_id for one in switch.inbox("TXSIR0000")] == ["LN00000001", "LN00000003"]
            assert [one.order for one in switch.inbox("AZSIR0000")] == [2]
            assert switch.inbox("TXSIR0000")[0].text == am(1).replace("\r\n", "\n")
            assert (switch.counts.arrivals, switch.counts.duplicates, switch.times_come("LN00000001")) == (4, 1, 2)
            await sender.hang_up()

    run(scenario)
    assert told == ["LN00000001 at TXSIR0000", "LN00000002 at AZSIR0000", "LN00000003 at TXSIR0000"]
    assert (tmp_path / "TXSIR0000" / "LN00000003.am").read_bytes() == am(3).encode()


def test_an_unknown_ori_gets_its_ack_and_then_an_error() -> None:
    """In legacy output form, with the time and number of the network."""

    async def scenario() -> None:
        async with Switch(Setup(oris={"TXSIR0000": "TX"}, clock=lambda: AT)) as switch:
            sender = await Sender.to(switch)
            sender.send(am(1, "AZSIR0000"))
            assert await sender.hear() == "ACK LN00000001"
            assert await sender.hear() == (
                "ER.NL0000000\r\n09:05 11/23/2026 00001\r\n09:05 11/23/2026 00001 VTINS07S0\r\n*LN00000001\r\nTXT\r\n"
                ".19. INVALID DESTINATION ORI\r\nAM.VTINS07S0.AZSIR0000.*LN00000001.TXT\r\nLENS LN00000001\r\n\r\n"
            )
            await sender.hang_up()

    run(scenario)


def test_errors_and_statuses_may_be_xml() -> None:
    """Nlets' current form, where the setup asks for it."""

    async def scenario() -> None:
        async with Switch(Setup(niem=True)) as switch:
            switch.set_state("TX", "04")
            sender = await Sender.to(switch)
            sender.send(am(1))
            assert await sender.hear() == "ACK LN00000001"
            said = await sender.hear() or ""
            assert "<nh2:MessageKeyCodeText>SM<" in said
            assert "<![CDATA[.04. TXSIR0000 OUT OF SERVICE" in said
            await sender.hang_up()

    run(scenario)


def test_a_message_that_cannot_be_read_is_an_error_not_garbage() -> None:
    """The connection stays; a control field that can be read is acknowledged."""

    async def scenario() -> None:
        async with Switch() as switch:
            sender = await Sender.to(switch)
            sender.send(am(1).replace("VTINS07S0", "X"), "AM.nonsense", am(2))
            heard = [await sender.hear() or "" for _ in range(4)]
            assert [one[:14] for one in heard] == ["ACK LN00000001", "ER.NL0000000\r\n", "ER.NL0000000\r\n", "ACK LN00000002"]
            assert switch.counts.refused == 2
            await sender.hang_up()

    run(scenario)


@pytest.mark.parametrize("noise", [b"\xff\xff\xff\xff", b"\x00\x00\x00\x05HELLO", b"\x00\x00\x00\x00"])
def test_what_the_protocol_does_not_know_ends_the_connection(noise: bytes) -> None:
    """As the contract asks of both ends."""

    async def scenario() -> None:
        async with Switch() as switch:
            sender = await Sender.to(switch)
            sender._writer.write(noise)
            assert await sender.hear() is None
            assert switch.counts.garbage == 1
            await sender.hang_up()

    run(scenario)


@pytest.mark.parametrize(
    ("fault", "heard", "stored"),
    [
        (ScriptedFault(kind="nak", reason="BUSY"), ["NAK LN00000001 BUSY"], 0),
        (ScriptedFault(kind="cut_before_store"), [None], 0),
        (ScriptedFault(kind="cut_after_store"), [None], 1),
        (ScriptedFault(kind="cut_reading"), [None], 0),
        (ScriptedFault(kind="wrong_ack"), ["ACK LN99999999"], 1),
        (ScriptedFault(kind="double_ack"), ["ACK LN00000001", "ACK LN00000001"], 1),
        (ScriptedFault(kind="late_ack", seconds=0.05), ["ACK LN00000001"], 1),
        (ScriptedFault(kind="lag", seconds=0.05), ["ACK LN00000001"], 1),
    ],
    ids=lambda value: value.kind if isinstance(value, ScriptedFault) else None,
)
def test_each_fault_does_what_it_says(fault: ScriptedFault, heard: list[str | None], stored: int) -> None:
    """Seen by a sender that knows nothing of LENS."""

    async def scenario() -> None:
        async with Switch() as switch:
            sender = await Sender.to(switch)
            await switch.connected()
            switch.add_fault(fault)
            sender.send(am(1))
            assert [await sender.hear() for _ in heard] == heard
            assert switch.counts.delivered == stored
            await sender.hang_up()

    run(scenario)


def test_acks_in_reverse_and_none_at_all_and_garbage() -> None:
    """The faults that leave a sender waiting, guessing or cut off."""

    async def scenario() -> None:
        async with Switch() as switch:
            sender = await Sender.to(switch)
            await switch.connected()
            switch.add_fault(ScriptedFault(kind="reverse_acks"))
            sender.send(am(1), am(2), am(3))
            assert [await sender.hear() for _ in range(3)] == ["ACK LN00000003", "ACK LN00000002", "ACK LN00000001"]
            switch.clear_faults()
            switch.add_fault(ScriptedFault(kind="no_ack", ori="TX", count=1))
            sender.send(am(4), am(5))
            assert await sender.hear() == "ACK LN00000005"
            assert switch.counts.delivered == 5
            switch.add_fault(ScriptedFault(kind="garbage"))
            sender.send(am(6))
            with pytest.raises(Exception, match="a frame says"):
                await sender.hear()
            await sender.hang_up()

    run(scenario)


def test_a_mute_switch_answers_nothing_for_its_time_and_then_everything() -> None:
    """New connections are muted too."""

    async def scenario() -> None:
        async with Switch() as switch:
            switch.add_fault(ScriptedFault(kind="mute", seconds=0.1))
            sender = await Sender.to(switch)
            await switch.connected()
            sender.send("PING", am(1))
            assert switch.counts.arrivals == 0
            assert [await sender.hear(), await sender.hear()] == ["PONG", "ACK LN00000001"]
            await sender.hang_up()

    run(scenario)


def test_a_switch_that_disappears_comes_back_at_the_same_address() -> None:
    """Connections are closed and none is taken meanwhile; what could not be said is said to the next."""

    async def scenario() -> None:
        async with Switch(Setup(clock=lambda: AT)) as switch:
            sender = await Sender.to(switch)
            await switch.connected()
            switch.add_fault(ScriptedFault(kind="refuse", seconds=0.1))
            assert await sender.hear() is None
            await sender.hang_up()
            with pytest.raises(OSError, match="Connect call failed"):
                await Sender.to(switch)
            switch.say(administrative("TXSIR0000", "VTINS07S0", "HELLO"))
            again: Sender | None = None
            while again is None:
                try:
                    again = await Sender.to(switch)
                except ConnectionRefusedError:
                    await asyncio.sleep(0.01)
            assert (await again.hear() or "").startswith("AM.TXSIR0000\r\n09:05 11/23/2026 00001\r\n")
            await again.hang_up()

    run(scenario)


def test_the_network_out_of_service_says_so_to_all_and_refuses_messages() -> None:
    """A NAK, not an error: the sender keeps the message and asks again."""

    async def scenario() -> None:
        async with Switch() as switch:
            one, other = await Sender.to(switch), await Sender.to(switch)
            await switch.connected(2)
            switch.set_network(service=False, until="1800 EST")
            for sender in (one, other):
                assert "NLETS TEMPORARILY OUT OF SERVICE UNTIL 1800 EST" in (await sender.hear() or "")
            one.send(am(1))
            assert await one.hear() == "NAK LN00000001 NLETS OUT OF SERVICE"
            switch.set_network(service=True)
            assert "NLETS IN SERVICE" in (await other.hear() or "")
            await one.hang_up()
            await other.hang_up()

    run(scenario)


def test_a_script_plays_each_step_at_its_trigger() -> None:
    """By time and by number of messages."""

    async def scenario() -> None:
        script = Script(
            (
                ScriptStep(after_messages=1, fault=ScriptedFault(kind="nak")),
                ScriptStep(after_messages=2, clear=True),
                ScriptStep(after_messages=3, state=StateChange(code="TX", down="02")),
                ScriptStep(after_messages=4, network=NetworkChange(service=False)),
                ScriptStep(after_seconds=0.01, inject="SM.NL0000000 TXT HELLO"),
            )
        )
        async with Switch() as switch:
            sender = await Sender.to(switch)
            await switch.connected()
            playing = asyncio.create_task(switch.play(script))
            assert await sender.hear() == "SM.NL0000000 TXT HELLO"
            heard: list[str] = []
            for number in range(1, 5):
                sender.send(am(number))
                heard.append(await sender.hear() or "")
            assert [one[:14] for one in heard] == ["ACK LN00000001", "NAK LN00000002", "ACK LN00000003", "ACK LN00000004"]
            assert ".02. TXSIR0000" in (await sender.hear() or "")
            assert "NLETS TEMPORARILY OUT OF SERVICE UNTIL FURTHER NOTICE" in (await sender.hear() or "")
            await playing
            await sender.hang_up()

    run(scenario)


def test_an_injected_text_goes_out_as_it_is() -> None:
    """Also one that is neither ER nor SM nor AM."""

    async def scenario() -> None:
        async with Switch() as switch:
            sender = await Sender.to(switch)
            await switch.connected()
            switch.inject("NONSENSE")
            switch.say(NetworkText("SM", "TXSIR0000", "VTINS07S0", "HELLO"))
            assert await sender.hear() == "NONSENSE"
            assert (await sender.hear() or "").startswith("SM.TXSIR0000")
            await sender.hang_up()

    run(scenario)
