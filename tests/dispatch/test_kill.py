import asyncio
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.simulator.switch import Switch
from app.store.engine import Store
from tests.dispatch.dying_worker import LIMITS, STEPS
from tests.dispatch.outbox_rows import AZ, NM, TX, change, flagged, queue, rows, statuses, store_in
from tests.dispatch.scripted import until
from tests.dispatch.witness import judge


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with its tables."""
    opened = store_in(tmp_path)
    yield opened
    opened.close()


async def worker(store: Store, switch: Switch, step: str) -> asyncio.subprocess.Process:
    """A dispatcher in a process of its own, that dies at a step."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.dispatch.dying_worker", str(store.write.url), switch.address, step
    )


def all_sent(store: Store) -> bool:
    """Whether the network took everything."""
    return set(statuses(store).values()) == {"sent"}


def test_kill_at_any_step_loses_nothing(store: Store) -> None:
    """Dispatchers are killed at each of their steps while another works on: everything arrives once, in order, and what was
    sent twice is flagged.
    """
    oris = [f"AZSIR00{place:02}" for place in range(10)]

    async def scenario() -> None:
        async with Switch() as switch, asyncio.timeout(60):
            change(store, "INSERT INTO pause VALUES ('*', 'operator', 'until all have begun', 0)")
            victims = {step: await worker(store, switch, step) for step in STEPS}
            survivor = await worker(store, switch, "survivor")
            await switch.connected(len(victims) + 1)
            queue(store, oris * 20)
            change(store, "DELETE FROM pause")
            await until(lambda: all_sent(store))
            while any(child.returncode is None for child in victims.values()):
                queue(store, oris * 2)
                await until(lambda: all_sent(store))
            survivor.kill()
            await survivor.wait()
            assert {await child.wait() for child in victims.values()} == {-signal.SIGKILL}
            judge(store, switch, oris)
            assert switch.counts.delivered == len(statuses(store))
            assert switch.counts.duplicates > 0

    asyncio.run(scenario())
    assert rows(store, "SELECT count(*) > 0 FROM message_event WHERE cause LIKE '%may have arrived'") == [(True,)]
    assert len(flagged(store)) <= len(STEPS) * LIMITS.lanes * LIMITS.window


def test_a_dispatcher_that_stood_still_is_fenced(store: Store) -> None:
    """A dispatcher stopped for longer than its lease and then continued disturbs nothing of what another did meanwhile."""
    queue(store, [AZ, TX, NM] * 40)

    async def scenario() -> None:
        async with Switch() as switch, asyncio.timeout(60):
            first = await worker(store, switch, "first")
            await switch.arrived(4)
            first.send_signal(signal.SIGSTOP)
            second = await worker(store, switch, "second")
            await until(lambda: all_sent(store))
            first.send_signal(signal.SIGCONT)
            later = queue(store, [AZ, TX, NM] * 5)
            await until(lambda: all_sent(store))
            for child in (first, second):
                child.kill()
                await child.wait()
            judge(store, switch, (AZ, TX, NM))
            assert switch.counts.delivered == later[-1]

    asyncio.run(scenario())
