"""Delivery: messages a second from the outbox to acknowledged and settled, beside a bare socket writer in the same run.

Both send the same frames to the same switch, a process of its own that acknowledges each at once.
"""

import asyncio
import multiprocessing
import re
import socket
import time
from collections.abc import Iterator
from typing import cast

import pytest
import uvloop

from app.dispatch.channels.frames import Decoder, frame
from app.dispatch.channels.tcp import TcpChannel
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.lanes import Limits
from app.store.database.engine import Store
from app.store.database.writer import Writer
from tests.dispatch.outbox_rows import queue, rows, text_of, wire
from tests.dispatch.scripted import ScriptedChannel, always_taken

STATES = "AKALARAZCACOCTDCDEFLGAGMHIIAIDILINKSKYLAMAMDMEMIMNMOMSMTNBNCNDNHNJNMNVNYOHOKORPAPRRISCSDTNTXUTVAVIVTWAWIWVWY"
LANES = [f"{state}SIR0000" for state in re.findall("..", STATES)]
MESSAGES = len(LANES) * 500


class AckingLine(asyncio.Protocol):
    """Acknowledges every frame."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport, self._decoder = cast(asyncio.Transport, transport), Decoder()  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        answers = [b"PONG" if payload == "PING" else b"ACK " + payload[24:34].encode() for payload in self._decoder.feed(data)]
        self._transport.write(b"".join(map(frame, answers)))


def serve_acks(listening: socket.socket) -> None:
    """Serves until killed."""

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(AckingLine, sock=listening)
        await server.serve_forever()

    uvloop.run(serve())


@pytest.fixture
def switch() -> Iterator[str]:
    """The address of an acknowledging switch in a process of its own."""
    listening = socket.create_server(("127.0.0.1", 0))
    process = multiprocessing.get_context("fork").Process(target=serve_acks, args=(listening,), daemon=True)
    process.start()
    yield "{}:{}".format(*listening.getsockname())
    process.kill()
    process.join()
    listening.close()


@pytest.fixture
def backlog(store: Store) -> Store:
    """A store of each kind with a backlog, spread over the lanes."""
    for _ in range(MESSAGES // (len(LANES) * 100)):
        queue(store, LANES * 100)
    return store


def bare_rate(address: str, in_flight: int) -> float:
    """Messages a second of a plain loop: frames out, as many under way as the dispatcher has, ACKs in. Nothing is stored."""
    host, _, port = address.rpartition(":")
    frames = [frame(wire(text_of(number, LANES[number % len(LANES)]), "legacy")) for number in range(1, MESSAGES + 1)]
    sent = acked = 0
    answers = Decoder()
    with socket.create_connection((host, int(port))) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        begun = time.perf_counter()
        while acked < MESSAGES:
            more = frames[sent : sent + in_flight - (sent - acked)]
            link.sendall(b"".join(more))
            sent += len(more)
            acked += sum(1 for _ in answers.feed(link.recv(65536)))
        return MESSAGES / (time.perf_counter() - begun)


def dispatch_rate(store: Store, channel: TcpChannel | ScriptedChannel, window: int) -> float:
    """Messages a second of a dispatcher that empties the backlog, every status and try written."""

    async def scenario() -> float:
        with Writer(store) as writer:
            dispatcher = Dispatcher(writer=writer, channel=channel, worker="bench", limits=Limits(window=window), wire=wire)
            begun = time.perf_counter()
            task = asyncio.create_task(dispatcher.run())
            while dispatcher.counts.tries["taken"] < MESSAGES:  # noqa: ASYNC110 - a count, looked at rarely
                await asyncio.sleep(0.01)
            rate = MESSAGES / (time.perf_counter() - begun)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return rate

    rate: float = uvloop.run(scenario())
    assert rows(store, "SELECT status, count(*) FROM message GROUP BY status") == [("sent", MESSAGES)]
    return rate


@pytest.mark.parametrize("window", [1, 16, 64])
def test_delivery_beside_a_bare_socket_writer(backlog: Store, switch: str, window: int) -> None:
    """Prints both rates and their ratio, with the same number of messages under way."""
    bare = bare_rate(switch, window * len(LANES))
    rate = dispatch_rate(backlog, TcpChannel(switch), window)
    print(
        f"\ndeliver from {backlog.dialect} over tcp, window {window:3}: {rate:8,.0f}/s; bare socket writer {bare:8,.0f}/s; ratio {rate / bare:.2f}"
    )


def test_the_outbox_alone(backlog: Store) -> None:
    """Prints the rate with a channel that takes everything at once: what claims, tries and settling cost."""
    rate = dispatch_rate(backlog, ScriptedChannel(always_taken), 16)
    print(f"\ndeliver from {backlog.dialect} to nowhere, window  16: {rate:8,.0f}/s")
