import asyncio
import shutil
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from app.dispatch.dispatcher import Dispatcher
from app.store.database.engine import open_store
from tests.dispatch.outbox_rows import statuses, wire
from tests.faults.backlog import fill
from tests.faults.network import Network
from tests.faults.simulated import Air, Body, Database, Link, ProcessWriter
from tests.faults.simulation import LIMITS
from tests.faults.virtual import VirtualLoop, run

CLOCKS = {"set back": -3600.0, "set forward": 3600.0}
REFUSALS = 8


def tries_of(sqlite_template: Path, folder: Path, jump: float) -> list[float]:
    """When a message that is refused so many times was tried, in true seconds; the clock jumps in the middle of its third wait."""
    shutil.copy(sqlite_template, folder / "lens.db")
    loop, rng, tried = VirtualLoop(), Random(1), list[float]()
    network = Network(rng, down={"AZ": "nak"})
    with closing(open_store(f"sqlite:///{folder}/lens.db")) as store:

        async def live() -> None:
            fill(store, 2, states=("AZ", "TX"))
            body = Body(rng)
            limits = replace(LIMITS, retry_first=4.0, retry_cap=60.0)
            dispatcher = Dispatcher(
                writer=ProcessWriter(Database(store, rng), body),
                channel=Link(network, Air(), body),
                worker="w1",
                limits=limits,
                wire=wire,
                rng=Random(2),
            )
            running = asyncio.create_task(dispatcher.run())
            seen = 0
            while not set(statuses(store).values()) <= {"sent", "presumed_delivered"}:
                await asyncio.sleep(0.1)
                came = sum(each.ori.startswith("AZ") for each in network.arrivals)
                tried.extend([loop.time()] * (came - seen))
                if seen == 2 and came == 3:
                    loop.call_later(1.0, lambda: setattr(loop, "ahead", jump))
                if came == REFUSALS:
                    network.down.clear()
                seen = came
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

        run(live(), loop)
    return tried


@pytest.mark.parametrize("jump", CLOCKS.values(), ids=CLOCKS.keys())
def test_a_clock_that_jumps_by_an_hour_strands_no_retry_and_brings_one_early_at_most(
    sqlite_template: Path, tmp_path: Path, jump: float
) -> None:
    """Set back or forward: waits are as long as policy has them, but for the one under way as it happened."""
    waits = [after - before for before, after in pairwise(tries_of(sqlite_template, tmp_path, jump))]
    assert len(waits) == REFUSALS
    assert max(waits) <= 60.0 + LIMITS.poll
    shortest = [min(60.0, 4.0 * 2**fails) / 2 for fails in range(REFUSALS)]
    assert sum(wait < least for wait, least in zip(waits, shortest, strict=True)) <= 1
