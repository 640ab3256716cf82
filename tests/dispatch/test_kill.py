import asyncio
import signal
import sys
from pathlib import Path
from random import Random
from typing import Self

from app.store.database.engine import Store
from tests.dispatch.dying_worker import LIMITS, STAND_STILL, STEPS
from tests.dispatch.outbox_rows import change, flagged, rows, statuses
from tests.dispatch.scripted import until
from tests.faults.backlog import STATES, fill
from tests.faults.checker import assert_sound
from tests.faults.line import Line
from tests.faults.network import Network
from tests.faults.records import stored_in

LANES = STATES[:10]


class Workers:
    """Dispatchers in processes of their own, none of which outlives the test."""

    def __init__(self, store: Store, line: Line) -> None:
        self._arguments = (str(store.write.url), line.address)
        self._all: list[asyncio.subprocess.Process] = []

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        """One more, that dies or stands still at a step (see dying_worker)."""
        module = "tests.dispatch.dying_worker"
        child = await asyncio.create_subprocess_exec(sys.executable, "-m", module, *self._arguments, *arguments)
        self._all.append(child)
        return child

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for child in self._all:
            if child.returncode is None:
                child.kill()
            await child.wait()


def all_sent(store: Store) -> bool:
    """Whether the network took everything."""
    return set(statuses(store).values()) == {"sent"}


def test_kill_at_any_step_loses_nothing(store: Store) -> None:
    """Dispatchers are killed at each of their steps while another works on: everything arrives once, in order, and what was
    sent twice is flagged.
    """
    network = Network(Random(1))

    async def scenario() -> None:
        async with Line(network) as line, Workers(store, line) as workers, asyncio.timeout(100):
            change(store, "INSERT INTO pause VALUES ('*', 'operator', 'until all have begun', 0)")
            victims = [await workers.start(step) for step in STEPS]
            await workers.start("survivor")
            await until(lambda: len(line.connections) == len(victims) + 1)
            told = fill(store, 200, "FIRST", LANES)
            change(store, "DELETE FROM pause")
            await until(lambda: all_sent(store), 60.0)
            while any(child.returncode is None for child in victims):  # one that found no lane to itself gets another chance
                told += fill(store, 200, f"AGAIN-{len(told)}", LANES)
                await until(lambda: all_sent(store), 60.0)
            assert {child.returncode for child in victims} == {-signal.SIGKILL}
            assert assert_sound(told, network.arrivals, stored_in(store))["extras"] > 0

    asyncio.run(scenario())
    assert rows(store, "SELECT count(*) > 0 FROM message_event WHERE cause LIKE '%may have arrived'") == [(True,)]
    assert len(flagged(store)) <= len(STEPS) * LIMITS.lanes * LIMITS.window


def test_a_dispatcher_that_stood_still_is_fenced(store: Store) -> None:
    """A dispatcher that stands still for longer than its lease, between taking and settling, and then goes on, settles nothing
    of what another did meanwhile.
    """
    network = Network(Random(1))
    told = fill(store, 40, "FIRST", ["AZ"])

    async def scenario() -> None:
        async with Line(network) as line, Workers(store, line) as workers, asyncio.timeout(100):
            first = await workers.start(STAND_STILL)
            await until(lambda: stopped(first.pid), 60.0)
            await workers.start("second")
            await until(lambda: all_sent(store), 60.0)
            first.send_signal(signal.SIGCONT)
            await until(lambda: not stopped(first.pid))
            later = fill(store, 20, "LATER", ["AZ"])
            await until(lambda: all_sent(store), 60.0)
            assert assert_sound([*told, *later], network.arrivals, stored_in(store))["extras"] > 0

    asyncio.run(scenario())


def stopped(pid: int) -> bool:
    """Whether a process stands still."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
