from typing import Literal

import pytest

from app.domain.inbound import Heard
from app.domain.statuses import Status
from app.store.database.engine import Store, now_micros
from app.store.ledger.history import HistoryLine, record
from app.store.ledger.told import record_of
from tests.dispatch.outbox_rows import AZ, change, flagged, history, queue, rows, statuses, work_items
from tests.store.test_inbound import sent, take, word


def said(heard: Heard, occurrence: str) -> Heard:
    """The same words, said once more."""
    return heard._replace(occurrence=occurrence)


def try_again(store: Store, number: int) -> None:
    """A dispatcher sends it once more, and the network takes it."""
    with store.write.begin() as connection:
        now = now_micros(connection)
        record(
            connection,
            [
                HistoryLine(number=number, status=status, at=now, cause="tried again", worker="w1", attempt=2)
                for status in ("sending", "sent")
            ],
        )
    change(store, "UPDATE message SET status = 'sent', ready = :no, attempts = attempts + 1", no=False)


@pytest.mark.parametrize("status", [Status.WAITING_FOR_STATE, Status.REJECTED])
def test_words_said_again_count_once_until_their_message_is_tried_again(store: Store, status: Status) -> None:
    """A network may repeat what may not have been heard. After another try they may be about that: they are believed, once for
    each try, and the message is one that may have arrived.
    """
    number = sent(store, [AZ])[0]
    for occurrence in ("first", "second"):
        assert take(store, said(word(number, status), occurrence)) == "matched"
    try_again(store, number)
    before = rows(store, "SELECT maybe_duplicate FROM message")
    for _ in range(2):
        assert take(store, said(word(number, status), "third")) == "matched"
    assert history(store, number) == ["queued", status, "sending", "sent", status]
    assert [bool(flag) for ((flag,),) in (before, rows(store, "SELECT maybe_duplicate FROM message"))] == [False, True]
    assert rows(store, "SELECT source FROM inbound ORDER BY id") == [("test:1",), ("third",)]


def test_words_said_again_about_what_was_corrected_since_cancel_it_in_doubt(store: Store) -> None:
    """The correction follows it up, and it counts as one that may have arrived: the network may only have repeated itself."""
    number = sent(store, [AZ])[0]
    assert take(store, said(word(number, Status.WAITING_FOR_STATE), "first")) == "matched"
    try_again(store, number)
    (after,) = queue(store, [AZ], refers_to=number)
    change(store, "UPDATE message SET release = 1 WHERE number = :after", after=after)
    assert take(store, said(word(number, Status.WAITING_FOR_STATE), "second")) == "matched"
    assert statuses(store) == {number: "cancelled", after: "queued"}
    assert flagged(store) == {number}
    with store.read.connect() as connection:
        assert record_of(connection, 1, lock=False).last[AZ].number == number


@pytest.mark.parametrize("link", ["stamped", "xml"])
@pytest.mark.parametrize("status", [Status.REJECTED, Status.HELD_BY_NETWORK])
def test_words_said_again_do_not_undo_what_a_person_did_about_them(store: Store, status: Status, link: str) -> None:
    """Queued again, a message waits for its next try whatever is repeated meanwhile; only what is said after that may be about it."""
    number = sent(store, [AZ])[0]
    old = word(number, status)._replace(stamped=link == "stamped")
    assert take(store, said(old, "first")) == "matched"
    for saying in ("second", "fourth"):
        change(store, "UPDATE message SET status = 'queued', ready = :yes", yes=True)
        assert take(store, said(old, saying)) == "matched"
        assert statuses(store) == {number: "queued"}
        try_again(store, number)
        assert take(store, said(old, f"after {saying}")) == "matched"
        assert statuses(store) == {number: status}


def test_words_said_again_are_not_about_a_try_long_after_them(store: Store) -> None:
    """What the network says of a try begun minutes after the words were heard has a stamp of another minute."""
    number = sent(store, [AZ])[0]
    old = word(number, Status.WAITING_FOR_STATE)
    assert take(store, said(old, "first")) == "matched"
    change(store, "UPDATE inbound SET received_at = received_at - 61000000")
    try_again(store, number)
    assert take(store, said(old, "second")) == "matched"
    assert history(store, number) == ["queued", "waiting_for_state", "sending", "sent"]
    assert rows(store, "SELECT count(*) FROM inbound") == [(1,)]


@pytest.mark.parametrize("kind", ["AM", "SM"])
def test_what_asks_a_person_is_asked_once_however_often_its_message_is_tried(store: Store, kind: Literal["AM", "SM"]) -> None:
    """An inquiry, and words that nobody understands, say nothing of a try: said again after another one they are the same."""
    number = sent(store, [AZ])[0]
    asks = Heard(source="test:1", kind=kind, text="text", cause="says something", numbers=((number, "quoted number"),))
    first = take(store, said(asks, "first"))
    try_again(store, number)
    assert take(store, said(asks, "second")) == first
    assert rows(store, "SELECT count(*) FROM inbound") == [(1,)]
    assert rows(store, "SELECT count(*) FROM work_item") == [(1,)]


def test_words_without_a_stamp_heard_before_leave_a_doubt(store: Store) -> None:
    """Said in the same words of two tries, or only repeated, which XML does not tell: what they undo may have arrived."""
    number = sent(store, [AZ])[0]
    flags = []
    for saying in ("first", "second"):
        assert take(store, said(word(number, Status.WAITING_FOR_STATE), saying)._replace(stamped=False)) == "matched"
        flags.append([bool(row[0]) for row in rows(store, "SELECT maybe_duplicate FROM message")])
        try_again(store, number)
    assert flags == [[False], [True]]


def test_a_person_is_asked_once_by_words_without_a_stamp_that_soon_come_again(store: Store) -> None:
    """A network that repeats them does so within moments; later they are another inquiry."""
    number = sent(store, [AZ])[0]
    asked = Heard(
        source="am", kind="AM", text="text", cause="AM from AZSIR0000", numbers=((number, "quoted number"),), stamped=False
    )
    for saying in ("first", "second"):
        assert take(store, said(asked, saying)) == "matched"
    assert len(work_items(store)) == 1
    change(store, "UPDATE inbound SET received_at = received_at - 121000000")
    assert take(store, said(asked, "third")) == "matched"
    assert len(work_items(store)) == 2


def test_what_is_met_again_after_a_crash_is_no_repetition(store: Store) -> None:
    """The same saying of the words, stored and then not let go of: it does nothing more, whatever happened since."""
    number = sent(store, [AZ])[0]
    once = said(word(number, Status.WAITING_FOR_STATE), "first")
    assert take(store, once) == "matched"
    try_again(store, number)
    assert take(store, once) == "matched"
    assert history(store, number) == ["queued", "waiting_for_state", "sending", "sent"]
    assert rows(store, "SELECT count(*) FROM inbound") == [(1,)]


def test_that_the_network_is_in_service_is_believed_each_time(store: Store) -> None:
    """Else a network that says so in the same words a second time would never be sent to again."""
    down = Heard("down", "SM", "text", "out of service", network="pause")
    up = Heard("up", "SM", "text", "in service", network="resume")
    for day in ("first", "second"):
        take(store, down._replace(source=f"down {day}"))
        assert rows(store, "SELECT scope FROM pause") == [("*",)]
        take(store, said(up, day))
        assert rows(store, "SELECT scope FROM pause") == []
