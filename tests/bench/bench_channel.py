"""How fast the link is, as a ratio to doing the same with nothing around it, in the same run.

The far end of tcp is one process that acknowledges frames as fast as it can; a bare sender is a blocking socket that writes a
window of frames and reads their ACKs. Beside the spool: writing the same files, each with its own fsync and rename.
"""

import asyncio
import multiprocessing
import os
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
import uvloop

from app.dispatch.channel import Arrival, Outgoing
from app.dispatch.channels.frames import frame
from app.dispatch.channels.spool import SpoolChannel
from app.dispatch.channels.tcp import TcpChannel
from app.simulator.switch import Switch

SECONDS = 2.0
WINDOW = 16
LANES = 8
AHEAD = 64_000  # messages made before the clock starts, a lane


def messages(first: int, number: int) -> list[Outgoing]:
    """Invented messages of a usual size."""
    made = []
    for n in range(first, first + number):
        text = f"AM.VTINS07S0.TXSIR0000.*LN{n:08d}.TXT\r\nLENS LN{n:08d}\r\n" + "X" * 70 + "\r\n"
        made.append(Outgoing(f"LN{n:08d}", "legacy", (text + "NAM/TEST, INVENTED\r\n" * 30).encode()))
    return made


def acknowledge(listening: socket.socket) -> None:
    """Acknowledges every frame of one connection after another, and answers PING."""
    while True:
        connection, _ = listening.accept()
        waiting = b""
        while data := connection.recv(1 << 18):
            waiting += data
            answers, start = [], 0
            while len(waiting) - start >= 4:
                (length,) = struct.unpack_from(">I", waiting, start)
                if len(waiting) - start - 4 < length:
                    break
                payload = waiting[start + 4 : start + 4 + min(length, 40)]
                start += 4 + length
                said = b"PONG" if payload == b"PING" else b"ACK " + payload[payload.index(b"*") + 1 :][:10]
                answers.append(struct.pack(">I", len(said)) + said)
            waiting = waiting[start:]
            connection.sendall(b"".join(answers))


@contextmanager
def acknowledger() -> Iterator[tuple[str, int]]:
    """The address of a process that acknowledges."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        process = multiprocessing.get_context("fork").Process(target=acknowledge, args=(listening,), daemon=True)
        process.start()
        try:
            yield listening.getsockname()
        finally:
            process.kill()
            process.join()


def bare_socket(address: tuple[str, int], window: int) -> float:
    """Messages a second of a blocking socket, `window` under way."""
    frames = b"".join(frame(message.payload) for message in messages(1, window))
    answers = window * (4 + len("ACK LN00000001"))
    done, start = 0, time.perf_counter()
    with socket.create_connection(address) as connection:
        while time.perf_counter() - start < SECONDS:
            connection.sendall(frames)
            left = answers
            while left:
                left -= len(connection.recv(left))
            done += window
    return done / (time.perf_counter() - start)


async def over_tcp(address: str, lanes: int) -> float:
    """Messages a second of the channel, so many lanes with a window each."""
    channel = TcpChannel(address)
    running = asyncio.create_task(channel.run(nothing))
    while channel.problem() is not None:  # noqa: ASYNC110 - the channel has no event to wait for, by design
        await asyncio.sleep(0.005)
    rate = await sent(channel, lanes)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return rate


async def sent(channel: TcpChannel | SpoolChannel, lanes: int) -> float:
    """Messages a second that a channel takes from so many lanes."""
    ready = [messages(lane * 1_000_000, AHEAD) for lane in range(1, lanes + 1)]
    start = time.perf_counter()

    async def lane(mine: list[Outgoing]) -> int:
        done = 0
        while time.perf_counter() - start < SECONDS and done < AHEAD:
            receipts = await channel.send(mine[done : done + WINDOW])
            assert all(receipt.fate == "taken" for receipt in receipts)
            done += WINDOW
        return done

    done = sum(await asyncio.gather(*map(lane, ready)))
    return done / (time.perf_counter() - start)


async def nothing(_: Arrival) -> Literal["matched", "unmatched"]:
    """Is never called."""
    raise AssertionError


def run(work: "asyncio.Future[float] | object") -> float:
    """Runs a measurement in the loop production uses."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return float(runner.run(work))  # type: ignore[arg-type]


def bare_files(folder: Path, batch: Sequence[Outgoing]) -> float:
    """Files a second, each written, synced and renamed by itself, the folder synced for each window."""
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        for message in batch:
            fd = os.open(folder / "tmp", os.O_WRONLY | os.O_CREAT)
            os.write(fd, message.payload)
            os.fsync(fd)
            os.close(fd)
            (folder / "tmp").rename(folder / f"{done}-{message.message_id}")
        fd = os.open(folder, os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)
        done += len(batch)
    return done / (time.perf_counter() - start)


@pytest.mark.parametrize("lanes", [1, LANES])
def test_tcp_beside_a_bare_socket(lanes: int) -> None:
    """Prints messages a second over tcp and the ratio."""
    with acknowledger() as address:
        bare = bare_socket(address, WINDOW * lanes)
        rate = run(over_tcp("{}:{}".format(*address), lanes))
    print(f"\nbare socket, {WINDOW * lanes:4d} under way      {bare:8.0f} /s")
    print(f"tcp channel, {lanes} lanes of {WINDOW}       {rate:8.0f} /s")
    print(f"tcp channel / bare socket        {rate / bare:8.2f}")


def test_tcp_to_the_simulated_switch() -> None:
    """Prints messages a second to the simulated switch in the same process."""

    async def both() -> float:
        async with Switch() as switch:
            return await over_tcp(switch.address, LANES)

    print(f"\ntcp channel to simulated switch, one process {run(both()):8.0f} /s")


@pytest.mark.parametrize("lanes", [1, LANES])
def test_spool_beside_bare_files(tmp_path: Path, lanes: int) -> None:
    """Prints files a second of the spool and the ratio."""
    (tmp_path / "bare").mkdir()
    bare = bare_files(tmp_path / "bare", messages(1, WINDOW))

    async def spooled() -> float:
        channel = SpoolChannel(tmp_path / "spool")
        running = asyncio.create_task(channel.run(nothing))
        while channel.problem() is not None:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.005)
        rate = await sent(channel, lanes)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return rate

    rate = run(spooled())
    print(f"\nbare files, one after another    {bare:8.0f} /s")
    print(f"spool channel, {lanes} lanes of {WINDOW}     {rate:8.0f} /s")
    print(f"spool channel / bare files       {rate / bare:8.2f}")
