import asyncio
import threading
from collections.abc import Iterator

import pytest

from app.api.metrics.snapshots import FRESH_SECONDS, STALE_SECONDS, Snapshot


class Slow:
    """Makes 1, 2, 3 and so on, each once it is let."""

    def __init__(self) -> None:
        self.made = 0
        self.let = threading.Event()
        self.fails = False

    def make(self) -> int:
        """The next one."""
        assert self.let.wait(20)
        self.made += 1
        if self.fails:
            raise ValueError("it cannot be made")
        return self.made


@pytest.fixture
def slow() -> Iterator[Slow]:
    """Let in the end, whatever happens, so that no thread is left."""
    slow = Slow()
    yield slow
    slow.let.set()


def test_callers_share_one_making_and_a_second(slow: Slow) -> None:
    """However many ask while it is made, and within a second from when it was begun."""
    now = [100.0]
    snapshot = Snapshot(slow.make, lambda: now[0])

    async def ask() -> None:
        waiting = [asyncio.create_task(snapshot.look()) for _ in range(64)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        slow.let.set()
        assert set(await asyncio.gather(*waiting[1:])) == {1}
        assert await snapshot.look() == 1
        now[0] += FRESH_SECONDS
        assert await snapshot.look() == 2

    asyncio.run(ask())


def test_while_a_new_one_takes_long_the_old_one_does_but_not_for_ever(slow: Slow) -> None:
    """A database that hangs must not leave a service looking as it did before."""
    now = [100.0]
    snapshot = Snapshot(slow.make, lambda: now[0])

    async def ask() -> None:
        slow.let.set()
        assert await snapshot.look() == 1
        slow.let.clear()
        now[0] += FRESH_SECONDS
        assert await snapshot.look() == 1
        now[0] += STALE_SECONDS
        late = asyncio.create_task(snapshot.look())
        done, _ = await asyncio.wait({late}, timeout=0.5)
        assert not done
        slow.let.set()
        assert await late == 2

    asyncio.run(ask())


def test_what_cannot_be_made_is_not_kept(slow: Slow) -> None:
    """All who waited are told, and the next to ask has it made again."""
    snapshot = Snapshot(slow.make)

    async def ask() -> None:
        slow.fails = True
        slow.let.set()
        found = await asyncio.gather(snapshot.look(), snapshot.look(), return_exceptions=True)
        assert [type(each) for each in found] == [ValueError, ValueError]
        slow.fails = False
        assert await snapshot.look() == 2

    asyncio.run(ask())
