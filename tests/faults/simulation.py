"""Seeded simulation: one number gives one whole run, with everything that goes wrong in it, the same each time.

A few system-of-record callers, two dispatchers, an operator and a network live through some simulated minutes in which processes
stall and die, the database goes away, links break, clocks jump by an hour, states and the network go out of service and come back.
Then all that ends, everything comes to rest, and the checker judges. `python -m tests.faults.simulation SEED` shows one run.
"""

import asyncio
import hashlib
import logging
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import NamedTuple

import structlog
from sqlalchemy import event

from app.decide.compose import wire
from app.decide.decide import Decider
from app.decide.terms import Terms
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.lanes import Limits
from app.rulebook.book import load
from app.store.database.engine import Store, open_store, upgrade
from app.store.desk.pauses import EVERYTHING, Pause, Resume, pause, resume
from app.store.trail.trail_check import verify
from tests.dispatch.outbox_rows import rows
from tests.faults.checker import OVER, check
from tests.faults.network import IN_SERVICE, ODDS, OUT_OF_SERVICE, Network
from tests.faults.records import stored_in
from tests.faults.simulated import Air, Body, Database, Link, ProcessWriter
from tests.faults.simulated_people import People, until_stored
from tests.faults.virtual import VirtualLoop, run

ROOT = Path(__file__).parents[2]
LIMITS = Limits(
    window=4,
    lease=10.0,
    lanes=2,
    retry_first=1.0,
    retry_cap=20.0,
    max_attempts=12,
    presume_after=60.0,
    state_retry=20.0,
    poll=10.0,
)
RELEASES, CALLERS, DISPATCHERS = 12, 3, 2
TROUBLE, REST = 120.0, 4000.0
"""Seconds of trouble, and seconds after it in which everything must have come to rest."""


class Outcome(NamedTuple):
    """What became of a seed: `digest` names the whole run, so that two runs of a seed can be held against each other."""

    seed: int
    violations: Sequence[str]
    figures: Mapping[str, int]
    faults: Sequence[str]
    digest: str


class Lives:
    """One dispatcher after the other under one name: whoever dies is followed by a new one."""

    def __init__(self, world: "World", name: str) -> None:
        self._world = world
        self._name = name
        self._births = 0
        self.body = Body(world.rng)
        self.link = Link(world.network, world.air, self.body)
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """A new process."""
        world = self._world
        self._births += 1
        self.body = Body(world.rng)
        self.link = Link(world.network, world.air, self.body)
        writer = ProcessWriter(world.database, self.body)
        dispatcher = Dispatcher(
            writer=writer,
            channel=self.link,
            worker=f"{self._name}-{self._births}",
            limits=LIMITS,
            wire=wire,
            rng=Random(world.rng.random()),
        )
        self.task = asyncio.create_task(dispatcher.run())

    async def die(self) -> None:
        """As by SIGKILL: nothing of it is carried out any more, whatever it was about to do."""
        self.body.dead = True
        assert self.task is not None
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


class World:
    """Everything of one run."""

    def __init__(self, seed: int, store: Store, decider: Decider, loop: VirtualLoop) -> None:
        self.rng = Random(seed)
        self.store = store
        self.loop = loop
        self.database = Database(store, self.rng)
        self.network = Network(self.rng, dict(ODDS))
        self.air = Air()
        self.faults: list[str] = []
        self.people = People(
            store=store, writer=ProcessWriter(self.database, Body(self.rng)), decider=decider, loop=loop, rng=self.rng
        )
        self.dispatchers = [Lives(self, f"dispatcher-{number}") for number in range(1, DISPATCHERS + 1)]

    async def live(self) -> None:
        """The whole run."""
        for each in self.dispatchers:
            each.start()
        callers = [asyncio.create_task(self.people.call(range(number, RELEASES, CALLERS))) for number in range(CALLERS)]
        await asyncio.gather(*callers, self.people.operate(TROUBLE), self._trouble())
        await self._mend()
        while not self._at_rest():
            if self.loop.time() > TROUBLE + REST:
                break  # the checker says what is stuck
            await asyncio.sleep(5.0)
        for each in self.dispatchers:
            assert each.task is not None
            each.task.cancel()
            await asyncio.gather(each.task, return_exceptions=True)

    async def _trouble(self) -> None:
        """One trouble after the other, of every kind."""
        while self.loop.time() < TROUBLE:
            await asyncio.sleep(self.rng.expovariate(1 / 6.0))
            trouble = self.rng.choice(_TROUBLES)
            self.faults.append(f"{self.loop.time():7.2f} {trouble.__name__.strip('_')}")
            await trouble(self)

    async def _kill(self) -> None:
        victim = self.rng.choice(self.dispatchers)
        await victim.die()
        await asyncio.sleep(self.rng.uniform(0.0, 15.0))
        victim.start()

    async def _stall(self) -> None:
        self.rng.choice(self.dispatchers).body.stall(self.rng.uniform(0.5, 25.0))

    async def _database_away(self) -> None:
        self.database.away_until = self.loop.time() + self.rng.uniform(0.1, 8.0)

    async def _connections_lost(self) -> None:
        self.database.loses = self.rng.uniform(0.0, 0.3)

    async def _link_cut(self) -> None:
        self.rng.choice(self.dispatchers).link.cut(self.rng.uniform(0.5, 20.0))

    async def _clock_jumps(self) -> None:
        self.loop.ahead += self.rng.choice((-3600.0, 3600.0))

    async def _state_out(self) -> None:
        self.network.down[self.rng.choice(("AZ", "TX", "NM"))] = self.rng.choice(("sm02", "sm04"))

    async def _state_back(self) -> None:
        self.network.down.clear()

    async def _network_out(self) -> None:
        self.network.in_service = not self.network.in_service
        self.air.say(self.network.text("SM", IN_SERVICE if self.network.in_service else OUT_OF_SERVICE))

    async def _operator_pauses(self) -> None:
        scope = self.rng.choice((EVERYTHING, "AZSIR0000", "TXSIR0000"))
        if self.rng.random() < 0.5:
            await until_stored(self.rng, partial(self.people.writer.do, pause, Pause(scope, "operator", "tried out")))
        else:
            await until_stored(self.rng, partial(self.people.writer.do, resume, Resume(scope, "operator")))

    async def _mend(self) -> None:
        """The trouble is over, for everyone."""
        self.network.odds.clear()
        self.network.down.clear()
        self.database.loses = self.database.away_until = 0.0
        if not self.network.in_service:
            await self._network_out()
        await self.people.let_go()
        await self.people.release_surges()
        for scope in (EVERYTHING, "AZSIR0000", "TXSIR0000"):
            await self.people.writer.do(resume, Resume(scope, "operator"))

    def _at_rest(self) -> bool:
        found = {str(row[0]) for row in rows(self.store, "SELECT DISTINCT status FROM message")}
        return found <= OVER and not self.air.waiting


_TROUBLES = (
    World._kill, World._kill, World._stall, World._stall, World._database_away, World._connections_lost, World._link_cut,
    World._clock_jumps, World._state_out, World._state_back, World._network_out, World._operator_pauses,
)  # fmt: skip


def simulate(seed: int, template: Path, folder: Path, decider: Decider) -> Outcome:
    """Runs one seed. `template` is a database file with its tables; `folder` may be used again for the next."""
    file = folder / "simulated.db"
    for each in folder.glob("simulated.db*"):
        each.unlink()
    shutil.copy(template, file)
    loop = VirtualLoop()
    with closing(open_store(f"sqlite:///{file}")) as store:
        event.listen(store.write, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF").close())
        world = World(seed, store, decider, loop)
        run(world.live(), loop)
        stored = stored_in(store)
        findings = check(world.people.told.values(), world.network.arrivals, stored)
        violations = list(findings.violations)
        with store.read.connect() as connection:
            broken = verify(connection)
        violations += [f"AUDIT: {broken}"] if broken else []
        heard = rows(store, "SELECT count(*), count(DISTINCT source) FROM inbound")[0]
        if heard != (world.air.said, world.air.said):
            violations.append(f"INBOUND: the network said {world.air.said} texts, stored are {heard[0]}")
    told = repr((world.network.arrivals, sorted(stored.messages.items()), world.faults))
    return Outcome(
        seed=seed,
        violations=violations,
        figures=findings.figures,
        faults=world.faults,
        digest=hashlib.sha256(told.encode()).hexdigest(),
    )


def decider_of_shipped_rules() -> Decider:
    """Decides by the rules in this repository."""
    return Decider(load(ROOT), Terms())


def main(seed: int) -> int:
    """Shows one seed; 1 when it has violations."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with TemporaryDirectory() as name:
        template = Path(name) / "template.db"
        with closing(open_store(f"sqlite:///{template}")) as store:
            upgrade(store)
        outcome = simulate(seed, template, Path(name), decider_of_shipped_rules())
    print("\n".join(outcome.faults))
    print(dict(outcome.figures), outcome.digest[:16])
    print("\n".join(outcome.violations) or "no violations")
    return bool(outcome.violations)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
