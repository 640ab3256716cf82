from typing import Literal

import pytest

from app.domain.inbound import Heard
from app.domain.statuses import Status
from app.domain.times import rfc3339
from app.store.database.engine import Store, now_micros
from app.store.desk.inbound import take_in
from app.store.ledger.history import HistoryLine, record
from app.store.reads.reconciliation import MessagesWanted, list_sent
from tests.dispatch.outbox_rows import AZ, TX, change, history, lane, queue, rows, statuses, work_items


def take(store: Store, heard: Heard) -> str:
    """Takes in one text."""
    with store.write.begin() as connection:
        return take_in(connection, [heard])[0]


def word(number: int, status: Status, source: str = "test:1", kind: Literal["ER", "SM"] = "SM") -> Heard:
    """The network's word about a message."""
    return Heard(
        source=source,
        kind=kind,
        text="text",
        cause="said so",
        numbers=((number, "control field"),),
        status=status,
        delay=60_000_000,
    )


def sent(store: Store, oris: list[str], status: str = "sent") -> list[int]:
    """Messages that have been tried once and have this status."""
    numbers = queue(store, oris)
    ready = status in {"queued", "sending", "waiting_for_state"}
    change(store, "UPDATE message SET status = :s, ready = :r, attempts = 1", s=status, r=ready)
    return numbers


def test_a_text_is_taken_once(store: Store) -> None:
    """The same source again is answered as the first time, and changes nothing."""
    number = sent(store, [AZ])[0]
    assert [take(store, word(number, Status.REJECTED)) for _ in range(3)] == ["matched"] * 3
    assert rows(store, "SELECT source, kind, text, number, matched_by FROM inbound") == [
        ("test:1", "SM", "text", number, "control field")
    ]
    assert history(store, number) == ["queued", "rejected"]
    assert work_items(store) == [("network-rejected", number, 1)]


def test_what_the_network_keeps_was_taken_though_its_ack_was_lost(store: Store) -> None:
    """SM .02. before the ACK: the reconciliation list has the time of that word; with an ACK, the time of the ACK."""
    unheard, acked = sent(store, [AZ, AZ], "sending")
    ack = 1_000
    with store.write.begin() as connection:
        record(connection, [HistoryLine(number=acked, status="sent", at=ack, cause="acknowledged", worker="w1", attempt=1)])
    for number in (unheard, acked):
        take(store, word(number, Status.HELD_BY_NETWORK, f"test:{number}"))
    with store.read.connect() as connection:
        state = rows(store, "SELECT state FROM message")[0][0]
        listed = [each.sent_at for each in list_sent(connection, MessagesWanted(str(state)), 10).items]
    (kept,) = rows(store, "SELECT at FROM message_event WHERE status = 'held_by_network' AND number = :n", n=unheard)
    assert listed == [rfc3339(int(str(kept[0]))), rfc3339(ack)]


def test_a_text_keeps_its_first_answer(store: Store) -> None:
    """What was about nothing that was known is not worked out anew when it comes again: a person has it by then."""
    number = queue(store, [AZ])[0]
    assert take(store, word(number, Status.REJECTED)) == "unmatched"
    change(store, "UPDATE message SET status = 'sent', ready = :no, attempts = 1", no=False)
    assert take(store, word(number, Status.REJECTED)) == "unmatched"
    assert statuses(store) == {number: "sent"}


@pytest.mark.parametrize(
    "before", ["queued", "sending", "sent", "presumed_delivered", "waiting_for_state", "held_by_network", "dead"]
)
def test_a_rejection_may_come_at_any_time(store: Store, before: str) -> None:
    """Before the ACK, after it or after the presumption: a rejected message is rejected, and a person gets it."""
    number = sent(store, [AZ], before)[0]
    take(store, word(number, Status.REJECTED, kind="ER"))
    assert statuses(store) == {number: "rejected"}
    assert rows(store, "SELECT count(*) FROM message WHERE ready") == [(0,)]
    assert [item[0] for item in work_items(store)] == ["network-rejected"]


@pytest.mark.parametrize("before", ["queued", "sending", "sent", "presumed_delivered", "waiting_for_state", "dead"])
def test_what_the_network_will_forward_is_never_sent_again(store: Store, before: str) -> None:
    """After SM .02. the message is not ready any more, and nothing but a person's requeue of a rejection makes it so."""
    number = sent(store, [AZ], before)[0]
    take(store, word(number, Status.HELD_BY_NETWORK))
    assert statuses(store) == {number: "held_by_network"}
    assert rows(store, "SELECT count(*) FROM message WHERE ready") == [(0,)]
    assert work_items(store) == []


@pytest.mark.parametrize("before", ["queued", "sending", "sent", "presumed_delivered"])
def test_a_message_thrown_away_waits_with_its_lane(store: Store, before: str) -> None:
    """After SM .04. the message is ready again, and its lane, no other, rests and then goes one message at a time."""
    number = sent(store, [AZ, TX], before)[0]
    with store.read.connect() as connection:
        now = now_micros(connection)
    take(store, word(number, Status.WAITING_FOR_STATE))
    assert statuses(store)[number] == "waiting_for_state"
    assert rows(store, "SELECT number FROM message WHERE ready AND ori = :ori", ori=AZ) == [(number,)]
    assert int(str(lane(store, AZ)["due"])) >= now + 60_000_000
    assert (lane(store, AZ)["fails"], lane(store, TX)["due"], lane(store, TX)["fails"]) == (1, 0, 0)


def test_a_lane_that_rests_longer_already_goes_on_resting(store: Store) -> None:
    """Its failures are not forgotten either."""
    number = sent(store, [AZ])[0]
    change(store, "UPDATE lane SET due = :far, fails = 3", far=2**52)
    take(store, word(number, Status.WAITING_FOR_STATE))
    assert (lane(store, AZ)["due"], lane(store, AZ)["fails"]) == (2**52, 3)


def test_thrown_away_after_a_promise_to_forward_is_for_a_person(store: Store) -> None:
    """SM .04. after SM .02. never sends the message again, and is not lost either."""
    number = sent(store, [AZ], "held_by_network")[0]
    take(store, word(number, Status.WAITING_FOR_STATE))
    assert statuses(store) == {number: "rejected"}
    assert [item[:2] for item in work_items(store)] == [("network-rejected", number)]


@pytest.mark.parametrize("before", ["rejected", "cancelled", "suppressed"])
def test_late_word_moves_nothing_that_is_final(store: Store, before: str) -> None:
    """A message that is rejected, cancelled or suppressed stays what it is, and the text is kept with it."""
    number = sent(store, [AZ], before)[0]
    for place, status in enumerate((Status.REJECTED, Status.WAITING_FOR_STATE, Status.HELD_BY_NETWORK)):
        assert take(store, word(number, status, f"test:{place}")) == "matched"
    assert statuses(store) == {number: before}
    assert lane(store, AZ)["due"] == 0


def test_word_about_a_message_that_was_never_sent_is_unmatched(store: Store) -> None:
    """The network cannot know a message that was not tried; somebody has to look."""
    number = queue(store, [AZ])[0]
    assert take(store, word(number, Status.REJECTED)) == "unmatched"
    assert statuses(store) == {number: "queued"}
    assert work_items(store) == [("unmatched-inbound", None, None)]


def test_the_surest_number_that_exists_counts(store: Store) -> None:
    """A control field that is no message of ours gives way to the number that the body quotes."""
    number = sent(store, [AZ])[0]
    heard = word(number, Status.REJECTED)._replace(numbers=((999, "control field"), (number, "quoted number")))
    assert take(store, heard) == "matched"
    assert rows(store, "SELECT matched_by FROM inbound") == [("quoted number",)]


def test_without_a_number_the_only_open_message_to_a_destination_is_meant(store: Store) -> None:
    """A text that names only a destination is matched where one message to it is open, and never by guessing."""
    first = sent(store, [AZ])[0]
    heard = Heard("test:1", "ER", "text", "said so", oris=(AZ,), status=Status.REJECTED)
    assert take(store, heard) == "matched"
    assert statuses(store)[first] == "rejected"
    meant = heard._replace(oris=(TX,))
    change(store, "UPDATE message SET status = 'presumed_delivered' WHERE number = :n", n=queue(store, [TX])[0])
    assert take(store, meant._replace(source="test:2")) == "unmatched"
    queue(store, [TX])
    only = queue(store, [TX])[0]
    change(store, "UPDATE message SET status = 'sending', attempts = 1 WHERE number = :n", n=only)
    assert take(store, meant._replace(source="test:3", status=None)) == "unmatched"
    assert take(store, meant._replace(source="test:4")) == "matched"
    assert rows(store, "SELECT number FROM inbound ORDER BY id") == [(first,), (None,), (None,), (only,)]
    change(store, "UPDATE message SET status = 'sent', ready = :no WHERE ori = :ori", no=False, ori=TX)
    assert take(store, meant._replace(source="test:5")) == "unmatched"


def test_a_number_that_is_not_ours_means_no_message_of_ours(store: Store) -> None:
    """The one open message to the destination is not meant by a text that names another: a person looks at it."""
    number = sent(store, [AZ])[0]
    heard = Heard(
        source="test:1",
        kind="ER",
        text="text",
        cause="said so",
        numbers=((999, "quoted number"),),
        oris=(AZ,),
        status=Status.REJECTED,
    )
    assert take(store, heard) == "unmatched"
    assert statuses(store)[number] == "sent"
    assert work_items(store) == [("unmatched-inbound", None, None)]


def test_the_network_stops_and_resumes_everything(store: Store) -> None:
    """Its word is a row, so a restart keeps it; and it is no work for a person."""
    assert take(store, Heard("test:1", "SM", "text", "out of service", network="pause")) == "matched"
    assert rows(store, "SELECT scope, source FROM pause") == [("*", "network")]
    assert take(store, Heard("test:2", "SM", "text", "in service", network="resume")) == "matched"
    assert rows(store, "SELECT scope FROM pause") == []
    assert work_items(store) == []


def test_an_inquiry_is_linked_to_the_message_it_names(store: Store) -> None:
    """An AM opens a work item for its release where it names a message, and one for nobody's where it does not."""
    number = queue(store, [AZ])[0]
    heard = Heard(
        source="test:1",
        kind="AM",
        text="text",
        cause="AM from AZSIR0000",
        numbers=((999, "quoted number"), (number, "quoted number")),
    )
    assert take(store, heard) == "matched"
    assert take(store, heard._replace(source="test:2", numbers=())) == "matched"
    assert work_items(store) == [("inquiry", number, 1), ("inquiry", None, None)]


def test_garbage_and_unknown_words_are_for_a_person(store: Store) -> None:
    """A text that says nothing known is stored and opened as a work item, with its message where it names one."""
    number = sent(store, [AZ])[0]
    assert take(store, Heard("test:1", "other", "text", "no ER, SM or AM")) == "unmatched"
    assert (
        take(store, Heard(source="test:2", kind="SM", text="text", cause="unknown", numbers=((number, "control field"),)))
        == "unmatched"
    )
    assert [item[:2] for item in work_items(store)] == [("unmatched-inbound", None), ("unmatched-inbound", number)]
    assert statuses(store) == {number: "sent"}
