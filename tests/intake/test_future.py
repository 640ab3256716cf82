import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.decide.decide import Decider
from app.decide.terms import Terms
from app.domain.times import micros, rfc3339
from app.intake.accept import Intake
from app.intake.follow_up import Requester, cancel, correct
from app.intake.lift import lift_hold
from app.store.accepted.releases import StoredRelease
from app.store.database.engine import Store
from app.store.database.writer import Writer
from app.store.outbox.deferred import SetReady, set_ready
from app.store.reads.waiting import waiting
from tests.intake.invented import NOT_A_RELEASE, document
from tests.store.invented import rows

LONG_AGO = micros(datetime(2020, 6, 1, 12, tzinfo=UTC))
"""The clock that is handed down; that of the database shows the true time, years later."""
DAY = 86_400_000_000


def released(at: str, release_id: str = "EX-1") -> bytes:
    """A release to be told to two states, at a time."""
    body = document(release_id)
    body["stay"] = body["stay"] | {"released_at": at}
    return json.dumps(body).encode()


def accept(writer: Writer, decider: Decider, body: bytes, now: int = LONG_AGO) -> dict[str, Any]:
    """Accepts it at a time; the answer."""
    accepted = asyncio.run(Intake(writer, lambda: decider, lambda: now).accept(body, "sor"))
    answer: dict[str, Any] = json.loads(accepted.answer_json)
    return answer


def lift(writer: Writer, decider: Decider, now: int, item: int = 1) -> StoredRelease:
    """Lifts a work item at a time."""
    found = asyncio.run(
        lift_hold(writer=writer, decider=decider, work_item=item, reason="seen", caller="op", clock=lambda: now)
    )
    assert isinstance(found, StoredRelease)
    return found


@pytest.mark.parametrize(("ahead", "held"), [(timedelta(hours=24), False), (timedelta(hours=24, seconds=1), True)])
def test_a_release_further_ahead_than_the_tolerance_is_held(
    writer: Writer, decider: Decider, ahead: timedelta, *, held: bool
) -> None:
    """A day is believed, a second more is not: a warning, a review, and nothing is sent."""
    at = datetime(2020, 6, 1, 12, tzinfo=UTC) + ahead
    answer = accept(writer, decider, released(at.isoformat()))
    assert answer["outcome"] == ("hold_for_review" if held else "notify")
    assert ("released-in-future" in [warning["code"] for warning in answer["warnings"]]) is held
    assert [item["code"] for item in answer["work_items"]] == (["review"] if held else [])
    assert len(answer["messages"]) == (0 if held else 2)


def test_the_tolerance_is_a_setting(writer: Writer, decider: Decider) -> None:
    """With an hour, a release of the afternoon that is reported in the morning is held."""
    strict = Decider(decider.book, Terms(future_tolerance=3600))
    assert accept(writer, strict, released("2020-06-01T15:00:00Z"))["outcome"] == "hold_for_review"


def test_a_date_that_is_not_believed_makes_no_answer_right(writer: Writer, decider: Decider) -> None:
    """Also one that the rules answer with nothing: another date might choose another rule. Lifted, nothing is sent."""
    body = document("EX-1", NOT_A_RELEASE)
    body["stay"]["released_at"] = "2020-09-01T10:00:00Z"
    assert accept(writer, decider, json.dumps(body).encode())["outcome"] == "hold_for_review"
    assert lift(writer, decider, LONG_AGO).messages == ()


def test_lifted_it_is_sent_when_its_day_has_come_and_not_before(store: Store, writer: Writer, decider: Decider) -> None:
    """Its messages are queued, and none is ready until the day begins at the facility."""
    accept(writer, decider, released("2020-09-01T10:00:00-05:00"))
    accept(writer, decider, released("2099-09-01T10:00:00-05:00", "EX-2"))
    begins = micros(datetime(2020, 9, 1, 5, tzinfo=UTC))
    for item in (1, 2):
        found = lift(writer, decider, LONG_AGO, item)
        assert [message.status for message in found.messages] == ["queued", "queued"]
    assert f"it goes out from {rfc3339(begins)} on" in rows(store, "SELECT cause FROM message_event ORDER BY id")[0][0]
    assert rows(store, "SELECT count(*) FROM message WHERE ready") == [(0,)]
    assert {row[0] for row in rows(store, "SELECT not_before FROM message WHERE number < 3")} == {begins}
    due = rows(store, "SELECT due_at - not_before FROM message WHERE number = 1")
    assert due == [(1_800_000_000,)]
    with store.read.connect() as connection:
        assert waiting(connection).oldest["queued"] == 0
    # The database's clock is beyond the first day, and not yet at the second.
    assert writer.do_and_wait(set_ready, SetReady(100)) == 2
    assert writer.do_and_wait(set_ready, SetReady(100)) == 0
    assert rows(store, "SELECT number FROM message WHERE ready ORDER BY number") == [(1,), (2,)]


def test_lifted_on_its_day_it_is_sent_at_once(store: Store, writer: Writer, decider: Decider) -> None:
    """The afternoon's release may be told in the morning."""
    accept(writer, decider, released("2020-09-01T15:00:00-05:00"))
    lift(writer, decider, micros(datetime(2020, 9, 1, 6, tzinfo=UTC)))
    assert rows(store, "SELECT count(*) FROM message WHERE ready") == [(2,)]


def test_what_waits_for_its_day_can_be_taken_back(store: Store, writer: Writer, decider: Decider) -> None:
    """A cancellation before the day leaves nothing to send, whoever sweeps."""
    accept(writer, decider, released("2020-09-01T10:00:00Z"))
    lift(writer, decider, LONG_AGO)
    by = Requester("sor", own=True)
    asyncio.run(
        cancel(writer=writer, decider=decider, release_id="EX-1", reason="not released", by=by, clock=lambda: LONG_AGO + DAY)
    )
    assert {row[0] for row in rows(store, "SELECT status FROM message")} == {"cancelled"}
    assert writer.do_and_wait(set_ready, SetReady(100)) == 0
    assert rows(store, "SELECT count(*) FROM message WHERE ready") == [(0,)]


def test_a_state_told_too_early_hears_of_the_correction_at_once(store: Store, writer: Writer, decider: Decider) -> None:
    """A release corrected to a day ahead is held; lifted, what corrects the notice that is out does not wait for the day."""
    accept(writer, decider, released("2020-06-01T10:00:00Z"))
    with store.write.begin() as connection:
        connection.exec_driver_sql("UPDATE message SET status = 'sent', ready = false")
    body = released("2020-09-01T10:00:00Z")
    answer = asyncio.run(
        correct(
            writer=writer,
            decider=decider,
            release_id="EX-1",
            raw=body,
            by=Requester("sor", own=True),
            clock=lambda: LONG_AGO + DAY,
        )
    )
    assert json.loads(answer.answer_json)["outcome"] == "hold_for_review"
    found = lift(writer, decider, LONG_AGO + DAY)
    assert [message.type for message in found.messages] == ["NEW", "NEW", "CORRECTION", "CORRECTION"]
    assert rows(store, "SELECT number FROM message WHERE ready ORDER BY number") == [(3,), (4,)]


def test_an_unconfirmed_ori_lifted_before_the_day_waits_for_it_too(store: Store, writer: Writer, decider: Decider) -> None:
    """Two holds, one day: lifting the second before the day queues the message and does not send it."""
    strict = Decider(decider.book, Terms(allow_generic_ori=False))
    accept(writer, strict, released("2020-09-01T10:00:00Z"))
    lift(writer, strict, LONG_AGO)
    lift(writer, strict, LONG_AGO, 2)
    assert rows(store, "SELECT status, ready FROM message WHERE number = 1") == [("queued", 0)]
    assert writer.do_and_wait(set_ready, SetReady(100)) == 1
