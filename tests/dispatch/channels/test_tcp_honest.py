import asyncio
from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from app.dispatch.channel import Outgoing
from app.dispatch.channels.tcp import TcpChannel
from app.simulator.script import Script, ScriptedFault, ScriptStep
from app.simulator.switch import Switch
from tests.dispatch.channels.conftest import Scenario
from tests.dispatch.channels.link import AZ, TX, channel_to, message, running, until

InLoop = Callable[[Scenario], None]

MESSAGE_FAULTS = (
    ScriptedFault(kind="cut_before_store", count=1),
    ScriptedFault(kind="cut_after_store", count=1),
    ScriptedFault(kind="cut_reading", count=1),
    ScriptedFault(kind="no_ack", count=2),
    ScriptedFault(kind="nak", count=3),
    ScriptedFault(kind="garbage", count=1),
    ScriptedFault(kind="wrong_ack", count=2),
    ScriptedFault(kind="double_ack", count=4),
    ScriptedFault(kind="reverse_acks", count=6, seconds=0.01),
    ScriptedFault(kind="late_ack", count=2, seconds=0.15),
    ScriptedFault(kind="lag", count=4, seconds=0.15),
)
LINK_FAULTS = (ScriptedFault(kind="cut"), ScriptedFault(kind="mute", seconds=0.15), ScriptedFault(kind="refuse", seconds=0.05))


class Tries:
    """What every try of every message was said to have become."""

    def __init__(self) -> None:
        self.fates: dict[str, Counter[str]] = {}

    async def deliver(self, channel: TcpChannel, lane: list[Outgoing], rng: Random) -> None:
        """Sends a lane's messages again and again until each is taken."""
        while lane:
            await until(lambda: channel.problem() is None)
            batch = lane[: rng.randint(1, 4)]
            for one, receipt in zip(batch, await channel.send(batch), strict=True):
                self.fates.setdefault(one.message_id, Counter())[receipt.fate] += 1
                if receipt.fate == "taken":
                    lane.remove(one)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_goes_wrong_the_receipts_tell_the_truth(in_loop: InLoop, seed: int) -> None:
    """Taken means it came; unsent means that this try did not; and each message is delivered once with its bytes."""
    rng = Random(seed)

    async def scenario() -> None:
        sent = {ori: [message(start + number, ori) for number in range(30)] for ori, start in ((TX, 1), (AZ, 101))}
        async with Switch() as switch, running(channel_to(switch.address, ack_timeout=0.1, ping_every=0.1)) as channel:
            tries = Tries()
            for fault in rng.sample(MESSAGE_FAULTS, len(MESSAGE_FAULTS)):
                switch.add_fault(fault)
            steps = (ScriptStep(after_messages=rng.randint(5, 60), fault=fault) for fault in LINK_FAULTS)
            playing = asyncio.create_task(switch.play(Script(tuple(steps))))
            await asyncio.gather(playing, *(tries.deliver(channel, list(lane), rng) for lane in sent.values()))
            for ori, lane in sent.items():
                assert {one.payload.encode() for one in switch.inbox(ori)} == {one.payload for one in lane}
                assert len(switch.inbox(ori)) == len(lane)
            for control, fates in tries.fates.items():
                assert 1 <= switch.times_come(control) <= fates.total() - fates["unsent"]

    in_loop(scenario)
