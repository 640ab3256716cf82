"""How fast releases are accepted over HTTP, as a ratio to a bare FastAPI endpoint in the same run.

Both are one process, asked by 16 callers that keep their connections. The bare one validates the same body and commits one row
with synchronous=FULL; LENS decides, stores two messages and sends them to the spool as well. `LENS_LANES_PER_WORKER` and the
like are as shipped. The callers are plain sockets: an HTTP client would be slower than what it measures.
"""

import asyncio
import itertools
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import msgspec

from tests.cli.programs import EXAMPLE, KEY, ROOT, Program, until

CALLERS = 16
SECONDS = 3.0
ROUNDS = 5


@contextmanager
def bare(folder: Path) -> Iterator[int]:
    """The bare endpoint on a port of its own."""
    port = 18_431
    command = [sys.executable, "-m", "uvicorn", "tests.bench.bare:app", "--port", str(port), "--no-access-log"]
    environment = os.environ | {"BARE_DATABASE": str(folder / "bare.db"), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([*command, "--log-level", "error"], cwd=folder, env=environment) as process:
        try:
            until(lambda: answers(port))
            yield port
        finally:
            process.terminate()


def answers(port: int) -> bool:
    """Whether somebody serves there."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz").is_success
    except httpx.TransportError:
        return False


async def rate(port: int, seconds: float, numbers: Iterator[int]) -> float:
    """Releases accepted a second."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds

    async def caller() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        done = 0
        while loop.time() < end:
            body = msgspec.json.encode(EXAMPLE | {"release_id": f"B-{next(numbers)}"})
            head = (
                f"POST /v1/releases HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {KEY}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 201"), answer
            length = int(answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            done += 1
        writer.close()
        return done

    return sum(await asyncio.gather(*(caller() for _ in range(CALLERS)))) / seconds


def test_accepting_over_http(tmp_path: Path) -> None:
    """Prints both rates and their ratio, each the middle one of several rounds."""
    numbers = itertools.count()
    ratios, ours = [], []
    settings = {"LENS_LOG_LEVEL": "info"}
    with bare(tmp_path) as yardstick, Program(tmp_path, ["serve", "--port", "0"], settings) as program:
        port = int(program.url().rpartition(":")[2])
        for _ in range(ROUNDS):
            base = asyncio.run(rate(yardstick, SECONDS, numbers))
            ours.append(asyncio.run(rate(port, SECONDS, numbers)))
            ratios.append(ours[-1] / base)
    print(
        f"\naccept over HTTP: {statistics.median(ours):,.0f} releases a second, "
        f"{statistics.median(ratios):.2f} of a bare endpoint that only validates and commits a row"
    )
    assert min(ours) > 0
