"""For how long a lane rests after a batch, and what is said of each message."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from random import Random

from app.dispatch.channel import Receipt
from app.dispatch.counts import DispatchCounts
from app.dispatch.lanes import LaneSender
from app.domain.times import micros_in
from app.store.outbox.outbox import Batch
from app.store.outbox.tries import Taken
from tests.dispatch.outbox_rows import AZ, text_of, wire
from tests.dispatch.scripted import LATER, QUICK, TAKEN, UNKNOWN, UNSENT, ScriptedChannel

LIMITS = replace(QUICK, retry_first=1.0, retry_cap=60.0)


def rests(*receipts: Receipt, fails: int = 0) -> Iterator[int | None]:
    """How long a lane that failed so often rests after each of these receipts, one message at a time."""
    said = iter(receipts)

    async def fate(_: str, __: int) -> Receipt:
        return next(said)

    sender = LaneSender(channel=ScriptedChannel(fate), wire=wire, limits=LIMITS, rng=Random(1), counts=DispatchCounts())
    batch = Batch(
        AZ, 1, fails, (Taken(number=7, text=text_of(7, AZ), format="legacy", attempt=1, failures=0, maybe_duplicate=False),)
    )
    for _ in receipts:
        yield asyncio.run(sender.send(batch, time.monotonic()))[1]


def test_a_lane_goes_on_at_once_when_all_was_taken() -> None:
    """However often it had failed."""
    assert list(rests(TAKEN, TAKEN, fails=5)) == [None, None]


def test_a_lane_rests_the_longer_the_more_often_it_failed() -> None:
    """By its failures in a row, from the first wait up to the cap."""
    for receipt in (LATER, UNKNOWN):
        for fails, longest in ((0, 1.0), (3, 8.0), (5, 32.0), (9, 60.0)):
            (rest,) = rests(receipt, fails=fails)
            assert rest is not None
            assert micros_in(longest / 2) <= rest <= micros_in(longest)


def test_a_link_that_takes_nothing_makes_every_lane_rest_shortly() -> None:
    """Longer each time up to two seconds, whatever the lane's own failures; from the beginning once the link took something."""
    found = list(rests(*[UNSENT] * 9, TAKEN, UNSENT, fails=9))
    assert all(rest is not None and rest <= micros_in(2.0) for rest in found[:9])
    assert found[8] is not None
    assert found[8] >= micros_in(1.0)
    assert found[9] is None
    assert found[10] is not None
    assert found[10] <= micros_in(0.1)
