import asyncio
from dataclasses import replace

import pytest

from app.domain.surge import Breaker
from app.store.accepted.releases import accept_many
from app.store.database.engine import Store
from app.store.database.writer import Writer
from app.store.desk import surges
from app.store.desk.surges import Decide, decide
from tests.dispatch.scripted import QUICK, ScriptedChannel, always_taken, dispatching, until
from tests.store.invented import NOON, acceptance, rows, run


@pytest.mark.parametrize("choice", ["release", "drop"])
def test_a_decision_that_nobody_carried_out_is_carried_out_beside_sending(
    store: Store, monkeypatch: pytest.MonkeyPatch, choice: surges.Choice
) -> None:
    """Its process ended when it was written down; any dispatcher goes on, in order, and nothing that is held goes out before."""
    monkeypatch.setattr(surges, "AT_ONCE", 3)
    run(store, accept_many, *[acceptance(f"EX-{n}")._replace(breaker=Breaker(floor=4)) for n in range(6)])
    channel = ScriptedChannel(always_taken)

    async def scenario() -> None:
        async with dispatching(store, channel, replace(QUICK, sweep=0.02)):
            await until(lambda: len(channel.wire) == 4)
            await asyncio.to_thread(
                writer.do_and_wait, decide, Decide(work_item=1, choice=choice, reason="looked at", by="op", at=NOON)
            )
            await until(lambda: rows(store, "SELECT count(*) FROM message WHERE status IN ('sent', 'cancelled')") == [(12,)])

    with Writer(store) as writer:  # it tries again where it and the dispatcher wait for each other's rows
        asyncio.run(scenario())
    sent = [1, 3, 5, 7, 9, 11] if choice == "release" else [1, 3]
    assert channel.numbers("AZSIR0000") == sent
