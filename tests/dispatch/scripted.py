"""A channel whose answers a test writes, and running a dispatcher on it until something is so."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from app.dispatch.channel import Arrival, Arrived, Outgoing, Receipt
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.lanes import Limits
from app.domain.identifiers import message_number
from app.store.database.engine import Store
from app.store.database.writer import Writer
from tests.dispatch.outbox_rows import wire

TAKEN = Receipt("taken", "acknowledged")
LATER = Receipt("later", "refused for now")
UNKNOWN = Receipt("unknown", "no ACK")
UNSENT = Receipt("unsent", "no link")

QUICK = Limits(retry_first=0.01, retry_cap=0.05, state_retry=0.05, poll=0.05, grace=2.0)
"""Limits with waits so short that a test need not wait for them."""

Fate = Callable[[str, int], Awaitable[Receipt]]
"""What becomes of a message: its destination ORI, its number."""


class ScriptedChannel:
    """Asks a function for the fate of each message, one after another within a batch."""

    name = "scripted"

    def __init__(self, fate: Fate) -> None:
        self._fate = fate
        self.down: str | None = None
        self.wire: list[tuple[str, int]] = []
        """What was put on the wire: ORI and number, in order."""
        self.arrivals: asyncio.Queue[Arrival] = asyncio.Queue()
        self.answers: list[str] = []
        """What the dispatcher said of each arrival."""

    async def run(self, arrived: Arrived) -> None:
        """Hands over what the test puts into `arrivals`."""
        while True:
            self.answers.append(await arrived(await self.arrivals.get()))

    async def send(self, messages: Sequence[Outgoing]) -> Sequence[Receipt]:
        """All at once on the wire, then the fates in order."""
        named = [(message.payload.split(b".")[2].decode(), message_number(message.message_id) or 0) for message in messages]
        if self.down is None:
            self.wire += named
        return [UNSENT if self.down else await self._fate(ori, number) for ori, number in named]

    async def lying(self) -> Sequence[str]:
        """None: what is acknowledged has left us."""
        return ()

    def problem(self) -> str | None:
        """What the test says."""
        return self.down

    def numbers(self, ori: str) -> list[int]:
        """What was put on the wire to one ORI, in order."""
        return [number for each, number in self.wire if each == ori]


async def always_taken(ori: str, number: int) -> Receipt:
    """The network takes everything."""
    return TAKEN


@asynccontextmanager
async def dispatching(
    store: Store, channel: ScriptedChannel, limits: Limits = QUICK, worker: str = "w1"
) -> AsyncIterator[Dispatcher]:
    """A dispatcher at work, stopped in good order at the end."""
    with Writer(store) as writer:
        dispatcher = Dispatcher(writer=writer, channel=channel, worker=worker, limits=limits, wire=wire)
        task = asyncio.create_task(dispatcher.run())
        try:
            yield dispatcher
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Returns as soon as it is so; fails when it is not in `seconds`."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the condition is in a database
            await asyncio.sleep(0.005)
