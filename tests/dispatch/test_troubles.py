import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest
from sqlalchemy import Connection

from app.dispatch.channel import Arrival, Outgoing, Receipt
from app.dispatch.channels.spool import SpoolChannel
from app.dispatch.counts import DispatchCounts
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.lanes import LaneSender
from app.errors import LensError, Unavailable
from app.store.database.engine import Store
from app.store.database.writer import Writer
from app.store.outbox.outbox import Batch
from app.store.outbox.tries import AttemptResult, Taken
from app.store.upkeep.given_out import GivenOut
from app.store.upkeep.recovery import recover
from tests.dispatch.outbox_rows import AZ, TX, change, flagged, history, queue, statuses, text_of, wire
from tests.dispatch.scripted import QUICK, TAKEN, ScriptedChannel, always_taken, dispatching, until

T = TypeVar("T")
R = TypeVar("R")


class TroubledWriter(Writer):
    """A writer whose database is away the first times that each function is called; every second loss is after the commit."""

    def __init__(self, store: Store, losses: int) -> None:
        super().__init__(store)
        self._left: Counter[str] = Counter(dict.fromkeys(("claim", "turn", "presume", "take_in"), losses))

    async def do(self, apply: Callable[[Connection, Sequence[T]], Sequence[R | LensError]], item: T) -> R:
        """As ever, unless the database is away."""
        name = getattr(apply, "__name__", "")
        self._left[name] -= 1
        if self._left[name] < 0:
            return await super().do(apply, item)
        if self._left[name] % 2:
            await super().do(apply, item)
        raise Unavailable("the disk is full")


def test_a_database_that_is_away_costs_nothing(store: Store) -> None:
    """What is known is kept until it can be written, also when it is the answer of a commit that is lost."""
    queued = queue(store, [AZ, AZ, TX])

    async def scenario() -> None:
        channel = ScriptedChannel(always_taken)
        with TroubledWriter(store, 4) as writer:
            dispatcher = Dispatcher(
                writer=writer, channel=channel, worker="w1", limits=replace(QUICK, lease=0.5, presume_after=0.2), wire=wire
            )
            task = asyncio.create_task(dispatcher.run())
            channel.arrivals.put_nowait(Arrival("test:1", "no word of the protocol"))
            await until(lambda: set(statuses(store).values()) == {"presumed_delivered"} and channel.answers == ["unmatched"])
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert {number for number, times in Counter(channel.wire).items() if times > 1} == set()

    asyncio.run(scenario())
    assert all(history(store, number)[-2:] == ["sent", "presumed_delivered"] for number in queued)


class OneTooFew(ScriptedChannel):
    """A channel that forgets a receipt, once."""

    forgetful = True

    async def send(self, messages: Sequence[Outgoing]) -> Sequence[Receipt]:
        """As ever, but for the first time."""
        receipts = await super().send(messages)
        forgotten, self.forgetful = self.forgetful, False
        return receipts[1:] if forgotten else receipts


def test_a_fault_in_one_lane_leaves_the_dispatcher_at_work(store: Store) -> None:
    """A lane that breaks down is taken up again after its lease, and what was under way goes out flagged."""
    queued = queue(store, [AZ, AZ])

    async def scenario() -> None:
        channel = OneTooFew(always_taken)
        async with dispatching(store, channel, replace(QUICK, lease=0.2)) as dispatcher:
            await until(lambda: not channel.forgetful)
            later = queue(store, [TX])
            dispatcher.wake()
            await until(lambda: statuses(store)[later[0]] == "sent")
            await until(lambda: set(statuses(store).values()) == {"sent"})

    asyncio.run(scenario())
    assert flagged(store) == set(queued)


def test_a_batch_whose_lease_is_nearly_over_is_not_sent() -> None:
    """A process that stood still between taking and sending lets the batch go, since another may have it by now."""
    channel = ScriptedChannel(always_taken)
    counts = DispatchCounts()
    sender = LaneSender(channel=channel, wire=wire, limits=replace(QUICK, lease=10.0), rng=Random(1), counts=counts)
    batch = Batch(
        AZ, 1, 0, (Taken(number=7, text=text_of(7, AZ), format="legacy", attempt=1, failures=0, maybe_duplicate=False),)
    )
    verdicts, delay = asyncio.run(sender.send(batch, time.monotonic() - 6.1))
    assert [(verdict.status, verdict.failed, verdict.unknown) for verdict in verdicts] == [("queued", False, False)]
    assert (channel.wire, delay, counts.late) == ([], 0, 1)
    verdicts, delay = asyncio.run(sender.send(batch, time.monotonic() - 5.0))
    assert (verdicts, delay) == ((AttemptResult(7, "sent", TAKEN.cause),), None)


def test_a_dispatcher_whose_channel_ends_says_so(store: Store) -> None:
    """A channel that breaks down ends the dispatcher with its error, so that somebody starts it again."""

    class Ending(ScriptedChannel):
        async def run(self, _: object) -> None:
            raise OSError("gone")

    async def scenario() -> None:
        with Writer(store) as writer, pytest.raises(OSError, match="gone"):
            await Dispatcher(writer=writer, channel=Ending(always_taken), worker="w1", limits=QUICK, wire=wire).run()

    asyncio.run(scenario())


def test_a_spool_is_a_network_too(store: Store, tmp_path: Path) -> None:
    """Messages become files with their bytes, and an ER laid into the spool rejects its message."""
    queued = queue(store, [AZ, TX])
    spool = tmp_path / "spool"

    async def scenario() -> None:
        with Writer(store) as writer:
            dispatcher = Dispatcher(writer=writer, channel=SpoolChannel(spool, poll=0.02), worker="w1", limits=QUICK, wire=wire)
            task = asyncio.create_task(dispatcher.run())
            await until(lambda: set(statuses(store).values()) == {"sent"})
            text = f"ER.NL0000000\r\nTXT\r\n.19. INVALID DESTINATION ORI\r\n{text_of(queued[1], TX)}"
            (spool / "in" / "answer.part").write_text(text)
            (spool / "in" / "answer.part").rename(spool / "in" / "answer.txt")
            await until(lambda: statuses(store)[queued[1]] == "rejected")
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(scenario())
    assert (spool / "out" / "LN00000001.am").read_bytes() == wire(text_of(queued[0], AZ), "legacy")
    assert sorted(path.name for path in (spool / "out").iterdir()) == ["LN00000001.am", "LN00000002.am"]


def test_a_database_that_is_behind_is_not_sent_from_until_it_is_recovered(store: Store, tmp_path: Path) -> None:
    """A standby that had not got everything may take over under a running dispatcher; `recover` ends it there too."""
    (number,) = queue(store, [AZ])
    GivenOut(tmp_path, "a").note(number + 100)

    async def scenario() -> None:
        channel = ScriptedChannel(always_taken)
        numbers = GivenOut(tmp_path, "a")
        with Writer(store) as writer:
            dispatcher = Dispatcher(
                writer=writer, channel=channel, worker="w1", limits=replace(QUICK, sweep=0.02), wire=wire, numbers=numbers
            )
            task = asyncio.create_task(dispatcher.run())
            await until(lambda: dispatcher.behind() is not None)
            assert "run `lens db recovered`" in (dispatcher.problem() or "")
            change(store, "UPDATE lane SET owner = NULL, until = 0")
            recover(store, given_out=numbers.highest())
            await until(lambda: dispatcher.behind() is None)
            (later,) = queue(store, [TX])
            await until(lambda: statuses(store)[later] == "sent")
            await until(lambda: GivenOut(tmp_path, "a").highest() == later)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(scenario())


def test_a_number_is_kept_before_its_message_leaves(store: Store, tmp_path: Path) -> None:
    """Whatever becomes of the database after that, the number is known to be used."""
    (number,) = queue(store, [AZ])
    seen = []

    async def scenario() -> None:
        async def fate(_: str, __: int) -> Receipt:
            seen.append(GivenOut(tmp_path, "a").highest())
            return TAKEN

        with Writer(store) as writer:
            dispatcher = Dispatcher(
                writer=writer,
                channel=ScriptedChannel(fate),
                worker="w1",
                limits=QUICK,
                wire=wire,
                numbers=GivenOut(tmp_path, "a"),
            )
            task = asyncio.create_task(dispatcher.run())
            await until(lambda: statuses(store)[number] == "sent")
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(scenario())
    assert seen == [number]
