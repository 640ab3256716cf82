"""Who deals with LENS in a simulation: a system of record with several callers, and an operator. They repeat what is not answered."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from random import Random
from typing import Any, TypeVar

import msgspec

from app.decide.decide import Decider
from app.domain.surge import Breaker
from app.errors import Conflict, Refused, Unavailable
from app.intake.accept import Intake
from app.intake.follow_up import Requester, cancel, correct
from app.intake.guards import Guards
from app.intake.lift import lift_hold, resolve_item
from app.store.accepted.releases import get_release
from app.store.database.engine import Store
from app.store.database.reading import look
from app.store.database.writer import Writer
from app.store.desk.work_items import Resolve
from app.store.ledger.messages import Requeue, requeue
from tests.dispatch.outbox_rows import rows
from tests.faults.records import Told, named, told_by
from tests.faults.virtual import VirtualLoop
from tests.intake.following_up import living_in

T = TypeVar("T")

SENDER = Requester("sor", own=True)
GUARDS = Guards(Breaker(floor=10))
"""The breaker trips now and then, of notices more often than of CANCELs."""


async def until_stored(rng: Random, act: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Repeats it until it is answered."""
    while True:
        try:
            return await act()
        except Unavailable:
            await asyncio.sleep(rng.uniform(0.1, 3.0))


class People:
    """Keeps a journal, `told`, of every message that an answer named."""

    def __init__(self, store: Store, writer: Writer, decider: Decider, loop: VirtualLoop, rng: Random) -> None:
        self._store = store
        self.writer = writer
        self._decider = decider
        self._loop = loop
        self._rng = rng
        self.told: dict[str, Told] = {}

    async def call(self, numbers: Iterable[int]) -> None:
        """Sends releases, now and then twice at once; corrects and cancels some."""
        # Nobody is woken: hints may be lost, so the rows alone must bring everything out.
        intake = Intake(self.writer, lambda: self._decider, self._loop.micros, guards=GUARDS)
        for number in numbers:
            await asyncio.sleep(self._rng.expovariate(1 / 8.0))
            act = partial(intake.accept, self._body(f"SIM-{number}"), "sor")
            at_once = self._rng.choice((1, 1, 2))
            for accepted in await asyncio.gather(*(until_stored(self._rng, act) for _ in range(at_once))):
                self._hear(accepted.answer_json)
            if self._rng.random() < 0.5:
                await asyncio.sleep(self._rng.expovariate(1 / 5.0))
                await self._follow_up(f"SIM-{number}")

    async def _follow_up(self, release_id: str) -> None:
        kind = self._rng.choice(("correct", "correct", "cancel", "both"))
        writer, decider, clock = self.writer, self._decider, self._loop.micros
        if kind in {"correct", "both"}:
            act = partial(correct, writer, decider, release_id, self._body(release_id), SENDER, clock, GUARDS)
            self._hear((await until_stored(self._rng, act)).answer_json)
        if kind in {"cancel", "both"}:
            again = partial(cancel, writer, decider, release_id, "wrong person", SENDER, clock, GUARDS)
            self._hear((await until_stored(self._rng, again)).answer_json)

    def _body(self, release_id: str) -> bytes:
        holds = ["juvenile"] if self._rng.random() < 0.15 else []
        return living_in(self._rng.choice(("TX", "NM", "AZ")), release_id, holds=holds)

    def _hear(self, answer: bytes) -> None:
        for told in told_by(msgspec.json.decode(answer)):
            self.told[told.message_id] = told

    async def operate(self, until: float) -> None:
        """Looks at work items every now and then: lifts holds, twice at once, decides about surges, requeues what was refused."""
        while self._loop.time() < until:
            await asyncio.sleep(self._rng.expovariate(1 / 15.0))
            for item, release_id in self._open("review"):
                await asyncio.gather(self._lift(item), self._lift(item))
                self._look_up(release_id)
            for item in self.surges():
                act = self._rng.choice((self._lift, self._lift, self._drop))
                await asyncio.gather(act(item), act(item))
            if self._rng.random() < 0.3:
                await self.let_go()

    async def release_surges(self) -> None:
        """Lifts every one."""
        for item in self.surges():
            await self._lift(item)

    def surges(self) -> list[int]:
        """The work items of surges that nobody has decided about."""
        return [int(str(item)) for (item,) in rows(self._store, "SELECT work_item FROM surge WHERE decision IS NULL")]

    async def let_go(self) -> None:
        """Requeues every message that is rejected or dead, where it may be."""
        for (number,) in rows(self._store, "SELECT number FROM message WHERE status IN ('rejected', 'dead') ORDER BY number"):
            assert isinstance(number, int)
            wanted = Requeue(named(number), "looked at", "op", self._loop.micros())
            await self._try(partial(self.writer.do, requeue, wanted))

    async def _lift(self, item: int) -> None:
        await self._try(partial(lift_hold, self.writer, self._decider, item, "checked by phone", "op", self._loop.micros))

    async def _drop(self, item: int) -> None:
        await self._try(partial(resolve_item, self.writer, Resolve(item, "false", "op", self._loop.micros())))

    async def _try(self, act: Callable[[], Coroutine[Any, Any, object]]) -> None:
        with contextlib.suppress(Conflict, Refused):  # done already, or no longer to be done
            await until_stored(self._rng, act)

    def _open(self, code: str) -> list[tuple[int, str]]:
        statement = "SELECT w.id, r.release_id FROM work_item w JOIN release r ON r.id = w.release"
        found = rows(self._store, f"{statement} WHERE w.code = :code AND w.status = 'open' ORDER BY w.id", code=code)
        return [(int(str(item)), str(release_id)) for item, release_id in found]

    def _look_up(self, release_id: str) -> None:
        """The operator reads the release as it now stands, with the messages that lifting sent."""
        self._hear(msgspec.json.encode(look(self._store, lambda connection: get_release(connection, release_id))))
