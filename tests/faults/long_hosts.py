"""Faults of hosts: one is cut off from everything and comes back; the database's host is lost, and its standby takes over."""

import asyncio
import signal
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import closing
from random import Random
from typing import Any

from app.store.database.engine import Store, open_store
from app.store.trail.trail_check import verify
from tests.cli.programs import lens
from tests.dispatch.outbox_rows import rows
from tests.dispatch.scripted import until
from tests.faults.callers import SystemOfRecord
from tests.faults.checker import assert_sound, check
from tests.faults.hosts import Host, Hosts
from tests.faults.line import Line
from tests.faults.long_deliveries import at_rest
from tests.faults.namespaces import Namespaces
from tests.faults.network import Network
from tests.faults.planned import Figures, Planned, Room
from tests.faults.records import stored_in
from tests.postgresql import STANDBY, PostgreSQL

LEASE = 2.0
_SETTINGS = {
    "LENS_CHANNEL": "tcp", "LENS_LEASE": f"{LEASE}s", "LENS_ACK_TIMEOUT": "1s", "LENS_RETRY_FIRST": "100ms", "LENS_RETRY_CAP": "1s",
    "LENS_SURGE_FLOOR": "1000000", "LENS_ALLOW_GENERIC_ORI": "true",
}  # fmt: skip
_CALLERS = 8
_SERVES = ["serve", "--host", "0.0.0.0", "--port", "8000"]  # noqa: S104 - in a namespace of its own


class Site:
    """Two services that share a database and the network, and a system of record that calls them."""

    def __init__(self, line: Line, hosts: Hosts, releases: int) -> None:
        self.line = line
        self.hosts = hosts
        self.caller = SystemOfRecord(hosts.urls, Random(1), "HOST")
        self.releases = releases

    async def send(self, count: int) -> None:
        """Lets so many more releases come in, and waits until nearly all are acknowledged."""
        self.caller.allowed += count
        await until(lambda: len(self.caller.answered) >= self.caller.allowed - _CALLERS, 300.0)


async def _live(site: Site, store: Callable[[], Store], scenario: Callable[[Site], Coroutine[Any, Any, None]]) -> None:
    sending = asyncio.create_task(site.caller.send_all(site.releases, _CALLERS))
    await scenario(site)
    site.caller.allowed = site.releases
    await sending
    await until(lambda: at_rest(store()), 300.0)


def cut_off(room: Room) -> Figures:
    """Two hosts, each with an API and a dispatcher, in network namespaces of their own; the cable of one is pulled, and put back."""
    part = room.times(300)
    with (
        Namespaces(2) as net,
        PostgreSQL(durable=True, listen=net.here) as server,
        server.database() as url,
        closing(open_store(url)) as store,
    ):
        reached = url.replace("@/", f"@{net.here}/").partition("?")[0]

        async def scenario(site: Site) -> None:
            for place in (0, 1):
                await site.send(part)
                net.cut_off(place)
                await site.send(part)
                net.connect(place)
                await site.send(part)

        async def run() -> Mapping[str, int]:
            network = Network(Random(1))
            async with Line(network, host=net.here) as line:
                settings = _SETTINGS | {"LENS_DATABASE_URL": reached, "LENS_SWITCH_ADDRESS": line.address}
                hosts = [Host(room.folder / f"host-{place}", _SERVES, settings, net.inside(place)) for place in (0, 1)]
                async with Hosts(hosts) as both:
                    for host, address in zip(hosts, net.addresses, strict=True):
                        host.url = f"http://{address}:8000"
                    site = Site(line, both, 6 * part)
                    await _live(site, lambda: store, scenario)
            with store.read.connect() as connection:
                assert verify(connection) is None
            figures = assert_sound(site.caller.told.values(), network.arrivals, stored_in(store))
            return {**figures, "answers 503": site.caller.refused_for_now}

        return {"times cut off": 2, **asyncio.run(run())}


def failed_over(room: Room) -> Figures:
    """A primary with a synchronous standby is lost at once; the standby is promoted; both services go on by themselves."""
    part = room.times(400)
    with PostgreSQL(durable=True) as primary, PostgreSQL(durable=True, standby_of=primary) as standby:
        name = primary.new_database()
        primary.run(f"ALTER SYSTEM SET synchronous_standby_names = 'FIRST 1 ({STANDBY})'")
        primary.run("SELECT pg_reload_conf()")
        away: list[float] = []
        both = f"postgresql+psycopg://lens@/{name}?host={primary.folder}&host={standby.folder}&target_session_attrs=read-write"

        async def scenario(site: Site) -> None:
            await site.send(part)
            site.caller.allowed += _CALLERS  # so that some are under way
            await asyncio.to_thread(primary.stop, signal.SIGQUIT)
            begun, before = time.monotonic(), len(site.caller.answered)
            await asyncio.to_thread(standby.promote)
            site.caller.allowed += part
            await until(lambda: len(site.caller.answered) > before + _CALLERS, 60.0)  # so many may have been under way
            away.append(round(time.monotonic() - begun, 1))
            await site.send(0)

        async def run() -> Figures:
            network = Network(Random(1))
            async with Line(network) as line:
                settings = _SETTINGS | {"LENS_DATABASE_URL": both, "LENS_SWITCH_ADDRESS": line.address}
                hosts = [Host(room.folder / f"host-{place}", ["serve", "--port", "0"], settings) for place in (0, 1)]
                async with Hosts(hosts) as running:
                    site = Site(line, running, 2 * part + _CALLERS)
                    await _live(site, lambda: store, scenario)
            with store.read.connect() as connection:
                assert verify(connection) is None
            figures = assert_sound(site.caller.told.values(), network.arrivals, stored_in(store))
            return {**figures, "answers 503": site.caller.refused_for_now, "s without an acknowledgement": away[0]}

        with closing(open_store(both)) as store:
            return asyncio.run(run())


def failed_over_behind(room: Room) -> Figures:
    """The standby has not got the last releases: what docs/how-to/run-replicated.md says is done, and finds all that is missing."""
    part = room.times(400)
    with PostgreSQL(durable=True) as primary, PostgreSQL(durable=True, standby_of=primary) as standby:
        name = primary.new_database()
        return asyncio.run(_behind(room=room, part=part, primary=primary, standby=standby, name=name))


async def _behind(room: Room, part: int, primary: PostgreSQL, standby: PostgreSQL, name: str) -> Figures:
    network = Network(Random(1))
    async with Line(network) as line:
        settings = _SETTINGS | {"LENS_SWITCH_ADDRESS": line.address, "LENS_DATABASE_URL": primary.url(name)}
        async with Hosts([Host(room.folder / "before", ["serve", "--port", "0"], settings)]) as hosts:
            before = SystemOfRecord(hosts.urls, Random(1), "HOST")
            before.allowed = part
            await before.send_all(part, _CALLERS)
            await _follows_no_more(primary, standby)
            late = SystemOfRecord(hosts.urls, Random(2), "LATE")
            late.allowed = part
            await late.send_all(part, _CALLERS)
            with closing(open_store(primary.url(name))) as store:
                await until(lambda: at_rest(store), 120.0)
            await asyncio.to_thread(primary.stop, signal.SIGQUIT)
        sent = {each.message_id for each in network.arrivals}
        await asyncio.to_thread(standby.promote)
        settings["LENS_DATABASE_URL"] = standby.url(name)
        await asyncio.sleep(LEASE)
        said = await asyncio.to_thread(lens, room.folder, "db", "recovered", settings=settings)
        assert said.returncode == 0, said.stderr
        async with Hosts([Host(room.folder / "after", ["serve", "--port", "0"], settings)]) as hosts:
            again = SystemOfRecord(hosts.urls, Random(2), "LATE")
            again.allowed = part
            await again.send_all(part, _CALLERS)
            with closing(open_store(standby.url(name))) as store:
                await until(lambda: at_rest(store), 120.0)
                stored = stored_in(store)
    unknown = sent - set(stored.messages)
    findings = check([*before.told.values(), *again.told.values()], network.arrivals, stored)
    others = [words for words in findings.violations if not words.startswith("UNKNOWN")]
    assert not others, others[:10]
    assert unknown <= set(late.told)
    return {**findings.figures, "lost and sent again": len(again.answered), "sent and not known": len(unknown)}


async def _follows_no_more(primary: PostgreSQL, standby: PostgreSQL) -> None:
    """The standby gets everything so far, and nothing from now on; nobody on the primary notices."""
    with closing(open_store(primary.url("postgres"))) as seen:
        caught_up = "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_lsn()"
        await until(lambda: rows(seen, caught_up) == [(1,)], 60.0)
        standby.run("ALTER SYSTEM SET primary_conninfo = ''")
        standby.run("SELECT pg_reload_conf()")
        await until(lambda: rows(seen, "SELECT count(*) FROM pg_stat_replication") == [(0,)], 60.0)


FAULTS = (
    Planned("host cut off, in network namespaces", "0 lost; the other takes over, the first comes back", cut_off),
    Planned("failover to a synchronous standby", "0 lost, 0 duplicate releases, services go on", failed_over),
    Planned("failover to a standby that is behind", "no number twice; all that is missing is found", failed_over_behind),
)
