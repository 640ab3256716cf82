"""The power cut, at many more instants, with either link; and the service started again on what is left."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from tests.faults.line import Line
from tests.faults.network import Network
from tests.faults.planned import Figures, Planned, Room
from tests.faults.power_cut import WEAK, Cut, cuts, live

CUTS, RELEASES = 300, 300


@contextmanager
def line_beside(network: Network) -> Iterator[str]:
    """The network on a port, served by a thread; its address."""
    loop, stop, address = asyncio.new_event_loop(), asyncio.Event(), []
    up = threading.Event()

    async def serve() -> None:
        async with Line(network) as line:
            address.append(line.address)
            up.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    up.wait(10)
    try:
        yield address[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


def _figures(found: list[Cut]) -> Figures:
    return {
        "cuts": len(found),
        "acknowledged at a cut, all cuts": sum(cut.acknowledged for cut in found),
        "lost": sum(cut.lost for cut in found),
        "violations": sum(len(cut.violations) for cut in found),
    }


def _sound(found: list[Cut]) -> Figures:
    words = [violation for cut in found for violation in cut.violations]
    assert not words, "\n".join(words[:20])
    return _figures(found)


def with_spool(room: Room) -> Figures:
    """Messages are files."""
    return _sound(list(cuts(live(room.folder, RELEASES), room.folder, room.times(CUTS), Random(1))))


def with_tcp(room: Room) -> Figures:
    """Messages leave over tcp: whatever had left is known to have been begun, so that it is flagged when it goes again."""
    with line_beside(Network(Random(1))) as address:
        records = live(room.folder, RELEASES, switch=address)
    return _sound(list(cuts(records, room.folder, room.times(CUTS), Random(1))))


def without_waiting(room: Room) -> Figures:
    """The same with synchronous=NORMAL, which must lose: else the two above would prove nothing."""
    found = list(cuts(live(room.folder, RELEASES, WEAK), room.folder, room.times(CUTS), Random(1)))
    assert sum(cut.lost for cut in found) > 0
    return _figures(found)


FAULTS = (
    Planned("power cut, spool", "FULL loses 0", with_spool),
    Planned("power cut, tcp", "FULL loses 0; nothing had left that was not begun", with_tcp),
    Planned("power cut with synchronous=NORMAL", "must lose", without_waiting),
)
