"""Everything at once: releases, corrections and cancellations over HTTP while all kinds of faults befall LENS's programs, its
database, the link and the network; then all is mended, comes to rest, and the checker judges.
"""

import asyncio
import resource
import signal
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import NamedTuple

from app.store.database.engine import Store, open_store
from app.store.trail.trail_check import verify
from tests.dispatch.outbox_rows import rows
from tests.dispatch.scripted import until
from tests.faults.callers import SystemOfRecord
from tests.faults.checker import OVER, assert_sound
from tests.faults.hosts import Host, Hosts
from tests.faults.line import Line
from tests.faults.network import ODDS, Deed, Network
from tests.faults.records import Stored, stored_in
from tests.postgresql import PostgreSQL

LEASE = 1.0
CALLERS = 8
REST_SECONDS = 300.0
SAID_BY_NETWORK = frozenset({"waiting_for_state", "held_by_network", "rejected"})
"""The statuses that only a text of the network gives."""


class Plan(NamedTuple):
    """How much of it. `every`: releases acknowledged from one fault to the next.

    `kinds`: the names of the faults, each once before any comes again; none for all that there are on the database at hand.
    `odds`: what the network does wrong.
    """

    releases: int
    every: int
    seed: int = 1
    kinds: Sequence[str] = ()
    odds: Mapping[Deed, float] = ODDS


class Mixed:
    """One run. `server` is the PostgreSQL that `url` leads to, None on SQLite."""

    def __init__(self, plan: Plan, folder: Path, url: str, store: Store, server: PostgreSQL | None) -> None:
        self.plan = plan
        self.rng = Random(plan.seed)
        self.store = store
        self.server = server
        self.network = Network(Random(plan.seed + 1), dict(plan.odds))
        self.line = Line(self.network)
        self.faults: Counter[str] = Counter()
        self._folder, self._url = folder, url
        self.hosts = Hosts(())
        self.caller = SystemOfRecord(self._urls, Random(plan.seed + 2))

    async def run(self) -> Mapping[str, int]:
        """The whole of it; the figures. Raises AssertionError with every violation."""
        async with self.line, self._programs() as self.hosts:
            await asyncio.gather(self.caller.send_all(self.plan.releases, CALLERS), self._trouble())
            await self._mend()
            await until(self._at_rest, REST_SECONDS)
        return self._judged()

    def _urls(self) -> Sequence[str]:
        return self.hosts.urls()

    def _programs(self) -> Hosts:
        settings = {
            "LENS_DATABASE_URL": self._url, "LENS_CHANNEL": "tcp", "LENS_SWITCH_ADDRESS": self.line.address,
            "LENS_LEASE": f"{LEASE}s", "LENS_ACK_TIMEOUT": "500ms", "LENS_RETRY_FIRST": "50ms", "LENS_RETRY_CAP": "500ms",
            "LENS_STATE_RETRY": "300ms", "LENS_SURGE_FLOOR": "1000000",
        }  # fmt: skip
        words = [["serve", "--port", "0"], ["work"]] + ([["serve", "--port", "0"]] if self.server else [])
        return Hosts([Host(self._folder / f"host-{number}", each, settings) for number, each in enumerate(words)])

    async def _trouble(self) -> None:
        """One fault after the other, each kind in its turn, each while so many more releases come in."""
        kinds: list[str] = []
        while self.caller.allowed < self.plan.releases:
            self.caller.allowed += self.plan.every
            if not kinds:
                kinds = list(self.plan.kinds or (ON_POSTGRESQL if self.server else ON_SQLITE))
                self.rng.shuffle(kinds)
            kind = kinds.pop()
            await getattr(self, f"_{kind}")()
            self.faults[kind] += 1
            await until(lambda: len(self.caller.answered) >= min(self.caller.allowed, self.plan.releases) - CALLERS, 100.0)

    async def _kill(self) -> None:
        host = self.rng.choice(self.hosts.all)
        await host.kill()
        await host.start()

    async def _stand_still(self) -> None:
        host = self.rng.choice(self.hosts.all)
        host.signal(signal.SIGSTOP)
        await asyncio.sleep(1.5 * LEASE)
        host.signal(signal.SIGCONT)

    async def _crash_database(self) -> None:
        assert self.server is not None
        await asyncio.to_thread(self.server.stop, signal.SIGQUIT)
        await asyncio.to_thread(self.server.start)

    async def _disk_full(self) -> None:
        """No file of a program may grow over what it has, as on a full disk: every write of SQLite fails, for half a second."""
        self._limit_files(4096)
        await asyncio.sleep(0.5)
        self._limit_files(resource.RLIM_INFINITY)

    def _limit_files(self, size: int) -> None:
        for host in self.hosts.all:
            assert host.running is not None
            pid = host.running.process.pid
            _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (min(size, most) if most >= 0 else size, most))

    async def _cut(self) -> None:
        self.line.cut()

    async def _refuse(self) -> None:
        await self.line.close()
        await asyncio.sleep(0.3)
        await self.line.open()

    async def _network_out(self) -> None:
        self.line.set_service(up=False)
        await asyncio.sleep(0.3)
        self.line.set_service(up=True)

    async def _state_out(self) -> None:
        self.network.down[self.rng.choice(("AZ", "TX", "NM"))] = self.rng.choice(("sm02", "sm04"))

    async def _states_back(self) -> None:
        self.network.down.clear()

    async def _mend(self) -> None:
        self.network.odds.clear()
        self.network.down.clear()
        self.line.set_service(up=True)

    def _at_rest(self) -> bool:
        return {str(row[0]) for row in rows(self.store, "SELECT DISTINCT status FROM message")} <= OVER

    def _judged(self) -> Mapping[str, int]:
        stored = stored_in(self.store)
        texts = [str(row[0]) for row in rows(self.store, "SELECT text FROM inbound")]
        unheard = self.network.unheard(texts)
        figures = assert_sound(self.caller.told.values(), self.network.arrivals, stored, unheard=unheard)
        flagged = {name for name, message in stored.messages.items() if message.flagged}
        acted_on = {name for name in self.network.believed_again(texts) if self._acted_on_again(name, stored, texts)}
        assert acted_on <= flagged, "a text of the network was acted on twice"
        with self.store.read.connect() as connection:
            assert verify(connection) is None
        more = {"replays": self.caller.replays, "answers 503": self.caller.refused_for_now, "unheard": len(unheard)}
        return {**figures, **more, **{f"fault {name}": count for name, count in sorted(self.faults.items())}}

    def _acted_on_again(self, name: str, stored: Stored, texts: Sequence[str]) -> bool:
        """Whether more became of a message through the network than it said different things; "" is of no message."""
        if name not in stored.messages:
            return True
        became = sum(event.status in SAID_BY_NETWORK for event in stored.messages[name].history)
        return became > self.network.said_of(name, texts)


_ANYWHERE = ("kill", "stand_still", "cut", "refuse", "network_out", "state_out", "states_back")
ON_SQLITE, ON_POSTGRESQL = (*_ANYWHERE, "disk_full"), (*_ANYWHERE, "crash_database")
"""The faults that there are."""


def run_mixed(plan: Plan, folder: Path, url: str, server: PostgreSQL | None) -> Mapping[str, int]:
    """A run on the empty database of `url`, with its tables."""
    with closing(open_store(url)) as store:
        return asyncio.run(Mixed(plan=plan, folder=folder, url=url, store=store, server=server).run())
