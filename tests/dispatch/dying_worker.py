"""A dispatcher in a process of its own that kills itself, as `kill -9` would, at a named step: for test_kill.py.

Arguments: database URL, address of the switch, and the step, which is the worker's name too; any other name never dies.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from sqlalchemy import Connection

from app.dispatch.channel import Outgoing, Receipt
from app.dispatch.channels.tcp import TcpChannel
from app.dispatch.dispatcher import Dispatcher
from app.errors import LensError
from app.store.database.engine import open_store
from app.store.database.writer import Writer
from app.store.outbox import outbox
from tests.dispatch.outbox_rows import wire
from tests.dispatch.scripted import QUICK

T = TypeVar("T")
R = TypeVar("R")

STEPS = ("after claim", "mid send", "before turn", "after turn")
"""Where a dispatcher can die with something under way: taken and not sent, half sent, sent, and settled with more taken."""

STAND_STILL = "stand still"
"""Not death, but standing still before the first turn until somebody continues the process."""

LIMITS = replace(QUICK, lease=0.4, window=4, lanes=2)
UNDISTURBED = replace(LIMITS, lease=1.0, lanes=1, poll=3600.0)
"""So that it stands still outside of any transaction: in one, it would keep all others from writing into SQLite."""


class Fuse:
    """Kills this process, or stops it, at its step."""

    def __init__(self, step: str) -> None:
        self.step = step

    def pass_by(self, step: str) -> None:
        """Says that a step is reached."""
        if step == self.step:
            os.kill(os.getpid(), signal.SIGKILL)
        if step == "before turn" and self.step == STAND_STILL:
            self.step = ""
            os.kill(os.getpid(), signal.SIGSTOP)


class DyingWriter(Writer):
    """A writer that may not live to see its commit, or to tell of it."""

    fuse: Fuse

    async def do(self, apply: Callable[[Connection, Sequence[T]], Sequence[R | LensError]], item: T) -> R:
        """As ever, unless it is time."""
        if isinstance(item, outbox.Turn):
            self.fuse.pass_by("before turn")
        result = await super().do(apply, item)
        if isinstance(result, outbox.Batch):
            self.fuse.pass_by("after turn")
        if isinstance(result, outbox.Claimed) and result.batches:
            self.fuse.pass_by("after claim")
        return result


class DyingChannel(TcpChannel):
    """A link over which perhaps only half of a batch goes out before the end."""

    fuse: Fuse

    async def send(self, messages: Sequence[Outgoing]) -> Sequence[Receipt]:
        """As ever, unless it is time."""
        if self.fuse.step == "mid send":
            await super().send(messages[: len(messages) // 2])
        self.fuse.pass_by("mid send")
        return await super().send(messages)


async def work(url: str, address: str, step: str) -> None:
    """Dispatches until killed."""
    writer = DyingWriter(open_store(url))
    channel = DyingChannel(address, ack_timeout=1.0)
    writer.fuse = channel.fuse = Fuse(step)
    with writer:
        await Dispatcher(
            writer=writer, channel=channel, worker=step, limits=UNDISTURBED if step == STAND_STILL else LIMITS, wire=wire
        ).run()


if __name__ == "__main__":
    asyncio.run(work(*sys.argv[1:]))
