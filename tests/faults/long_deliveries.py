"""Faults of sending, with dispatchers in processes of their own: killed, stopped for longer than their lease, waiting for the link."""

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from random import Random
from statistics import quantiles
from typing import Any, Literal

from app.dispatch.channels.tcp import TcpChannel
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.lanes import Limits
from app.store.database.engine import Store
from app.store.database.writer import Writer
from tests.dispatch.dying_worker import LIMITS
from tests.dispatch.outbox_rows import rows, wire
from tests.dispatch.scripted import until
from tests.faults.backlog import database, fill
from tests.faults.checker import OVER, assert_sound
from tests.faults.line import Line
from tests.faults.network import Network
from tests.faults.planned import Figures, Planned, Room
from tests.faults.records import Told, stored_in

Kind = Literal["sqlite", "postgresql"]


class Workers:
    """Dispatchers, none of which outlives the block. They have a lease of 0.4 s, a window of 4 and 2 lanes at a time."""

    def __init__(self, url: str, address: str) -> None:
        self._arguments = (url, address)
        self._born = 0
        self.alive: list[asyncio.subprocess.Process] = []

    async def start(self) -> None:
        """One more."""
        self._born += 1
        words = (sys.executable, "-m", "tests.dispatch.dying_worker", *self._arguments, f"worker-{self._born}")
        self.alive.append(await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.DEVNULL))

    async def kill(self, number: int) -> None:
        """Kills one, without a warning."""
        victim = self.alive.pop(number)
        victim.send_signal(signal.SIGCONT)
        victim.kill()
        await victim.wait()

    async def kill_all(self) -> None:
        """Ends the block."""
        while self.alive:
            await self.kill(0)


def at_rest(store: Store) -> bool:
    """Whether nothing waits any more."""
    return {str(row[0]) for row in rows(store, "SELECT DISTINCT status FROM message")} <= OVER


def killed(kind: Kind, room: Room) -> Figures:
    """Two dispatchers; again and again one of them is killed and another started."""
    kills, rng = room.times(50), Random(50)

    async def scenario(workers: Workers, network: Network) -> None:
        for _ in range(kills):
            before = len(network.arrivals)
            await until(lambda: len(network.arrivals) >= before + 30 or len(network.arrivals) >= len(told), 60.0)  # noqa: B023
            await asyncio.sleep(rng.random() * 0.02)
            await workers.start()
            await workers.kill(rng.randrange(2))

    with database(kind, room.folder) as (url, store, _):
        told = fill(store, 100 * kills)
        figures = asyncio.run(_with_workers(url, store, told, scenario))
    assert figures["extras"] <= kills * LIMITS.lanes * LIMITS.window
    return {"kills": kills, **figures}


def stopped(kind: Kind, room: Room) -> Figures:
    """Two dispatchers; again and again one stands still for longer than its lease, and goes on."""
    stops, rng = room.times(20), Random(20)

    async def scenario(workers: Workers, network: Network) -> None:
        for _ in range(stops):
            before = len(network.arrivals)
            await until(lambda: len(network.arrivals) >= before + 20 or len(network.arrivals) >= len(told), 60.0)  # noqa: B023
            victim = rng.choice(workers.alive)
            victim.send_signal(signal.SIGSTOP)
            await asyncio.sleep(2 * LIMITS.lease)
            victim.send_signal(signal.SIGCONT)

    with database(kind, room.folder) as (url, store, _):
        told = fill(store, 200 * stops)
        figures = asyncio.run(_with_workers(url, store, told, scenario))
    return {"stops": stops, **figures}


async def _with_workers(
    url: str, store: Store, told: list[Told], scenario: Callable[[Workers, Network], Coroutine[Any, Any, None]]
) -> Mapping[str, int]:
    network = Network(Random(1))
    async with Line(network) as line:
        workers = Workers(url, line.address)
        try:
            await workers.start()
            await workers.start()
            await scenario(workers, network)
            await until(lambda: at_rest(store), 300.0)
        finally:
            await workers.kill_all()
    return assert_sound(told, network.arrivals, stored_in(store))


def taken_over(kind: Kind, room: Room) -> Figures:
    """The dispatcher that has every lane in its hands is killed: how long until another has sent on the last of them."""
    network = Network(Random(1), down={"AZ": "swallow", "TX": "swallow"})
    taken = 0.0

    async def scenario(url: str, store: Store, told: list[Told]) -> float:
        async with Line(network) as line:
            workers = Workers(url, line.address)
            try:
                await workers.start()
                await until(lambda: len({each.ori for each in network.arrivals}) == 2, 60.0)
                await workers.start()
                await until(lambda: len(line.connections) == 2, 60.0)
                network.down.clear()
                await workers.kill(0)
                begun, before = time.monotonic(), len(network.arrivals)
                await until(lambda: len({each.ori for each in network.arrivals[before:]}) == 2, 60.0)
                seconds = time.monotonic() - begun
                await until(lambda: at_rest(store), 60.0)
            finally:
                await workers.kill_all()
        assert_sound(told, network.arrivals, stored_in(store))
        return seconds

    with database(kind, room.folder) as (url, store, _):
        taken = asyncio.run(scenario(url, store, fill(store, 40, states=("AZ", "TX"))))
    assert taken <= LIMITS.lease + 1.0
    return {"lease s": LIMITS.lease, "takeover s": round(taken, 2)}


def drained(kind: Kind, room: Room) -> Figures:
    """The switch is away while a backlog grows: how it drains once it is back, and how often was looked in vain meanwhile."""
    away, backlog = 30.0 * room.scale, 2000

    async def scenario(store: Store) -> tuple[float, int, Mapping[str, int]]:
        network = Network(Random(1))
        async with Line(network) as line:
            with Writer(store) as writer:
                dispatcher = Dispatcher(
                    writer=writer, channel=TcpChannel(line.address, 5.0), worker="w1", limits=Limits(), wire=wire
                )
                running = asyncio.create_task(dispatcher.run())
                await until(lambda: dispatcher.problem() is None)
                await line.close()
                told = await asyncio.to_thread(fill, store, backlog)
                groups = writer.groups
                await asyncio.sleep(away)
                looks = writer.groups - groups
                await line.open()
                begun = time.monotonic()
                await until(lambda: len(network.arrivals) >= backlog, 60.0)
                seconds = time.monotonic() - begun
                await until(lambda: at_rest(store), 60.0)
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
        return seconds, looks, assert_sound(told, network.arrivals, stored_in(store))

    with database(kind, room.folder) as (_, store, _server):
        seconds, looks, figures = asyncio.run(scenario(store))
    assert seconds <= 6.0
    assert looks <= 10 * away + 10
    return {"away s": round(away, 1), "drained s": round(seconds, 2), "transactions while away": looks, **figures}


def beside_a_dead_destination(kind: Kind, room: Room) -> Figures:
    """How long a message takes from acceptance to the network, with and without a destination that never answers beside it."""
    rounds = room.times(200)
    figures: dict[str, int | float | str] = {}
    for case, down in (("alone", {}), ("beside a dead destination", {"AZ": "swallow"})):
        folder = room.folder / case.split()[0]
        folder.mkdir()
        network = Network(Random(1), down=dict(down))  # type: ignore[arg-type]
        with database(kind, folder) as (_, store, _server):
            waits = asyncio.run(_steady(store, network, rounds))
        figures[f"p50 ms {case}"] = round(1000 * quantiles(waits, n=100)[49], 1)
        figures[f"p99 ms {case}"] = round(1000 * quantiles(waits, n=100)[98], 1)
    return figures


async def _steady(store: Store, network: Network, rounds: int) -> list[float]:
    """Ten messages at a time to ten lanes, and to the one that is dead or not; the waits of the ten, in seconds."""
    accepted: dict[str, float] = {}
    others = [state for state in STATES_BESIDE if state != "AZ"]
    async with Line(network) as line:
        with Writer(store) as writer:
            dispatcher = Dispatcher(
                writer=writer,
                channel=TcpChannel(line.address, 1.0),
                worker="w1",
                limits=Limits(retry_first=0.1, retry_cap=1.0),
                wire=wire,
            )
            running = asyncio.create_task(dispatcher.run())
            await until(lambda: dispatcher.problem() is None)
            for number in range(rounds):
                told = await asyncio.to_thread(fill, store, 12, f"ROUND-{number}", STATES_BESIDE)
                now = time.monotonic()
                accepted |= {each.message_id: now for each in told if each.state in others}
                dispatcher.wake()
                await asyncio.sleep(0.02)
            await until(lambda: set(accepted) <= set(line.came), 60.0)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    return [line.came[name] - at for name, at in accepted.items()]


STATES_BESIDE = ("AZ", "TX", "NM", "CA", "NV", "UT", "CO", "OK", "KS", "LA", "AR", "MO")


def _both(name: str, goal: str, run: Callable[[Kind, Room], Figures]) -> list[Planned]:
    kinds: tuple[Kind, Kind] = ("sqlite", "postgresql")
    return [Planned(f"{name}, {kind}", goal, partial(run, kind)) for kind in kinds]


FAULTS = (
    *_both("kill -9 of dispatchers", "0 lost; extras at most lanes x window a kill, all flagged", killed),
    *_both("SIGSTOP for twice the lease", "0 lost, extras flagged", stopped),
    *_both("host of a dispatcher gone", "taken over within the lease + 1 s", taken_over),
    *_both("switch away, then back", "0 lost, 2,000 drained within 6 s, no busy loop", drained),
    *_both("one dead destination", "the other lanes as quick as without it", beside_a_dead_destination),
)
