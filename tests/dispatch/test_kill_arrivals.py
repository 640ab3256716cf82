import asyncio
import json
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from app.simulator.switch import Switch
from app.simulator.texts import administrative, as_legacy
from app.store.database.engine import Store
from tests.dispatch.channels.folder import names
from tests.dispatch.dying_listener import STEPS
from tests.dispatch.outbox_rows import AZ, ORIGIN, change, queue, rows
from tests.dispatch.scripted import until

REPLY = administrative("AZSIR0000", ORIGIN, "FBI/12345678A PLEASE ADVISE")
AT = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)


async def listen(store: Store, *arguments: str) -> asyncio.subprocess.Process:
    """A dispatcher that takes in what comes, and may die of it (see dying_listener)."""
    words = ("-m", "tests.dispatch.dying_listener", str(store.write.url), *arguments)
    return await asyncio.create_subprocess_exec(sys.executable, *words)


def release_of_the_subject(store: Store) -> None:
    """What the AMs of these tests are about."""
    queue(store, [AZ])
    change(store, "UPDATE release SET body_json = :body", body=json.dumps({"subject": {"fbi_number": "12345678A"}}))


def test_an_am_is_taken_once_wherever_the_process_is_killed(store: Store, tmp_path: Path) -> None:
    """At each step from reading the file to putting it away, with one more AM each time; in the end each is an inquiry about its
    release, once.
    """
    release_of_the_subject(store)
    spool = tmp_path / "spool"
    (spool / "in").mkdir(parents=True)

    async def scenario() -> None:
        async with asyncio.timeout(60):
            for number, step in enumerate(STEPS):
                text = as_legacy(REPLY, AT, number)
                (spool / "in" / f"{number}.txt").write_text(text, newline="")
                child = await listen(store, str(spool), step)
                assert await child.wait() == -signal.SIGKILL
            last = await listen(store, str(spool), "never")
            await until(lambda: len(names(spool / "in" / "done")) == len(STEPS))
            last.kill()
            await last.wait()

    asyncio.run(scenario())
    assert rows(store, "SELECT kind, matched_by FROM inbound") == [("AM", "FBI number")] * len(STEPS)
    assert rows(store, "SELECT code, release FROM work_item") == [("inquiry", 1)] * len(STEPS)
    assert rows(store, "SELECT count(DISTINCT inbound) FROM inbound_release") == [(len(STEPS),)]
    assert names(spool / "in") == []


def test_an_am_over_tcp_that_is_said_once_outlives_every_process_that_has_it(store: Store, tmp_path: Path) -> None:
    """The first is killed at its first step, and each that takes the AM over at the next; in the end it is one inquiry."""
    release_of_the_subject(store)
    folder = tmp_path / "arrivals"

    async def scenario() -> None:
        async with asyncio.timeout(60), Switch() as switch:
            steps = STEPS[1:]  # releases are taken up at the start too, when there is no link yet
            first = await listen(store, str(folder), steps[0], switch.address)
            await switch.connected()
            switch.inject(as_legacy(REPLY, AT, 1))
            assert await first.wait() == -signal.SIGKILL
            for step in steps[1:]:
                assert await (await listen(store, str(folder), step, switch.address)).wait() == -signal.SIGKILL
            assert len(names(folder)) == 1
            last = await listen(store, str(folder), "never", switch.address)
            await until(lambda: not sum(file.stat().st_size for file in folder.iterdir()))
            last.kill()
            await last.wait()

    asyncio.run(scenario())
    assert rows(store, "SELECT kind, matched_by FROM inbound") == [("AM", "FBI number")]
    assert rows(store, "SELECT code, release FROM work_item") == [("inquiry", 1)]
