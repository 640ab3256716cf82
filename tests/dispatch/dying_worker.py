"""A dispatcher in a process of its own that kills itself, as `kill -9` would, at a named step: for test_kill.py.

Arguments: database URL, address of the switch, name of the worker, the step, and how often the step is passed before.
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
from app.store import outbox
from app.store.engine import open_store
from app.store.writer import Writer
from tests.dispatch.outbox_rows import wire
from tests.dispatch.scripted import QUICK

T = TypeVar("T")
R = TypeVar("R")

STEPS = ("before claim", "after claim", "mid send", "before turn", "after turn")
LEASE = 0.4


class Fuse:
    """Kills this process when its step has been passed often enough."""

    def __init__(self, step: str, passes: int) -> None:
        self._step = step
        self._passes = passes

    def pass_by(self, step: str) -> None:
        """Says that a step is reached."""
        if self.near(step):
            os.kill(os.getpid(), signal.SIGKILL)

    def near(self, step: str) -> bool:
        """Whether the process is to die at this passing of the step."""
        if step != self._step:
            return False
        self._passes -= 1
        return self._passes < 0


class DyingWriter(Writer):
    """A writer that may not live to see its commit, or to tell of it."""

    fuse: Fuse

    async def do(self, apply: Callable[[Connection, Sequence[T]], Sequence[R | LensError]], item: T) -> R:
        """As ever, unless it is time."""
        name = {id(outbox.claim): "claim", id(outbox.turn): "turn"}.get(id(apply), "")
        self.fuse.pass_by(f"before {name}")
        result = await super().do(apply, item)
        self.fuse.pass_by(f"after {name}")
        return result


class DyingChannel(TcpChannel):
    """A link over which perhaps only half of a batch goes out before the end."""

    fuse: Fuse

    async def send(self, messages: Sequence[Outgoing]) -> Sequence[Receipt]:
        """As ever, unless it is time."""
        if self.fuse.near("mid send"):
            await super().send(messages[: len(messages) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return await super().send(messages)


async def work(url: str, address: str, worker: str, step: str, passes: int) -> None:
    """Dispatches until killed."""
    fuse = Fuse(step, passes)
    writer = DyingWriter(open_store(url))
    channel = DyingChannel(address, ack_timeout=1.0)
    writer.fuse = channel.fuse = fuse
    with writer:
        await Dispatcher(writer, channel, worker, replace(QUICK, lease=LEASE, window=4), wire).run()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5])))
