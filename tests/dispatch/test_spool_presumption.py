import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from structlog.testing import capture_logs

from app.dispatch.channels.spool import SpoolChannel
from app.dispatch.dispatcher import Dispatcher
from app.domain.identifiers import message_id
from app.store.database.engine import Store
from app.store.database.writer import Writer
from app.store.reads.used_numbers import used_before, used_before_words
from tests.dispatch.outbox_rows import AZ, TX, change, queue, statuses, wire
from tests.dispatch.scripted import QUICK, until

SOON = replace(QUICK, presume_after=0.02)


@asynccontextmanager
async def spooling(store: Store, spool: Path) -> AsyncIterator[Dispatcher]:
    """A dispatcher on a spool, that presumes after a fiftieth of a second."""
    with Writer(store) as writer:
        dispatcher = Dispatcher(writer=writer, channel=SpoolChannel(spool, poll=0.02), worker="w1", limits=SOON, wire=wire)
        task = asyncio.create_task(dispatcher.run())
        try:
            yield dispatcher
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def test_what_the_gateway_has_not_taken_is_not_presumed_delivered(store: Store, tmp_path: Path) -> None:
    """Its file lies in `out/`, so no state has it; once the file is gone the time begins."""
    kept, taken = queue(store, [AZ, TX])
    out = tmp_path / "spool" / "out"

    async def scenario() -> None:
        async with spooling(store, tmp_path / "spool") as dispatcher:
            await until(lambda: set(statuses(store).values()) == {"sent"})
            (out / "LN00000002.am").unlink()
            await until(lambda: statuses(store)[taken] == "presumed_delivered")
            await until(lambda: dispatcher.counts.presumed == 1)
            assert statuses(store)[kept] == "sent"
        async with spooling(store, tmp_path / "spool"):
            (later,) = queue(store, [TX])
            await until(lambda: statuses(store)[later] == "sent")
            (out / "LN00000003.am").unlink()
            await until(lambda: statuses(store)[later] == "presumed_delivered")
            assert statuses(store)[kept] == "sent", "nor after a restart"
            (out / "LN00000001.am").unlink()
            await until(lambda: statuses(store)[kept] == "presumed_delivered")

    asyncio.run(scenario())


def test_a_number_that_was_used_before_is_told_while_it_keeps_a_lane(store: Store, tmp_path: Path) -> None:
    """Of the lane that it keeps, not of the others; no longer once its message is cancelled."""
    stuck, _, _ = queue(store, [AZ, TX, AZ])
    out = tmp_path / "spool" / "out"
    out.mkdir(parents=True)
    (out / "LN00000001.am").write_bytes(b"another notice")

    def found() -> tuple[str, ...]:
        with store.read.connect() as connection:
            return used_before(connection)

    async def scenario() -> None:
        async with spooling(store, tmp_path / "spool"):
            assert found() == ()
            await until(lambda: found() == (message_id(stuck),))
            assert used_before_words(found()) == "message LN00000001: this number was used before: run `lens db recovered`"
        change(store, "UPDATE message SET status = 'cancelled', ready = false WHERE number = :number", number=stuck)
        assert (found(), used_before_words(())) == ((), None)

    asyncio.run(scenario())


def test_a_first_start_says_nothing_of_presuming(store: Store, tmp_path: Path) -> None:
    """Until the spool's folders have been made there is nothing to look at, and nothing has failed."""
    (number,) = queue(store, [AZ])

    async def scenario() -> None:
        async with spooling(store, tmp_path / "not" / "yet"):
            await until(lambda: statuses(store)[number] == "sent")
            (tmp_path / "not" / "yet" / "out" / "LN00000001.am").unlink()
            await until(lambda: statuses(store)[number] == "presumed_delivered")

    with capture_logs() as said:
        asyncio.run(scenario())
    assert [line for line in said if line["event"] == "presume_failed"] == []


def test_nothing_is_presumed_while_out_cannot_be_looked_at(store: Store, tmp_path: Path) -> None:
    """Nobody knows then what the gateway has taken."""
    (number,) = queue(store, [AZ])
    out = tmp_path / "spool" / "out"

    async def scenario() -> None:
        async with spooling(store, tmp_path / "spool") as dispatcher:
            await until(lambda: statuses(store)[number] == "sent")
            out.rename(tmp_path / "aside")
            out.write_text("in the way")
            for _ in range(3):
                lying = asyncio.gather(dispatcher._channel.lying(), return_exceptions=True)
                assert isinstance((await lying)[0], OSError)
            assert statuses(store)[number] == "sent"
            out.unlink()
            (tmp_path / "aside").rename(out)
            (out / "LN00000001.am").unlink()
            await until(lambda: statuses(store)[number] == "presumed_delivered")

    asyncio.run(scenario())
