import asyncio
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.simulator.switch import Switch
from app.store.engine import Store
from tests.dispatch.dying_worker import STEPS
from tests.dispatch.outbox_rows import AZ, NM, TX, flagged, queue, rows, statuses, store_in
from tests.dispatch.scripted import until
from tests.dispatch.witness import judge


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with its tables."""
    opened = store_in(tmp_path)
    yield opened
    opened.close()


async def worker(store: Store, switch: Switch, name: str, step: str, passes: int) -> asyncio.subprocess.Process:
    """A dispatcher in a process of its own, that dies at a step once it has passed it so often."""
    arguments = (str(store.write.url), switch.address, name, step, str(passes))
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.dispatch.dying_worker", *arguments)


def all_sent(store: Store) -> bool:
    """Whether the network took everything."""
    return set(statuses(store).values()) == {"sent"}


def test_kill_at_any_step_loses_nothing(store: Store) -> None:
    """A dispatcher killed at each of its steps in turn: everything arrives once, in order, and what was sent twice is flagged."""
    queued = queue(store, [AZ, TX, NM] * 40)

    async def scenario() -> None:
        async with Switch() as switch, asyncio.timeout(60):
            for place, step in enumerate(STEPS):
                child = await worker(store, switch, f"w{place}", step, place)
                assert await child.wait() == -signal.SIGKILL, f"did not die {step}"
                assert not all_sent(store), f"everything was sent before {step}"
            last = await worker(store, switch, "last", "never", 0)
            await until(lambda: all_sent(store))
            last.kill()
            await last.wait()
            judge(store, switch, (AZ, TX, NM))
            assert switch.counts.delivered == len(queued)
            assert switch.counts.duplicates > 0

    asyncio.run(scenario())
    assert len(flagged(store)) < len(queued) / 2
    causes = rows(store, "SELECT DISTINCT cause FROM message_event WHERE cause LIKE '%may have arrived'")
    assert causes != []


def test_two_dispatchers_and_a_sudden_death_share_the_lanes(store: Store) -> None:
    """Of two dispatchers at work one is killed; the other takes its lanes over when their leases end, and nothing is lost."""
    queue(store, [AZ, TX, NM] * 40)

    async def scenario() -> None:
        async with Switch() as switch, asyncio.timeout(60):
            survivor = await worker(store, switch, "survivor", "never", 0)
            victim = await worker(store, switch, "victim", "mid send", 1)
            await until(lambda: all_sent(store))
            for child in (survivor, victim):
                if child.returncode is None:
                    child.kill()
                await child.wait()
            judge(store, switch, (AZ, TX, NM))

    asyncio.run(scenario())
