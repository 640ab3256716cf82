from collections.abc import Callable

import msgspec

from app.decide.decide import TOO_LONG
from app.decide.follow_up import Withdrawal
from app.domain.decision import Answer, Decision, Errand, Notice
from app.domain.inbound import Heard
from app.domain.statuses import Status
from app.intake.follow_up import FollowUpRequest, Wording, follow_up
from app.store.accepted.follow_up import Followed, FollowUp
from app.store.database.engine import Store
from app.store.desk.inbound import take_in
from tests.dispatch.outbox_rows import change, rows
from tests.store.invented import NOON, accept, acceptance, decided, notice, run


def told(store: Store) -> None:
    """Arizona and Texas have been told of EX-1."""
    accept(store, acceptance("EX-1"))
    change(store, "UPDATE message SET status = 'sent', ready = :no, attempts = 1", no=False)


def withdrawal(state: str) -> Notice:
    """What takes back what a state was told."""
    return msgspec.structs.replace(notice("departing" if state == "AZ" else "receiving", state), type="CANCEL")


def followed(
    store: Store,
    decision: Decision,
    withdraw: Callable[[str], Notice | None] = withdrawal,
    fingerprint: str = "b" * 8,
) -> Answer:
    """A correction of EX-1 that is decided so."""

    def in_words(each: Withdrawal) -> Notice | None:
        return withdraw(each.last.state)

    how = Wording(lambda _, __: decision, in_words)
    item = FollowUp(
        release_id="EX-1",
        kind="correction",
        fingerprint=fingerprint,
        body="{}",
        reason=None,
        by="sor",
        own=True,
        at=NOON,
        format="legacy",
    )
    (found,) = run(store, follow_up, FollowUpRequest(item, how))
    assert isinstance(found, Followed)
    return msgspec.json.decode(found.answer_json, type=Answer)


def test_a_state_that_a_person_must_tell_otherwise_is_not_told_that_nothing_holds(store: Store) -> None:
    """The corrected notice is too long to send: what the state was told stands until somebody has told it."""
    told(store)
    correction = msgspec.structs.replace(notice("departing", "AZ"), type="CORRECTION")
    too_long = Errand(TOO_LONG, "TEST-1", "residence_state", "TX")
    found = followed(store, msgspec.structs.replace(decided("EX-1"), notices=(correction,), errands=(too_long,)))
    assert [(message.type, message.state) for message in found.messages] == [("CORRECTION", "AZ")]
    assert [(item.code, item.state) for item in found.work_items] == [(TOO_LONG, "TX")]


def test_what_a_person_is_asked_already_keeps_a_state_from_a_cancel_too(store: Store) -> None:
    """A second correction is too long as well: the person asked by the first still has to tell the state, so it gets no CANCEL."""
    told(store)
    correction = msgspec.structs.replace(notice("departing", "AZ"), type="CORRECTION")
    too_long = Errand(TOO_LONG, "TEST-1", "residence_state", "TX")
    decision = msgspec.structs.replace(decided("EX-1"), notices=(correction,), errands=(too_long,))
    first = followed(store, decision)
    second = followed(store, decision, fingerprint="c" * 8)
    assert [(message.type, message.state) for message in second.messages] == [("CORRECTION", "AZ")]
    assert [item.id for item in second.work_items] == [item.id for item in first.work_items]


def test_a_cancel_that_is_too_long_is_for_a_person(store: Store) -> None:
    """The others get theirs."""
    told(store)
    found = followed(store, decided("EX-1", "nothing"), lambda state: None if state == "TX" else withdrawal(state))
    assert [(message.type, message.state) for message in found.messages] == [("CANCEL", "AZ")]
    assert [(item.code, item.audience, item.state) for item in found.work_items] == [(TOO_LONG, "residence_state", "TX")]


def test_what_a_state_asks_stays_open_whatever_follows(store: Store) -> None:
    """Its question is not answered by a correction; what was opened about the message is closed."""
    told(store)
    run(store, take_in, Heard(source="t:1", kind="AM", text="text", cause="AM from TXSIR0000", numbers=((2, "quoted number"),)))
    run(
        store,
        take_in,
        Heard(source="t:2", kind="ER", text="text", cause="refused", numbers=((2, "quoted number"),), status=Status.REJECTED),
    )
    followed(store, decided("EX-1", "nothing"))
    assert rows(store, "SELECT code, status FROM work_item ORDER BY id") == [
        ("inquiry", "open"),
        ("network-rejected", "resolved"),
    ]
