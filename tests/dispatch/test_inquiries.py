import asyncio
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection
from structlog.testing import capture_logs

from app.decide.decide import Decider
from app.decide.terms import Terms
from app.dispatch import sweeps
from app.dispatch.channel import Arrival
from app.intake.accept import Intake
from app.simulator.texts import administrative, as_legacy, as_niem
from app.store.database.engine import Store
from app.store.database.writer import Writer
from app.store.desk.inquiries import Inquiry, InquiryFilter, list_inquiries
from tests.dispatch.outbox_rows import ORIGIN, rows, store_in
from tests.dispatch.scripted import QUICK, ScriptedChannel, always_taken, dispatching, until
from tests.intake.invented import release
from tests.rulebook.shipped import shipped
from tests.store.invented import NOON

AT = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
NEVER = replace(QUICK, sweep=3600.0)
"""No sweep but the one at the start."""


async def accepted(store: Store, *names: str) -> list[str]:
    """Accepts releases of one subject; the texts of their messages."""
    with Writer(store) as writer:
        intake = Intake(writer, lambda: Decider(shipped(), Terms()), lambda: NOON)
        for name in names:
            await intake.accept(release(name), "sor")
    return [str(row[0]) for row in rows(store, "SELECT text FROM message ORDER BY number")]


def inquiries(store: Store) -> tuple[Inquiry, ...]:
    """All of them."""
    with store.read.connect() as connection:
        return list_inquiries(connection, InquiryFilter(), 100).items


@pytest.mark.parametrize("form", ["legacy", "niem"])
def test_a_reply_that_quotes_our_text_finds_its_release(tmp_path: Path, form: str) -> None:
    """By the number where that is quoted, and where only the lower part is, by the FBI number, though the release came a
    moment before and no sweep since: to the newest of the subject.
    """

    async def scenario(store: Store) -> None:
        channel = ScriptedChannel(always_taken)
        async with dispatching(store, channel, NEVER):
            await until(lambda: rows(store, "SELECT count(*) FROM subject_index") == [(1,)])
            first, *_ = await accepted(store, "EX-1", "EX-2")
            quoted = first.partition(".TXT\n")[2].splitlines()
            for number, lines in enumerate((quoted, quoted[3:], ["PLEASE ADVISE"])):
                text = administrative("AZSIR0000", ORIGIN, "\n".join(["RE YOUR NOTICE", *(f"> {line}" for line in lines)]))
                whole = as_legacy(text, AT, number) if form == "legacy" else as_niem(text)
                channel.arrivals.put_nowait(Arrival(f"test:{number}", whole))
                channel.arrivals.put_nowait(Arrival(f"test:{number}", whole))
            await until(lambda: len(channel.answers) == 6)

    with closing(store_in(tmp_path)) as store:
        asyncio.run(scenario(store))
        found = [(each.release_id, each.found_by, each.releases, each.from_ori) for each in inquiries(store)]
    assert found == [
        ("EX-1", "quoted number", 2, "AZSIR0000"),
        ("EX-2", "FBI number", 2, "AZSIR0000"),
        (None, None, 0, "AZSIR0000"),
    ]


def test_a_text_that_breaks_our_own_handling_is_left_to_a_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is stored and a work item, and what comes behind it is taken."""

    def broken(_: Connection, __: object) -> list[bool]:
        raise ValueError("12345678A")

    async def scenario(store: Store) -> None:
        channel = ScriptedChannel(always_taken)
        monkeypatch.setattr(sweeps, "learn", broken)
        async with dispatching(store, channel, NEVER):
            for number, words in enumerate(("FBI/12345678A", "PLEASE ADVISE")):
                text = as_legacy(administrative("AZSIR0000", ORIGIN, words), AT, number)
                channel.arrivals.put_nowait(Arrival(f"test:{number}", text))
            await until(lambda: len(channel.answers) == 2)

    with closing(store_in(tmp_path)) as store, capture_logs() as logs:
        asyncio.run(scenario(store))
        assert rows(store, "SELECT kind, text LIKE '%FBI/12345678A%' FROM inbound ORDER BY id") == [("other", 1), ("AM", 0)]
        assert rows(store, "SELECT code, inbound, detail, due_at > opened_at FROM work_item ORDER BY id")[0] == (
            "unmatched-inbound",
            1,
            "inbound 1: AM from AZSIR0000; it could not be worked out, through a fault of LENS",
            True,
        )
    assert [entry["kind"] for entry in logs if entry["event"] == "arrival_broke"] == ["AM"]
    assert "12345678A" not in str(logs)


def test_what_was_stored_before_is_taken_up_beside_sending(tmp_path: Path) -> None:
    """A dispatcher that starts finds the releases of an earlier version, and goes on with those that come."""

    async def scenario(store: Store) -> None:
        await accepted(store, "EX-1", "EX-2")
        async with dispatching(store, ScriptedChannel(always_taken), replace(QUICK, sweep=0.02)):
            await until(lambda: rows(store, "SELECT release FROM subject_digest") == [(1,), (2,)])
            await accepted(store, "EX-3")
            await until(lambda: rows(store, "SELECT release FROM subject_digest") == [(1,), (2,), (3,)])

    with closing(store_in(tmp_path)) as store:
        asyncio.run(scenario(store))
