import asyncio
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from app.decide.decide import Decider
from app.decide.terms import Terms
from app.dispatch.channel import Receipt
from app.intake.accept import Intake
from app.intake.follow_up import Requester, cancel, correct
from app.store.database.engine import Store
from app.store.database.writer import Writer
from tests.dispatch.outbox_rows import AZ, NM, TX, statuses, store_in
from tests.dispatch.scripted import LATER, QUICK, TAKEN, UNKNOWN, ScriptedChannel, dispatching, until
from tests.intake.following_up import living_in
from tests.rulebook.shipped import shipped
from tests.store.invented import NOON


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with its tables."""
    with closing(store_in(tmp_path)) as opened:
        yield opened


def clock() -> int:
    """Always noon."""
    return NOON


@pytest.mark.parametrize(
    ("first", "arrived"),
    [(TAKEN, [1, 6]), (UNKNOWN, [1, 1, 6]), (LATER, [1, 6])],
    ids=["taken", "no word of it", "refused"],
)
def test_a_cancellation_that_races_a_send_comes_behind_it(store: Store, first: Receipt, arrived: list[int]) -> None:
    """While Arizona's notice is on the wire the release is corrected and cancelled; it is tried again only if it may be out."""
    decider = Decider(shipped(), Terms())
    on_the_wire, go_on = asyncio.Event(), asyncio.Event()

    async def fate(ori: str, number: int) -> Receipt:
        if ori != AZ or go_on.is_set():
            return TAKEN
        on_the_wire.set()
        await go_on.wait()
        return first

    async def scenario() -> None:
        channel = ScriptedChannel(fate)
        with Writer(store) as writer:
            await Intake(writer, lambda: decider, clock).accept(living_in("TX"), "sor")
            async with dispatching(store, channel, replace(QUICK, lease=30.0)):
                await until(on_the_wire.is_set)
                await until(lambda: statuses(store)[2] == "sent")
                await correct(
                    writer=writer,
                    decider=decider,
                    release_id="EX-1",
                    raw=living_in("NM"),
                    by=Requester("sor", own=True),
                    clock=clock,
                )
                await until(lambda: statuses(store)[5] == "sent")
                await cancel(
                    writer=writer,
                    decider=decider,
                    release_id="EX-1",
                    reason="wrong person",
                    by=Requester("sor", own=True),
                    clock=clock,
                )
                go_on.set()
                await until(lambda: set(statuses(store).values()) == {"sent", "cancelled"})
        assert channel.numbers(AZ) == arrived  # the correction, 3, never left: the cancellation overtook it
        assert (channel.numbers(TX), channel.numbers(NM)) == ([2, 4], [5, 7])

    asyncio.run(scenario())
    assert statuses(store)[1] == ("cancelled" if first is LATER else "sent")
    assert statuses(store)[3] == "cancelled"
