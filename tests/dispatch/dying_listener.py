"""A dispatcher in a process of its own that kills itself at a named step of an arrival: for test_kill_arrivals.py.

Arguments: database URL, a folder, the step (any other name never dies), and the address of a switch; without one the folder is a spool.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, event

from app.dispatch.channel import Channel
from app.dispatch.channels.spool import SpoolChannel
from app.dispatch.channels.tcp import TcpChannel
from app.dispatch.channels.tcp_arrivals import Arrivals
from app.dispatch.channels.tcp_journal import Journal
from app.dispatch.dispatcher import Dispatcher
from app.domain.inbound import Heard
from app.errors import LensError
from app.store.database.engine import open_store
from app.store.database.writer import Writer
from app.store.desk.subjects import Learn
from tests.dispatch.outbox_rows import wire
from tests.dispatch.scripted import QUICK

T = TypeVar("T")
R = TypeVar("R")

STEPS = ("while releases are taken up", "before it is stored", "before its commit", "before the channel lets go")


class DyingWriter(Writer):
    """A writer that may not live to store an arrival, or to tell that it did."""

    step = ""

    async def do(self, apply: Callable[[Connection, Sequence[T]], Sequence[R | LensError]], item: T) -> R:
        """As ever, unless it is time."""
        if isinstance(item, Learn):
            die("while releases are taken up", self.step)
        if isinstance(item, Heard):
            die("before it is stored", self.step)
            if self.step == "before its commit":
                event.listen(self._store.write, "commit", lambda _: die("before its commit", self.step))
        result = await super().do(apply, item)
        if isinstance(item, Heard):
            die("before the channel lets go", self.step)
        return result


def die(here: str, step: str) -> None:
    """Kills this process without warning when this is its step."""
    if here == step:
        os.kill(os.getpid(), signal.SIGKILL)


def channel_of(folder: Path, switch: str | None) -> Channel:
    """The link, quick to take up what was left."""
    if switch is None:
        return SpoolChannel(folder, poll=0.01, store_again=0.01)
    return TcpChannel(switch, 5.0, arrivals=Arrivals(Journal(folder)))


async def listen(url: str, folder: str, step: str, switch: str | None = None) -> None:
    """Takes in what comes until killed."""
    writer = DyingWriter(open_store(url))
    writer.step = step
    with writer:
        await Dispatcher(
            writer=writer, channel=channel_of(Path(folder), switch), worker="listener", limits=QUICK, wire=wire
        ).run()


if __name__ == "__main__":
    asyncio.run(listen(*sys.argv[1:]))
