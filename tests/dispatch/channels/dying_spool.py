"""A spool whose process dies before its Nth call into the operating system, for every N; run as a program.

    python dying_spool.py out|in FOLDER

Prints how many points there were. Each life is a forked process, killed by itself with no chance to tidy up; then another life
does the work again, and what lies on the disk is checked. Any breach ends the program with an AssertionError.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any, Literal

from app.dispatch.channel import Arrival, Outgoing
from app.dispatch.channels.spool import SpoolChannel
from tests.dispatch.channels.link import until

MESSAGES = [Outgoing(f"LN0000000{n}", "legacy", f"AM.{n}\r\n".encode() * 40) for n in range(1, 4)]
TEXTS = {"a.txt": "ER.NL0000000 TXT .19.", "b.txt": "SM.NL0000000 TXT NLETS IN SERVICE"}
SURVIVED, DIED = 0, 9


def life(work: Callable[[], None], dies_at: int | None) -> int:
    """Does the work in a process of its own, which dies before its call number `dies_at`; its exit status."""
    child = os.fork()
    if child == 0:
        if dies_at is not None:
            watch(dies_at)
        work()
        os._exit(SURVIVED)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def watch(dies_at: int) -> None:
    """Counts calls of every thread to functions that reach the file system, and dies before the one given."""
    calls = count(1)

    def profile(_: FrameType, event: str, called: Any) -> None:  # noqa: ANN401 - as sys.setprofile hands it over
        if event == "c_call" and called.__module__ in {"posix", "fcntl"} and next(calls) == dies_at:
            os._exit(DIED)

    threading.setprofile(profile)
    sys.setprofile(profile)


def send(folder: Path) -> None:
    """Sends every message, and stays until all are taken."""

    async def main() -> None:
        channel = SpoolChannel(folder, poll=0.001)
        running = asyncio.create_task(channel.run(refuse))
        async with asyncio.timeout(20):
            await until(lambda: channel.problem() is None)
        receipts = await channel.send(MESSAGES)
        assert {receipt.fate for receipt in receipts} == {"taken"}, receipts
        running.cancel()

    asyncio.run(main())


async def refuse(_: Arrival) -> Literal["matched", "unmatched"]:
    """Is never called: nothing comes in."""
    raise AssertionError


def receive(folder: Path) -> None:
    """Takes every text, and stays until `in/` is empty."""
    ledger = folder / "ledger"

    async def arrived(arrival: Arrival) -> Literal["matched", "unmatched"]:
        known = ledger.read_text().splitlines() if ledger.exists() else []
        if arrival.source not in known:
            with ledger.open("a") as file:
                file.write(f"{arrival.source}\n")
        return "matched"

    async def main() -> None:
        running = asyncio.create_task(SpoolChannel(folder, poll=0.001).run(arrived))
        async with asyncio.timeout(20):
            await until(lambda: not any(path.is_file() for path in (folder / "in").iterdir()))
        running.cancel()

    asyncio.run(main())


def check_out(folder: Path, *, whole: bool) -> None:
    """Every file with a name is whole and comes after those before it; with `whole`, all are there and nothing else is."""
    names = (
        sorted(path.name for path in (folder / "out").iterdir() if not path.name.startswith("."))
        if (folder / "out").exists()
        else []
    )
    expected = [f"{message.message_id}.am" for message in MESSAGES]
    assert names == expected[: len(names)], names
    for name, message in zip(names, MESSAGES, strict=False):
        assert (folder / "out" / name).read_bytes() == message.payload
    if whole:
        assert sorted(path.name for path in (folder / "out").iterdir()) == expected


def check_in(folder: Path) -> None:
    """Each text was stored once and lies in `done/` once."""
    stored = (folder / "ledger").read_text().splitlines()
    assert sorted(source.split(":")[1] for source in stored) == sorted(TEXTS), stored
    assert {path.name: path.read_text() for path in (folder / "in" / "done").iterdir()} == TEXTS
    assert list((folder / "in" / "unmatched").iterdir()) == []


def main(side: str, root: Path) -> int:
    """Tries every point; how many there were."""
    for point in count(1):
        folder = root / str(point)
        (folder / "in").mkdir(parents=True)
        if side == "in":
            for name, text in TEXTS.items():
                (folder / "in" / name).write_text(text)
        work = send if side == "out" else receive
        fate = life(lambda: work(folder), point)  # noqa: B023 - called at once
        assert fate in {SURVIVED, DIED}, fate
        if side == "out":
            check_out(folder, whole=fate == SURVIVED)
        assert life(lambda: work(folder), None) == SURVIVED  # noqa: B023 - as above
        if side == "out":
            check_out(folder, whole=True)
        else:
            check_in(folder)
        if fate == SURVIVED:
            return point
    raise AssertionError


if __name__ == "__main__":
    sys.stdout.write(f"{main(sys.argv[1], Path(sys.argv[2]))}\n")
