import asyncio
import json
from collections import Counter
from collections.abc import Callable
from datetime import date

import pytest

from app.decide.decide import Decider
from app.decide.terms import Terms
from app.domain.decision import Decision, Errand
from app.errors import Conflict, Fault, NotFound, Refused
from app.intake.accept import Intake
from app.intake.follow_up import Wording
from app.intake.lift import LiftRequest, lift, lift_hold, reject_hold
from app.store.accepted.lifting import Lift
from app.store.accepted.releases import StoredRelease
from app.store.database.engine import Store
from app.store.database.writer import Writer
from app.store.desk.work_items import Resolve, StoredWorkItem, resolve
from tests.intake.invented import NEEDS_A_PERSON, document, release
from tests.store.invented import NOON, rows


def accept(writer: Writer, decider: Decider, body: bytes, *, backfill: bool = False) -> None:
    """Accepts one release."""
    asyncio.run(Intake(writer, lambda: decider, lambda: NOON).accept(body, "sor", backfill=backfill))


async def lifted(writer: Writer, decider: Decider, work_item: int = 1) -> StoredRelease:
    """Lifts it, one second later."""
    found = await lift_hold(
        writer=writer,
        decider=decider,
        work_item=work_item,
        reason="checked by phone",
        caller="op",
        clock=lambda: NOON + 1_000_000,
    )
    assert isinstance(found, StoredRelease)
    return found


def flagged() -> bytes:
    """A release that would be told to two states, but for a flag."""
    return json.dumps({**document("EX-1"), "holds": ["juvenile"]}).encode()


@pytest.mark.parametrize("body", [flagged(), release("EX-1", NEEDS_A_PERSON)])
def test_a_review_that_is_lifted_sends_what_routing_says(store: Store, writer: Writer, decider: Decider, body: bytes) -> None:
    """With new numbers, in their lanes; the decision as first answered stays as it was."""
    accept(writer, decider, body)
    before = rows(store, "SELECT outcome, answer_json FROM release")
    found = asyncio.run(lifted(writer, decider))
    assert [(message.copy, message.state, message.status) for message in found.messages] == [
        ("departing", "AZ", "queued"),
        ("receiving", "TX", "queued"),
    ]
    assert found.messages[0].text.startswith("AM.VTINS07S0.AZSIR0000.*LN00000001.TXT\nLENS LN00000001 ")
    assert found.messages[0].history[0].cause == "lifted by op: checked by phone"
    assert [(item.code, item.status, item.resolved_by, item.reason) for item in found.work_items] == [
        ("review", "resolved", "op", "checked by phone")
    ]
    assert found.outcome == "hold_for_review"
    assert rows(store, "SELECT outcome, answer_json FROM release") == before
    assert rows(store, "SELECT ori FROM lane ORDER BY ori") == [("AZSIR0000",), ("TXSIR0000",)]
    trail = rows(store, "SELECT actor, action, object, outcome, detail_json FROM audit ORDER BY id DESC LIMIT 1")
    assert trail[0][:4] == ("op", "lift_hold", "work item 1", "lifted")
    detail = json.loads(trail[0][4])
    assert (detail["rulebook"], detail["messages"]) == (decider.book.hash, ["LN00000001", "LN00000002"])
    assert detail["because"][-2:] == ["LENS-R10", "LENS-R30"], "which rules decided now, maybe not those of then"


def test_a_review_of_a_backfill_that_is_lifted_sends_nothing(store: Store, writer: Writer, decider: Decider) -> None:
    """A person decides about it as ever, by no set time; what routing says then is suppressed."""
    accept(writer, decider, flagged(), backfill=True)
    found = asyncio.run(lifted(writer, decider))
    assert [(message.state, message.status) for message in found.messages] == [("AZ", "suppressed"), ("TX", "suppressed")]
    assert [(item.code, item.due_at, item.status) for item in found.work_items] == [("review", None, "resolved")]
    assert rows(store, "SELECT count(*) FROM message WHERE ready") == [(0,)]


def test_a_hold_is_lifted_once_however_often_it_is_clicked(
    store: Store, new_store: Callable[[], Store], writer: Writer, decider: Decider
) -> None:
    """Thirty-two at once, in two processes, with as many that reject it: one is heard, the others are told so."""
    accept(writer, decider, flagged())

    async def clicks(other: Writer) -> list[StoredRelease | StoredWorkItem | BaseException]:
        lifts = [lifted(each, decider) for each in (writer, other) for _ in range(16)]
        rejections = [reject_hold(each, Resolve(1, "not he", "op", NOON)) for each in (writer, other) for _ in range(16)]
        return await asyncio.gather(*lifts, *rejections, return_exceptions=True)

    with Writer(new_store()) as other:
        results = asyncio.run(clicks(other))
    assert Counter(type(result) for result in results) == {StoredRelease: 1, Conflict: 63}
    was_lifted = rows(store, "SELECT action FROM audit WHERE object = 'work item 1'") == [("lift_hold",)]
    assert rows(store, "SELECT count(*) FROM message") == [(2 if was_lifted else 0,)]
    assert rows(store, "SELECT count(*) FROM message_event") == [(2 if was_lifted else 0,)]


def test_a_hold_lifted_by_many_is_sent_once(
    store: Store, new_store: Callable[[], Store], writer: Writer, decider: Decider
) -> None:
    """Thirty-two clicks in two processes: each state has one message."""
    accept(writer, decider, flagged())

    async def clicks(other: Writer) -> list[StoredRelease | BaseException]:
        return await asyncio.gather(*[lifted(each, decider) for each in (writer, other) * 16], return_exceptions=True)

    with Writer(new_store()) as other:
        results = asyncio.run(clicks(other))
    assert Counter(type(result) for result in results) == {StoredRelease: 1, Conflict: 31}
    assert rows(store, "SELECT ori, status FROM message ORDER BY number") == [("AZSIR0000", "queued"), ("TXSIR0000", "queued")]


def test_a_rejected_review_sends_nothing(store: Store, writer: Writer, decider: Decider) -> None:
    """It is closed with its reason, and cannot be lifted any more."""
    accept(writer, decider, flagged())
    found = asyncio.run(reject_hold(writer, Resolve(1, "not to be told", "op", NOON)))
    assert isinstance(found, StoredRelease)
    assert found.messages == ()
    assert [(item.status, item.resolved_by, item.reason) for item in found.work_items] == [("resolved", "op", "not to be told")]
    with pytest.raises(Conflict, match="resolved"):
        asyncio.run(lifted(writer, decider))
    assert rows(store, "SELECT action, outcome FROM audit ORDER BY id DESC LIMIT 1") == [("reject_hold", "rejected")]


@pytest.mark.parametrize("way", ["rejected", "resolved without sending"])
def test_a_message_kept_back_that_is_not_to_go_is_cancelled(store: Store, writer: Writer, decider: Decider, way: str) -> None:
    """Whether its work item is rejected or resolved, so that none is held for ever with nobody asked; its history says why."""
    accept(writer, Decider(decider.book, Terms(allow_generic_ori=False)), release("EX-1"))
    closing = Resolve(2, "told by telephone", "op", NOON)
    if way == "rejected":
        asyncio.run(reject_hold(writer, closing))
    else:
        writer.do_and_wait(resolve, closing)
    assert rows(store, "SELECT status, ready FROM message ORDER BY number") == [("held", 0), ("cancelled", 0)]
    assert rows(store, "SELECT status, cause FROM message_event WHERE number = 2 ORDER BY id")[1] == (
        "cancelled",
        f"{way} by op: told by telephone",
    )
    with pytest.raises(Conflict, match="resolved"):
        asyncio.run(lifted(writer, decider, 2))
    assert rows(store, "SELECT status FROM work_item ORDER BY id") == [("open",), ("resolved",)]


def test_a_message_kept_back_for_its_ori_is_queued_as_it_is(store: Store, writer: Writer, decider: Decider) -> None:
    """The same number and bytes; the other one stays held until its own work item is lifted."""
    strict = Decider(decider.book, Terms(allow_generic_ori=False))
    accept(writer, strict, release("EX-1"))
    before = rows(store, "SELECT number, text FROM message ORDER BY number")
    found = asyncio.run(lifted(writer, strict, 2))
    assert [message.status for message in found.messages] == ["held", "queued"]
    assert [event.status for event in found.messages[1].history] == ["held", "queued"]
    assert [item.status for item in found.work_items] == ["open", "resolved"]
    assert rows(store, "SELECT number, text FROM message ORDER BY number") == before
    assert rows(store, "SELECT number FROM message WHERE ready") == [(2,)]


def test_a_lifted_review_still_holds_a_message_to_an_unconfirmed_ori(store: Store, writer: Writer, decider: Decider) -> None:
    """One hold is lifted; another kind has a work item of its own."""
    strict = Decider(decider.book, Terms(allow_generic_ori=False))
    accept(writer, strict, flagged())
    found = asyncio.run(lifted(writer, strict))
    assert [message.status for message in found.messages] == ["held", "held"]
    assert [(item.code, item.status) for item in found.work_items] == [
        ("review", "resolved"),
        ("ori-not-confirmed", "open"),
        ("ori-not-confirmed", "open"),
    ]
    assert rows(store, "SELECT count(*) FROM message WHERE ready") == [(0,)]


def test_where_the_engine_still_disagrees_nothing_is_sent(store: Store, writer: Writer, decider: Decider) -> None:
    """Lifting is refused, and the work item stays open for another day."""
    accept(writer, decider, flagged())
    held = Decision(
        release_id="EX-1",
        outcome="hold_for_review",
        as_of=date(2026, 11, 23),
        rulebook="0" * 12,
        rulebook_sha256="0" * 64,
        because=(),
        notices=(),
        errands=(Errand("engine-disagreement", ""),),
        warnings=(),
    )
    wording = Wording(lambda _, __: held, lambda *_: None)
    item = Lift(work_item=1, reason="looked at", by="op", at=NOON, format="legacy")
    with pytest.raises(Conflict, match="cannot be trusted"):
        writer.do_and_wait(lift, LiftRequest(item, wording))
    assert rows(store, "SELECT code, status FROM work_item") == [("review", "open")]
    assert rows(store, "SELECT count(*) FROM message") == [(0,)]


def test_what_the_rules_no_longer_take_is_not_lifted(store: Store, writer: Writer, decider: Decider) -> None:
    """Its sender is to correct it; the work item stays open."""
    accept(writer, decider, flagged())

    def refuse(_: str, __: object) -> Decision:
        raise Refused((Fault("/stay/state", "unknown-code", "this code is not in the rulebook's table"),))

    with pytest.raises(Refused):
        writer.do_and_wait(
            lift,
            LiftRequest(
                Lift(work_item=1, reason="looked at", by="op", at=NOON, format="legacy"), Wording(refuse, lambda *_: None)
            ),
        )
    assert rows(store, "SELECT status FROM work_item") == [("open",)]


def test_what_holds_nothing_back_is_not_lifted(writer: Writer, decider: Decider) -> None:
    """An unknown work item, one that was resolved, and one that only asks a person to do something."""
    accept(writer, decider, flagged())
    accept(writer, decider, json.dumps({**document("EX-2"), "residence": None}).encode())
    with pytest.raises(NotFound):
        asyncio.run(lifted(writer, decider, 9))
    with pytest.raises(Conflict, match="no-residence-state"):
        asyncio.run(lifted(writer, decider, 2))
    for bad, error in ((9, NotFound), (2, Conflict)):
        with pytest.raises(error):
            asyncio.run(reject_hold(writer, Resolve(bad, "x", "op", NOON)))
    writer.do_and_wait(resolve, Resolve(1, "not to be told", "op", NOON))
    with pytest.raises(Conflict, match="resolved"):
        asyncio.run(lifted(writer, decider, 1))
