import asyncio
from collections.abc import Iterator, MutableMapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.dispatch.channel import Arrival, Receipt
from app.domain.identifiers import message_id
from app.simulator.texts import NetworkText, as_legacy, error, status
from app.store.database.engine import Store
from tests.dispatch.outbox_rows import AZ, ORIGIN, TX, queue, statuses, text_of
from tests.dispatch.scripted import LATER, QUICK, TAKEN, ScriptedChannel, always_taken, dispatching, until
from tests.store.invented import rows

AT = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
Lines = list[MutableMapping[str, Any]]


@pytest.fixture
def logged() -> Iterator[Lines]:
    """Every line of the log."""
    with capture_logs() as lines:
        yield lines


def of(lines: Lines, event: str) -> Lines:
    """The lines of one event."""
    return [line for line in lines if line["event"] == event]


def test_a_message_that_dies_is_told_with_its_release(store: Store, logged: Lines) -> None:
    """Which message, of which release, to which state, why, and what to read; no word of the message."""
    (number,) = queue(store, [AZ])

    async def scenario() -> None:
        async def refused(_: str, __: int) -> Receipt:
            return LATER

        async with dispatching(store, ScriptedChannel(refused), replace(QUICK, max_attempts=2)):
            await until(lambda: bool(of(logged, "message_dead")))

    asyncio.run(scenario())
    assert statuses(store)[number] == "dead"
    (line,) = of(logged, "message_dead")
    assert (line["log_level"], line["runbook"], line["cause"]) == ("error", "dead-letter", "refused for now")
    assert (line["message"], line["release"], line["state"]) == (message_id(number), "EX-1", "AZ")
    assert "TESTPERSON" not in str(logged)


def test_the_reason_of_a_refusal_is_in_the_history_alone(store: Store, logged: Lines) -> None:
    """It is free text of the far side, which may name the person: the log has our own words."""
    (number,) = queue(store, [AZ])
    said = Receipt("later", "refused for now by the switch: TESTPERSON, ADAM", "refused for now by the switch")

    async def scenario() -> None:
        async def refused(_: str, __: int) -> Receipt:
            return said

        async with dispatching(store, ScriptedChannel(refused), replace(QUICK, max_attempts=3)):
            await until(lambda: bool(of(logged, "message_dead")))

    asyncio.run(scenario())
    told = [*of(logged, "lane_keeps_failing"), *of(logged, "message_dead")]
    assert [line["cause"] for line in told] == ["refused for now by the switch"] * 2
    assert "TESTPERSON" not in str(logged)
    kept = rows(
        store, "SELECT count(*) FROM message_event WHERE number = :number AND cause = :cause", number=number, cause=said.cause
    )
    assert kept == [(3,)]


def test_a_lane_that_keeps_failing_is_told_seldom_and_when_it_recovers(store: Store, logged: Lines) -> None:
    """At the third failure in a row and at each doubling, and once when it is over; of other lanes nothing."""
    failing, _ = queue(store, [TX, AZ])
    fails = 0

    async def fate(ori: str, _: int) -> Receipt:
        nonlocal fails
        if ori == AZ or fails == 13:
            return TAKEN
        fails += 1
        return LATER

    async def scenario() -> None:
        async with dispatching(store, ScriptedChannel(fate), QUICK):
            await until(lambda: bool(of(logged, "lane_recovered")))

    asyncio.run(scenario())
    told = of(logged, "lane_keeps_failing")
    assert [line["fails_in_a_row"] for line in told] == [3, 6, 12]
    assert {(line["log_level"], line["ori"], line["message"], line["release"], line["runbook"]) for line in told} == {
        ("warning", TX, message_id(failing), "EX-1", "lane-fails")
    }
    (over,) = of(logged, "lane_recovered")
    assert (over["ori"], over["failed_before"], over["log_level"]) == (TX, 13, "warning")


@pytest.mark.parametrize(
    ("text", "event", "runbook", "became"),
    [
        (error("19", text_of(1, AZ), ORIGIN, message_id(1)), "message_rejected", "rejected", "rejected"),
        (
            status(code="01", sent=text_of(1, AZ), destination=AZ, to=ORIGIN, control=message_id(1)),
            "message_rejected",
            "rejected",
            "rejected",
        ),
        (
            status(code="04", sent=text_of(1, AZ), destination=AZ, to=ORIGIN, control=message_id(1)),
            "state_out_of_service",
            "state-out",
            "waiting_for_state",
        ),
    ],
)
def test_what_the_network_turns_down_is_told(
    store: Store, logged: Lines, text: NetworkText, event: str, runbook: str, became: str
) -> None:
    """With the message, its release and the number under which the text can be read."""
    queue(store, [AZ])

    async def scenario() -> None:
        channel = ScriptedChannel(always_taken)
        async with dispatching(store, channel, replace(QUICK, state_retry=600.0)):
            await until(lambda: statuses(store)[1] == "sent")
            channel.arrivals.put_nowait(Arrival("test:1", as_legacy(text, AT, 1)))
            await until(lambda: bool(channel.answers))

    asyncio.run(scenario())
    assert statuses(store)[1] == became
    (line,) = of(logged, event)
    assert (line["log_level"], line["runbook"], line["message"], line["release"]) == (
        "warning",
        runbook,
        message_id(1),
        "EX-1",
    )
    assert line["inbound"] == 1
    assert "TESTPERSON" not in str(logged)


def test_a_text_that_nobody_understands_is_told_with_its_work_item(store: Store, logged: Lines) -> None:
    """So that whoever is on duty finds it."""

    async def scenario() -> None:
        channel = ScriptedChannel(always_taken)
        async with dispatching(store, channel):
            channel.arrivals.put_nowait(Arrival("test:1", "GARBAGE ABOUT TESTPERSON, INVENTED"))
            await until(lambda: bool(channel.answers))

    asyncio.run(scenario())
    (line,) = of(logged, "arrival_unmatched")
    assert (line["log_level"], line["inbound"], line["work_item"]) == ("warning", 1, 1)
    assert rows(store, "SELECT id, code FROM work_item") == [(1, "unmatched-inbound")]
    assert "TESTPERSON" not in str(logged)
