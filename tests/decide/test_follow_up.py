from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from app.decide.decide import TOO_LONG
from app.decide.follow_up import (
    OpenItem,
    TwoPeopleHold,
    Withdrawal,
    conflict,
    is_held_for_two,
    plan_follow_up,
    stands_already,
    withdrawals,
)
from app.decide.told import Record, ReleaseMessage, record
from app.domain.decision import Decision, Errand, Notice, NoticeType
from app.domain.identifiers import message_id
from app.domain.statuses import Status
from app.domain.versions import Kind, Version

STATES = ("AZ", "NM", "OK", "TX")
ORIS = {state: f"{state}SIR0000" for state in STATES}

NOTHING_OWED = Decision(
    release_id="EX-1",
    outcome="do_not_notify",
    as_of=date(2026, 11, 23),
    rulebook="0" * 12,
    rulebook_sha256="0" * 64,
    because=(),
    notices=(),
    errands=(),
    warnings=(),
)


def version(number: int, kind: Kind, fingerprint: str, first_message: int = 0) -> Version:
    """A version of a release whose content says which it was."""
    return Version(
        version=number,
        kind=kind,
        fingerprint=fingerprint,
        caller="sor",
        rulebook="0" * 64,
        body=f"body {number}",
        reason=None,
        answer="{}",
        first_message=first_message,
        at=number,
    )


FIRST = version(1, "first", "a")


def message(
    number: int, state: str, status: str = "sent", kind: NoticeType = "NEW", refers_to: int | None = None
) -> ReleaseMessage:
    """A message of the release to a state."""
    return ReleaseMessage(
        number=number,
        type=kind,
        status=status,
        maybe_duplicate=False,
        audience="residence_state",
        copy="receiving",
        state=state,
        ori=ORIS[state],
        refers_to=refers_to,
        created_at=number,
    )


def notice(state: str, kind: NoticeType = "CORRECTION") -> Notice:
    """What a state is to be told."""
    return Notice(audience="residence_state", copy="receiving", state=state, ori=ORIS[state], text="words", type=kind)


def cancel(each: Withdrawal) -> Notice:
    """The CANCEL for an ORI."""
    return replace(notice(each.last.state, "CANCEL"), refers_to=each.last.message_id)


def item(id: int, code: str, state: str | None, number: int | None = None) -> OpenItem:
    """An open work item about a state."""
    audience = None if state is None else "residence_state"
    return OpenItem(id, code, audience, state, rule="", number=number, opened_at=0, due_at=None)


CHAINS: list[tuple[NoticeType, ...]] = [(), ("NEW",), ("NEW", "CANCEL"), ("NEW", "CORRECTION", "CANCEL")]


@st.composite
def histories(draw: st.DrawFn) -> Record:
    """Up to three messages to each state, in any status; a CANCEL or CORRECTION follows the message before it."""
    messages: list[ReleaseMessage] = []
    for state in STATES:
        before: int | None = None
        kinds = draw(st.sampled_from(CHAINS))
        for kind in kinds:
            number = len(messages) + 1
            status = draw(st.sampled_from(Status))
            one = message(number, state, status, kind, before)
            messages.append(one._replace(maybe_duplicate=draw(st.booleans())))
            before = number
    return record(messages)


@st.composite
def decisions(draw: st.DrawFn) -> Decision:
    """Notices to some states, some too long to send, or a review."""
    if draw(st.booleans()):
        review = Errand("review", "TEST-1")
        return replace(NOTHING_OWED, outcome="hold_for_review", errands=(review,))
    told = draw(st.sets(st.sampled_from(STATES)))
    too_long = draw(st.sets(st.sampled_from(STATES))) - told
    errands = tuple(Errand(TOO_LONG, "TEST-1", "residence_state", state) for state in sorted(too_long))
    notices = tuple(notice(state) for state in sorted(told))
    return replace(NOTHING_OWED, notices=notices, errands=errands)


def must_be_cancelled(decision: Decision, told: Record) -> list[str]:
    """The law, said a second time: told and concerned no longer, unless a person is to decide."""
    if decision.outcome == "hold_for_review":
        return []
    kept = {each.ori for each in decision.notices} | {ORIS[each.state] for each in decision.errands if each.state}
    taken_back = {
        ori for ori, last in told.last.items() if last.type == "CANCEL" and last.status not in {Status.DEAD, Status.REJECTED}
    }
    return sorted(set(told.last) - kept - taken_back)


@given(decision=decisions(), told=histories())
def test_whoever_was_told_and_is_concerned_no_longer_gets_one_cancel(decision: Decision, told: Record) -> None:
    """Exactly one, after the last message there; nobody gets one while a person is to decide, or to tell that state."""
    plan = plan_follow_up(decision, told, [FIRST], items=[], withdraw=cancel)
    cancels = [each for each in plan.decision.notices if each.type == "CANCEL"]
    assert sorted(each.ori for each in cancels) == must_be_cancelled(decision, told)
    for each in cancels:
        assert each.refers_to == message_id(told.last[each.ori].number)
    assert [each for each in plan.decision.notices if each.type != "CANCEL"] == list(decision.notices)


@given(decision=decisions(), told=histories(), open_for=st.sets(st.sampled_from(STATES)))
def test_what_is_asked_already_changes_nobodys_cancel(decision: Decision, told: Record, open_for: set[str]) -> None:
    """Whether a person is asked anew or was asked before: the same states get a CANCEL, and nothing is asked twice."""
    items = [item(number, TOO_LONG, state) for number, state in enumerate(sorted(open_for), 1)]
    plan = plan_follow_up(decision, told, [FIRST], items=items, withdraw=cancel)
    without = plan_follow_up(decision, told, [FIRST], items=[], withdraw=cancel)
    assert plan.decision.notices == without.decision.notices
    asked = [(each.code, each.state) for each in plan.decision.errands]
    still = [(each.code, each.state) for each in plan.still_open]
    assert sorted(asked + still, key=str) == sorted([(each.code, each.state) for each in decision.errands], key=str)
    assert sorted([*plan.over, *(each.id for each in plan.still_open)]) == [each.id for each in items]


@given(told=histories())
def test_what_was_certainly_not_told_is_never_sent(told: Record) -> None:
    """Of each message either the network may have it, or it is over, or a follow-up keeps it from being sent."""
    plan = plan_follow_up(NOTHING_OWED, told, [FIRST], items=[], withdraw=cancel)
    for number, each in told.by_number.items():
        over = each.status in {Status.CANCELLED, Status.SUPPRESSED}
        assert (number in plan.unsent) == (not each.may_be_told and not over)


def test_a_cancel_that_is_too_long_is_asked_of_a_person() -> None:
    """For the state that was told; it opens a work item of its own, whatever was open."""
    told = record([message(1, "TX")])
    open_before = item(4, TOO_LONG, "TX")
    plan = plan_follow_up(NOTHING_OWED, told, [FIRST], items=[open_before], withdraw=lambda _: None)
    assert plan.decision.errands == (Errand(TOO_LONG, "", "residence_state", "TX"),)
    assert plan.over == (4,)
    assert plan.decision.notices == ()


def test_a_review_is_asked_for_anew() -> None:
    """A person must look at the new content; what is about one message is over with it."""
    review = replace(NOTHING_OWED, outcome="hold_for_review", errands=(Errand("review", "TEST-1"),))
    items = [item(1, "review", None), item(2, "network-rejected", "TX", number=1)]
    plan = plan_follow_up(review, record([]), [FIRST], items=items, withdraw=cancel)
    assert plan.over == (1, 2)
    assert plan.decision.errands == review.errands


def test_a_withdrawal_says_what_was_told_and_whom_else() -> None:
    """A CANCEL that was refused is made again, from the content and words that stood before it."""
    told = record([message(1, "TX"), message(2, "TX", "sending", "CANCEL", 1), message(3, "OK")])
    assert [each.last.state for each in withdrawals(NOTHING_OWED, told, [FIRST])] == ["OK"]
    refused = message(2, "TX", "dead", "CANCEL", 1)._replace(maybe_duplicate=True)
    told = record([message(1, "TX"), refused, message(3, "OK")])
    versions = [FIRST, version(2, "correction", "b", first_message=2)]
    texas, oklahoma = withdrawals(NOTHING_OWED, told, versions)
    assert (texas.last.message_id, texas.body) == (message_id(2), "body 1")
    assert [each.state for each in texas.others] == ["OK"]
    assert (oklahoma.last.message_id, oklahoma.body) == (message_id(3), "body 2")


CANCELLED = version(2, "cancellation", "")
CORRECTED = [FIRST, version(2, "correction", "b"), version(3, "correction", "c")]


@pytest.mark.parametrize(
    ("versions", "fingerprint", "before", "expected"),
    [
        ([FIRST, CANCELLED], "b", None, "is cancelled"),
        (CORRECTED, "b", 2, "overtook this one"),
        (CORRECTED, "b", 3, None),
        (CORRECTED, "b", None, None),
        (CORRECTED, "c", 1, None),
        (CORRECTED, "d", 1, None),
    ],
)
def test_which_corrections_cannot_be_taken_any_more(
    versions: Sequence[Version], fingerprint: str, before: int | None, expected: str | None
) -> None:
    """After a cancellation, and where the same content stood before and a newer came since it was sent."""
    found = conflict(versions, fingerprint, before)
    assert (found is None) == (expected is None)
    assert (expected or "") in (found or "")


def test_the_same_again_changes_nothing() -> None:
    """A second cancellation, and the content that stands."""
    assert stands_already(CANCELLED, "cancellation", "")
    assert not stands_already(FIRST, "cancellation", "")
    assert stands_already(FIRST, "correction", "a")
    assert not stands_already(FIRST, "correction", "b")


@pytest.mark.parametrize(
    ("statuses", "sent", "stands"),
    [
        ((), False, False),
        ((), True, False),
        (("open",), True, True),
        (("resolved",), False, True),
        (("resolved",), True, False),
    ],
)
def test_two_people_must_lift_until_it_was_sent(statuses: tuple[str, ...], *, sent: bool, stands: bool) -> None:
    """A hold for two stands while it is open, and after it was closed without sending anything."""
    assert TwoPeopleHold(statuses, sent).stands is stands


def test_only_a_held_release_waits_for_two() -> None:
    """A flag for two on a release that is owed to nobody holds nothing."""
    flagged = replace(NOTHING_OWED, two_people=True)
    assert not is_held_for_two(flagged)
    assert is_held_for_two(replace(flagged, outcome="hold_for_review"))
    assert not is_held_for_two(replace(NOTHING_OWED, outcome="hold_for_review"))
