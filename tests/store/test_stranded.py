"""Messages that somebody changed by SQL so that they would wait for ever, or go out though they must not, are told of."""

import pytest
from sqlalchemy import text

from app.store.database.engine import Store, now_micros
from app.store.database.reading import look
from app.store.desk.lane_pauses import PauseLane, ResumeLane, pause_lanes, resume_lanes
from app.store.desk.pauses import Pause, pause
from app.store.ledger.stranded import find_stranded, in_words
from app.store.reads.waiting import waiting
from app.store.trail.trail_check import breaks
from tests.store.invented import NOON, accept, acceptance, run

AZ = "AZSIR0000"


def checked(store: Store) -> list[str]:
    """All that does not hold, without reading contents."""
    return [each.what for each in look(store, breaks)]


def change(store: Store, *statements: str) -> None:
    """What somebody does who can write to the database."""
    with store.write.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def oddity(store: Store) -> str | None:
    """What /readyz says of it."""
    return look(store, lambda connection: in_words(find_stranded(connection, now_micros(connection))))


@pytest.fixture
def busy(store: Store) -> Store:
    """Two messages to send, one to send and one held, a review, and two that a backfill suppressed."""
    accept(
        store, acceptance("EX-1"), acceptance("EX-2", "held"), acceptance("EX-3", "review"), acceptance("EX-4", backfill=True)
    )
    assert checked(store) == []
    assert oddity(store) is None
    return store


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE message SET ready = false WHERE number = 1", "message LN00000001 is to be sent, but not marked as ready"),
        ("UPDATE message SET ready = false, status = 'sending' WHERE number = 1", "message LN00000001 is to be sent, but not"),
        (
            "UPDATE message SET ready = false, status = 'waiting_for_state', not_before = 9 WHERE number = 1",
            "message LN00000001 is to be sent, but not marked as ready",
        ),
        ("UPDATE message SET ready = true WHERE number = 5", "message LN00000005 is marked as ready, though one of its status"),
        ("UPDATE message SET ready = true WHERE number = 4", "message LN00000004 is marked as ready, though one of its status"),
        (
            "UPDATE message SET not_before = 9000000000000000000 WHERE number = 1",
            "message LN00000001 is marked as ready before",
        ),
        ("DELETE FROM lane WHERE ori = 'TXSIR0000'", "message LN00000002 is to be sent, but its lane is missing"),
        ("DELETE FROM work_item WHERE number = 4", "message LN00000004 is held, and no open work item asks a person about it"),
        (
            "UPDATE work_item SET status = 'resolved' WHERE number = 4",
            "message LN00000004 is held, and no open work item asks a person about it",
        ),
        ("UPDATE work_item SET code = 'inquiry' WHERE number = 4", "message LN00000004 is held, and no open work item asks"),
        ("UPDATE work_item SET number = 3 WHERE number = 4", "message LN00000004 is held, and no open work item asks"),
    ],
)
def test_a_message_that_would_never_go_or_must_not_is_told_of(busy: Store, statement: str, what: str) -> None:
    """By the check of the trail, without its content, and by /readyz."""
    change(busy, statement)
    assert any(each.startswith(what) for each in checked(busy)), checked(busy)
    assert str(oddity(busy)).startswith(what)


def test_several_are_told_as_one(busy: Store) -> None:
    """With their number."""
    change(busy, "UPDATE message SET ready = NOT ready")
    assert str(oddity(busy)).startswith(
        "6 messages are not as LENS left them; message LN00000001 is to be sent, but not marked"
    )
    assert checked(busy)[0].startswith("of messages LN00000001, LN00000002, LN00000003, each is to be sent, but not marked")


def test_a_message_that_waits_for_its_day_is_as_it_should_be(busy: Store) -> None:
    """And is not late; one that waits for nothing is."""
    later = 9_000_000_000_000_000_000
    change(busy, f"UPDATE message SET ready = false, not_before = {later} WHERE number = 1")  # noqa: S608 - from above
    assert oddity(busy) is None
    change(busy, "UPDATE message SET status = 'cancelled', ready = false WHERE number IN (2, 3)")
    assert look(busy, waiting).oldest["queued"] == 0
    change(busy, "UPDATE message SET not_before = NULL WHERE number = 1")
    assert look(busy, waiting).oldest["queued"] > 0


def test_a_pause_that_nobody_set_is_found(busy: Store) -> None:
    """And one that somebody set, and that is gone; a pause by the network needs a text of the network."""
    run(busy, pause_lanes, PauseLane(AZ, "they asked us to", "op", NOON))
    assert checked(busy) == []
    change(busy, "DELETE FROM pause")
    assert checked(busy) == [f"lane {AZ}, which was paused then, is paused no longer, and no row tells of that"]
    run(busy, pause, Pause(AZ, "operator", "x"))
    run(busy, resume_lanes, ResumeLane(AZ, "well again", "op", NOON))
    assert checked(busy) == []
    run(busy, pause, Pause("*", "operator", "x"), Pause("*", "network", "x"))
    assert checked(busy) == [
        "every lane is paused by the network, and no text of the network is stored",
        "every lane is paused, and no row tells of that",
    ]
