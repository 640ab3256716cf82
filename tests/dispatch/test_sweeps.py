import asyncio
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.dispatch import sweeps
from app.store.database.engine import Store, now_micros
from app.store.database.writer import Writer
from app.store.desk.work_items import NewWorkItem, open_all
from tests.dispatch.outbox_rows import AZ, queue, rows, statuses, store_in
from tests.dispatch.scripted import QUICK, ScriptedChannel, always_taken, dispatching, until

OFTEN = replace(QUICK, sweep=0.01)


def open_overdue(store: Store) -> None:
    """A work item that was due a moment ago."""
    with store.write.begin() as connection:
        now = now_micros(connection)
        open_all(connection, [NewWorkItem("no-ori", now, detail="no route", due_at=now - 1)])


def test_an_overdue_work_item_is_told_of_once_by_two_dispatchers(tmp_path: Path) -> None:
    """In the log, by code and number."""

    async def scenario(store: Store) -> None:
        async with (
            dispatching(store, ScriptedChannel(always_taken), OFTEN),
            dispatching(store, ScriptedChannel(always_taken), OFTEN, "w2"),
        ):
            for count in (1, 2):
                open_overdue(store)
                await until(lambda wanted=count: rows(store, MARKED) == [(wanted,)])  # type: ignore[misc]

    with closing(store_in(tmp_path)) as store, capture_logs() as logs:
        asyncio.run(scenario(store))
    told = [entry for entry in logs if entry["event"] == "work_items_overdue"]
    assert [(entry["count"], entry["codes"], entry["first"]) for entry in told] == [
        (1, {"no-ori": 1}, [1]),
        (1, {"no-ori": 1}, [2]),
    ]


MARKED = "SELECT count(*) FROM work_item WHERE escalated_at IS NOT NULL"


def test_a_sweep_that_breaks_stops_no_sending(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told, without its words, and tried again; the other sweeps and all lanes go on."""

    async def broken(_: Writer) -> None:
        raise ValueError("a subject's name")

    async def scenario(store: Store) -> None:
        monkeypatch.setattr(sweeps, "learn_all", broken)
        open_overdue(store)
        async with dispatching(store, ScriptedChannel(always_taken), OFTEN):
            await until(lambda: rows(store, MARKED) == [(1,)])
            queue(store, [AZ])
            await until(lambda: set(statuses(store).values()) == {"sent"})

    with closing(store_in(tmp_path)) as store, capture_logs() as logs:
        asyncio.run(scenario(store))
    broke = [entry for entry in logs if entry["event"] == "sweep_broke"]
    assert broke[0]["error"] == "ValueError"
    assert "subject's name" not in str(broke)


STATUSES = "SELECT status FROM message ORDER BY number"


def test_a_message_goes_out_when_its_time_has_come(tmp_path: Path) -> None:
    """One that waits for its day is sent by itself once that is there, and one whose day is still to come is not."""

    async def scenario(store: Store) -> None:
        with store.write.begin() as connection:
            now = now_micros(connection)
            for number, when in ((1, now + 200_000), (2, now + 10**15)):
                connection.exec_driver_sql("UPDATE message SET ready = false, not_before = ? WHERE number = ?", (when, number))
        async with dispatching(store, ScriptedChannel(always_taken), OFTEN):
            await until(lambda: rows(store, STATUSES) == [("sent",), ("queued",)])
        assert rows(store, "SELECT number FROM message WHERE changed_at < not_before") == [(2,)]

    with closing(store_in(tmp_path)) as store:
        queue(store, [AZ, AZ])
        asyncio.run(scenario(store))
