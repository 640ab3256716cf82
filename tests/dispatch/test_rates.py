import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from app.dispatch.lanes import Limits
from app.domain.times import SECOND
from app.store.database.engine import Store
from app.store.outbox.pacing import Bucket, Rates
from tests.dispatch.outbox_rows import AZ, NM, TX, change, queue, rows, statuses
from tests.dispatch.scripted import QUICK, ScriptedChannel, always_taken, dispatching, until

RATE = 100.0


def times_of_tries(store: Store, ori: str = "%") -> list[int]:
    """When each try was begun, by the database's clock."""
    query = (
        "SELECT message_event.at FROM message_event JOIN message ON message.number = message_event.number"
        " WHERE message_event.status = 'sending' AND message.ori LIKE :ori ORDER BY message_event.at"
    )
    return [int(str(row[0])) for row in rows(store, query, ori=ori)]


def keeps_to(rate: float, times: list[int]) -> bool:
    """Whether no stretch of time has more than a full bucket and its share."""
    size = Bucket(rate, 0).size
    return all(
        last - first + 1 <= size + (times[last] - times[first]) * rate / SECOND
        for first in range(len(times))
        for last in range(first, len(times))
    )


@pytest.mark.parametrize("rates", [Rates(overall=RATE), Rates(lane=RATE)], ids=["overall", "lane"])
def test_dispatchers_together_keep_to_the_rate(new_store: Callable[[], Store], rates: Rates) -> None:
    """Two dispatchers send everything, once and in order, and never faster than the rate allows, to one ORI or to all."""
    stores = [new_store(), new_store()]
    queued = queue(stores[0], [AZ, TX, NM] * 50 if rates.lane is None else [AZ] * 130 + [TX])

    async def scenario() -> None:
        channels = [ScriptedChannel(always_taken), ScriptedChannel(always_taken)]
        async with AsyncExitStack() as stack:
            for store, channel, worker in zip(stores, channels, ("w1", "w2"), strict=True):
                await stack.enter_async_context(dispatching(store, channel, replace(QUICK, rates=rates), worker))
            await until(lambda: set(statuses(stores[0]).values()) == {"sent"})
        assert sorted(number for channel in channels for _, number in channel.wire) == queued

    asyncio.run(scenario())
    assert keeps_to(RATE, times_of_tries(stores[0], "%" if rates.lane is None else AZ))


def test_what_is_too_quick_would_be_seen() -> None:
    """A full bucket at once is as it should be; one message more is not, until its share of time has gone by."""
    assert keeps_to(2.0, [0, 0, SECOND // 2])
    assert not keeps_to(2.0, [0, 0, SECOND // 2 - 1])


def test_a_slow_rate_is_no_clock_set_back(store: Store) -> None:
    """A lane may rest for as long as one message takes; the horizon beyond which a time counts as past is further off."""
    assert Limits(rates=Rates(0.001, 0.0005)).horizon > 2000
    queue(store, [AZ, AZ])

    async def scenario() -> None:
        slow = replace(QUICK, rates=Rates(lane=0.001))
        async with dispatching(store, ScriptedChannel(always_taken), slow) as dispatcher:
            await until(lambda: statuses(store)[1] == "sent")
            for _ in range(3):
                dispatcher.wake()
                await until(lambda: not dispatcher._woken)
            assert statuses(store)[2] == "queued"
            change(store, "UPDATE pace SET at = 0")
            change(store, "UPDATE lane SET due = 0")
            dispatcher.wake()
            await until(lambda: statuses(store)[2] == "sent")

    asyncio.run(scenario())
