import asyncio
import json
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from app.simulator.texts import administrative, as_legacy
from app.store.engine import Store
from tests.dispatch.channels.folder import names
from tests.dispatch.dying_listener import STEPS
from tests.dispatch.outbox_rows import AZ, ORIGIN, change, queue, rows
from tests.dispatch.scripted import until

AT = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)


def test_an_am_is_taken_once_wherever_the_process_is_killed(store: Store, tmp_path: Path) -> None:
    """At each step from reading the file to putting it away, with one more AM each time; in the end each is an inquiry about its
    release, once.
    """
    queue(store, [AZ])
    change(store, "UPDATE release SET body_json = :body", body=json.dumps({"subject": {"fbi_number": "12345678A"}}))
    spool = tmp_path / "spool"
    (spool / "in").mkdir(parents=True)

    async def listen(step: str) -> asyncio.subprocess.Process:
        words = ("-m", "tests.dispatch.dying_listener", str(store.write.url), str(spool), step)
        return await asyncio.create_subprocess_exec(sys.executable, *words)

    async def scenario() -> None:
        async with asyncio.timeout(60):
            for number, step in enumerate(STEPS):
                text = as_legacy(administrative("AZSIR0000", ORIGIN, "FBI/12345678A PLEASE ADVISE"), AT, number)
                (spool / "in" / f"{number}.txt").write_text(text, newline="")
                child = await listen(step)
                assert await child.wait() == -signal.SIGKILL
            last = await listen("never")
            await until(lambda: len(names(spool / "in" / "done")) == len(STEPS))
            last.kill()
            await last.wait()

    asyncio.run(scenario())
    assert rows(store, "SELECT kind, matched_by FROM inbound") == [("AM", "FBI number")] * len(STEPS)
    assert rows(store, "SELECT code, release FROM work_item") == [("inquiry", 1)] * len(STEPS)
    assert rows(store, "SELECT count(DISTINCT inbound) FROM inbound_release") == [(len(STEPS),)]
    assert names(spool / "in") == []
