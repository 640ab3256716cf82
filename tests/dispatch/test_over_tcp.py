import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from app.dispatch.channels.tcp import TcpChannel
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.lanes import Limits
from app.simulator.script import ScriptedFault
from app.simulator.setup import Setup
from app.simulator.switch import Switch
from app.store.database.engine import Store
from app.store.database.writer import Writer
from tests.dispatch.outbox_rows import AZ, NM, TX, flagged, queue, rows, statuses, wire, work_items
from tests.dispatch.scripted import QUICK, until
from tests.dispatch.witness import judge

ORIS = (AZ, TX, NM)


@asynccontextmanager
async def dispatching(store: Store, switch: Switch, limits: Limits = QUICK) -> AsyncIterator[Dispatcher]:
    """A dispatcher on a real connection to the switch."""
    with Writer(store) as writer:
        channel = TcpChannel(switch.address, ack_timeout=0.2, ping_every=0.2, retry=(0.01, 0.05))
        dispatcher = Dispatcher(writer=writer, channel=channel, worker="w1", limits=limits, wire=wire)
        task = asyncio.create_task(dispatcher.run())
        try:
            yield dispatcher
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def all_are(store: Store, *wanted: str) -> Callable[[], bool]:
    """Whether every message has one of these statuses."""
    return lambda: set(statuses(store).values()) <= set(wanted)


@pytest.mark.parametrize(
    "fault",
    [
        ScriptedFault(kind="cut_before_store", count=3),
        ScriptedFault(kind="cut_after_store", count=3),
        ScriptedFault(kind="cut_reading", count=3),
        ScriptedFault(kind="no_ack", count=3),
        ScriptedFault(kind="garbage", count=2),
        ScriptedFault(kind="wrong_ack", count=3),
        ScriptedFault(kind="late_ack", seconds=0.3, count=3),
    ],
    ids=lambda fault: fault.kind,
)
def test_no_lost_answer_loses_or_reorders(store: Store, fault: ScriptedFault) -> None:
    """Whatever keeps an ACK from coming, each message arrives once and in order, and what was sent twice is flagged."""
    queue(store, ORIS * 20)

    async def scenario() -> None:
        async with Switch() as switch:
            switch.add_fault(fault)
            async with dispatching(store, switch, replace(QUICK, window=8)):
                await until(all_are(store, "sent"))
            judge(store, switch, ORIS)
            assert (switch.counts.delivered, switch.counts.arrivals > 60) == (60, fault.kind != "cut_reading")
            assert fault.kind != "cut_reading" or switch.counts.cuts == 3

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "fault",
    [
        ScriptedFault(kind="double_ack", count=20),
        ScriptedFault(kind="reverse_acks", count=20),
        ScriptedFault(kind="mute", seconds=0.3),
        ScriptedFault(kind="refuse", seconds=0.2),
        ScriptedFault(kind="cut"),
    ],
    ids=lambda fault: fault.kind,
)
def test_no_oddity_of_the_switch_loses_or_reorders(store: Store, fault: ScriptedFault) -> None:
    """A switch that answers oddly, stands still, goes away or cuts the line in the middle costs nothing."""
    queue(store, ORIS * 20)

    async def scenario() -> None:
        async with Switch() as switch, dispatching(store, switch, replace(QUICK, window=2)):
            await switch.arrived(6)
            switch.add_fault(fault)
            await until(all_are(store, "sent"))
            judge(store, switch, ORIS)
            assert switch.counts.delivered == 60

    asyncio.run(scenario())


def test_refusals_reorder_nothing_where_one_message_goes_at_a_time(store: Store) -> None:
    """With a window of one, messages that the switch refuses for now still arrive in order."""
    queue(store, ORIS * 10)

    async def scenario() -> None:
        async with Switch() as switch, dispatching(store, switch, replace(QUICK, window=1)):
            switch.add_fault(ScriptedFault(kind="nak", count=7))
            await until(all_are(store, "sent"))
            judge(store, switch, ORIS)

    asyncio.run(scenario())
    assert flagged(store) == set()


def test_refusals_in_a_window_lose_nothing(store: Store) -> None:
    """With messages refused in the middle of windows all of them arrive once, and none is taken for a duplicate."""
    queue(store, ORIS * 30)

    async def scenario() -> None:
        async with Switch() as switch, dispatching(store, switch):
            switch.add_fault(ScriptedFault(kind="nak", ori=AZ, count=7))
            await until(all_are(store, "sent"))
            assert switch.counts.delivered == 90
            assert [len(switch.inbox(ori)) for ori in ORIS] == [30, 30, 30]

    asyncio.run(scenario())
    assert flagged(store) == set()


def test_an_unknown_ori_and_states_out_of_service_end_as_they_should(store: Store) -> None:
    """ER .19. rejects, SM .02. holds and SM .04. waits, and each message arrives as often as that means."""
    queue(store, ORIS)
    known = {AZ: "AZ", TX: "TX"}

    async def scenario() -> None:
        async with Switch(Setup(oris=known)) as switch:
            switch.set_state("AZ", "02")
            switch.set_state("TX", "04")
            async with dispatching(store, switch):
                await until(lambda: list(statuses(store).values())[::2] == ["held_by_network", "rejected"])
                await switch.until(lambda: switch.counts.not_forwarded >= 2)
                switch.set_state("TX", None)
                await until(lambda: len(switch.inbox(TX)) == 1)  # it is `sent` for a moment, too, between an ACK and SM .04.
                await until(lambda: list(statuses(store).values()) == ["held_by_network", "sent", "rejected"])
                switch.set_state("AZ", None)
                assert [len(switch.inbox(ori)) for ori in ORIS] == [1, 1, 0]

    asyncio.run(scenario())
    assert work_items(store) == [("network-rejected", 3, 1)]
    assert flagged(store) == set()


def test_the_network_out_of_service_holds_everything_back(store: Store) -> None:
    """From the network's word on nothing is sent, and everything is once it is back."""

    async def scenario() -> None:
        async with Switch() as switch, dispatching(store, switch) as dispatcher:
            await switch.connected()
            switch.set_network(service=False)
            await until(lambda: rows(store, "SELECT count(*) FROM pause") == [(1,)])
            queue(store, ORIS * 5)
            await until(lambda: dispatcher.problem() == "the network is temporarily out of service")
            assert switch.counts.arrivals == 0
            switch.set_network(service=True)
            await until(all_are(store, "sent"))
            judge(store, switch, ORIS)

    asyncio.run(scenario())
    assert rows(store, "SELECT DISTINCT attempts FROM message") == [(1,)]
