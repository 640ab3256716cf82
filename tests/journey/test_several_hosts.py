"""Two services on one PostgreSQL, as on two hosts: the database crashes, then one of them is killed, and nothing is lost."""

import asyncio
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import cycle
from pathlib import Path

import httpx
import pytest

from app.domain.identifiers import message_number
from app.simulator.switch import Switch
from app.store.audit import verify
from app.store.engine import Store, open_store
from tests.cli.programs import KEY, Program, release
from tests.dispatch.outbox_rows import flagged, rows, statuses
from tests.dispatch.scripted import until
from tests.postgresql import PostgreSQL

SENDERS, EACH = 8, 20
Acknowledged = dict[str, list[dict[str, str]]]
"""The messages of each acknowledged release, as they were answered."""


@pytest.fixture
def server() -> Iterator[PostgreSQL]:
    """A server of this test's own, that flushes each commit to disk."""
    with PostgreSQL(durable=True) as running:
        yield running


async def send(urls: Sequence[str], names: Sequence[str], acknowledged: Acknowledged) -> None:
    """Sends releases, each to one service after the other until it is acknowledged."""
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(headers=headers, timeout=20, verify=False) as api:  # noqa: S501 - there is no TLS here
        services = cycle(urls)
        for name in names:
            while name not in acknowledged:
                try:
                    answer = await api.post(f"{next(services)}/v1/releases", content=release(name))
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
                    continue
                assert answer.status_code in {200, 201, 503}, answer.text
                if answer.status_code != 503:
                    acknowledged[name] = answer.json()["messages"]


def judge(store: Store, switch: Switch, acknowledged: Acknowledged) -> None:
    """Acknowledged is stored and delivered, word for word; each lane in order; every extra flagged; the audit trail whole."""
    told = {message["message_id"]: message["text"] for messages in acknowledged.values() for message in messages}
    assert len(acknowledged) == SENDERS * EACH
    assert {str(row[0]) for row in rows(store, "SELECT release_id FROM release")} == set(acknowledged)
    delivered = {message.message_id: message.text for inbox in switch.inboxes().values() for message in inbox}
    assert delivered == told
    for inbox in switch.inboxes().values():
        numbers = [message_number(message.message_id) for message in inbox]
        assert numbers == sorted(set(filter(None, numbers)))
    extra = {message_number(message_id) for message_id in told if switch.times_come(message_id) > 1}
    assert extra <= flagged(store)
    with store.read.connect() as connection:
        assert verify(connection) is None


def test_a_crashed_database_and_a_killed_service_lose_nothing(server: PostgreSQL, tmp_path: Path) -> None:
    """Senders go on through an immediate restart of PostgreSQL and a kill -9 of one of two services."""
    acknowledged: Acknowledged = {}
    names = [[f"HOSTS-{sender}-{number}" for number in range(EACH)] for sender in range(SENDERS)]

    def crash_database() -> None:
        server.stop(signal.SIGQUIT)
        server.start()

    async def scenario(url: str, store: Store, stack: ExitStack) -> None:
        async with Switch() as switch, asyncio.timeout(110):
            settings = {
                "LENS_DATABASE_URL": url,
                "LENS_CHANNEL": "tcp",
                "LENS_SWITCH_ADDRESS": switch.address,
                "LENS_LEASE": "1s",
            }
            programs = []
            for name in ("first", "second"):
                (tmp_path / name).mkdir()
                programs.append(stack.enter_context(Program(tmp_path / name, ["serve", "--port", "0"], settings)))
            urls = [await asyncio.to_thread(program.url) for program in programs]
            await switch.connected(2)
            sending = [asyncio.create_task(send(urls, mine, acknowledged)) for mine in names]
            await until(lambda: len(acknowledged) >= 20)
            await asyncio.to_thread(crash_database)
            before = len(acknowledged)
            await until(lambda: len(acknowledged) >= before + 20)
            programs[0].process.kill()
            await asyncio.gather(*sending)
            await until(lambda: set(statuses(store).values()) == {"sent"})
            judge(store, switch, acknowledged)

    with server.database() as url, ExitStack() as stack, closing(open_store(url)) as store:
        asyncio.run(scenario(url, store, stack))
