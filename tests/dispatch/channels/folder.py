"""A spool channel kept running, for tests."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from app.dispatch.channels.spool import SpoolChannel
from tests.dispatch.channels.link import Store, until


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    """Runs a scenario for 20 seconds at the most."""

    async def bounded() -> None:
        async with asyncio.timeout(20):
            await scenario()

    asyncio.run(bounded())


@asynccontextmanager
async def opened(spool: Path, store: Store | None = None) -> AsyncIterator[SpoolChannel]:
    """A spool channel with its `run` going on."""
    channel = SpoolChannel(spool, poll=0.005, store_again=0.01)
    task = asyncio.create_task(channel.run(store or Store()))
    try:
        await until(lambda: channel.problem() is None)
        yield channel
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def names(folder: Path) -> list[str]:
    """The names in a folder, those that begin with a dot too, but no folders."""
    return sorted(path.name for path in folder.iterdir() if not path.is_dir()) if folder.exists() else []
