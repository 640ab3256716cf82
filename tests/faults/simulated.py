"""The parts of a simulation: dispatchers as processes that stall and die, a database that goes away, and links to the network.

The code simulated is LENS's own: intake, store and dispatcher on a real SQLite file. Simulated are the clock, the writer's thread
(each write is a transaction of its own, at a time the seed says), the processes and the network.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

from sqlalchemy import Connection

from app.dispatch.channel import Arrival, Arrived, Outgoing, Receipt
from app.errors import LensError, Unavailable
from app.store.database.engine import Store
from app.store.database.writer import Writer
from tests.faults.network import Network

T = TypeVar("T")
R = TypeVar("R")

ACK_TIMEOUT = 5.0


class Body:
    """What a process is made of: it stands still until a time, or is dead and never does anything again."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.dead = False
        self._still_until = 0.0

    def stall(self, seconds: float) -> None:
        """Stands still, as by SIGSTOP."""
        self._still_until = asyncio.get_running_loop().time() + seconds

    async def step(self, longest: float) -> None:
        """Takes its time; goes on only while it lives and is not standing still."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self.rng.random() * longest)
        while not self.dead and loop.time() < self._still_until:  # noqa: ASYNC110 - it may be made to stand still longer
            await asyncio.sleep(self._still_until - loop.time())
        if self.dead:
            await loop.create_future()  # never


class Database:
    """The one database of all: away for a while, or losing a connection now and then, before or after the commit."""

    def __init__(self, store: Store, rng: Random) -> None:
        self.store = store
        self.rng = rng
        self.loses = 0.0
        self.away_until = 0.0

    def write(self, apply: Callable[[Connection, Sequence[T]], Sequence[R | LensError]], item: T) -> R:
        """One transaction."""
        if asyncio.get_running_loop().time() < self.away_until:
            raise Unavailable("the database is away")
        lost = self.rng.random() < self.loses
        if lost and self.rng.random() < 0.5:
            raise Unavailable("the connection was lost before the commit")
        with self.store.write.begin() as connection:
            result = apply(connection, [item])[0]
        if lost:
            raise Unavailable("the connection was lost during the commit")
        if isinstance(result, LensError):
            raise result
        return result


class ProcessWriter(Writer):
    """The writer of one simulated process."""

    def __init__(self, database: Database, body: Body) -> None:
        super().__init__(database.store)
        self._database = database
        self._body = body

    async def do(self, apply: Callable[[Connection, Sequence[T]], Sequence[R | LensError]], item: T) -> R:
        """Its transaction comes some time after it was asked for, and its answer some time after that."""
        await self._body.step(0.02)
        try:
            return self._database.write(apply, item)
        finally:
            await self._body.step(0.01)


class Air:
    """The texts that the network has for us. One stays until somebody has stored it, and may be handed over twice."""

    def __init__(self) -> None:
        self.said = 0
        self.waiting: deque[Arrival] = deque()

    def say(self, text: str) -> None:
        """One more."""
        self.said += 1
        self.waiting.append(Arrival(f"sim:{self.said}", text))


class Link:
    """The channel of one simulated process."""

    name = "simulated"

    def __init__(self, network: Network, air: Air, body: Body) -> None:
        self._network = network
        self._air = air
        self._body = body
        self.up = True

    async def run(self, arrived: Arrived) -> None:
        """Hands texts over in order, each until it is stored."""
        while True:
            await self._body.step(2.0)
            if self._air.waiting and self.up:
                text = self._air.waiting[0]
                await arrived(text)
                if text in self._air.waiting:
                    self._air.waiting.remove(text)

    async def send(self, messages: Sequence[Outgoing]) -> Sequence[Receipt]:
        """One after the other onto the wire; the answers come in a moment, late, or not at all.

        After one for which there was no link nothing of the same call goes out, even if the link is back meanwhile.
        """
        receipts: list[Receipt] = []
        longest = 0.0
        for message in messages:
            if not self.up or (receipts and receipts[-1].fate == "unsent"):
                fate = Receipt("unsent", "no link")
            else:
                fate, wait = self._one(message)
                longest = max(longest, wait)
            receipts.append(fate)
            await self._body.step(0.01)
        await asyncio.sleep(longest)
        await self._body.step(0.05)
        return receipts

    def _one(self, message: Outgoing) -> tuple[Receipt, float]:
        answer = self._network.receive(message.payload.decode())
        if answer.text is not None:
            self._air.say(answer.text)
        match answer.ending:
            case "ack":
                return Receipt("taken", "acknowledged"), 0.0
            case "nak":
                return Receipt("later", "refused for now"), 0.0
            case "silence" | "late" | "wrong":
                return Receipt("unknown", "no ACK in time"), ACK_TIMEOUT
            case "cut" | "garbage":
                self.cut(1.0)
                return Receipt("unknown", "no ACK: the connection broke"), 0.0

    def cut(self, seconds: float) -> None:
        """The link is down for a while."""
        self.up = False
        asyncio.get_running_loop().call_later(seconds, self._mend)

    def _mend(self) -> None:
        self.up = True

    async def lying(self) -> Sequence[str]:
        """None: what is acknowledged has left us."""
        return ()

    def problem(self) -> str | None:
        """Whether it is down."""
        return None if self.up else "no link"
