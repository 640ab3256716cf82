from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.inbound import (
    NO_CONSEQUENCE,
    About,
    Before,
    Heard,
    Tried,
    about,
    consequence,
    meant_again,
)
from app.domain.statuses import READY, Status, may_become
from app.domain.times import SECOND

FIRST_AT = 1_000 * SECOND
MINUTE = 60 * SECOND

OUT = Heard("s", "SM", "text", "the state is out", numbers=((7, "control field"),), status=Status.WAITING_FOR_STATE)
REFUSED = OUT._replace(kind="ER", cause="refused", status=Status.REJECTED)
UNREADABLE = Heard("s", "other", "text", "a text that is no ER, SM or AM")

TIMES = st.integers(FIRST_AT, FIRST_AT + 3 * MINUTE)
FROM_NETWORK = st.sampled_from([Status.REJECTED, Status.HELD_BY_NETWORK, Status.WAITING_FOR_STATE])


def before(last_at: int | None = FIRST_AT, *tried_at: int, number: int | None = 7) -> Before:
    """Words heard first at FIRST_AT about a message, and last at another time."""
    found_by = None if number is None else "control field"
    return Before(About(number, found_by), FIRST_AT, last_at, tried_at)


@pytest.mark.parametrize(
    ("numbers", "tried", "under_way", "expected"),
    [
        ((7, 8), (7, 8), (), About(7, "way 7")),
        ((7, 8), (8,), (), About(8, "way 8")),
        ((7,), (), (9,), About(None, None)),
        ((), (), (9,), About(9, "destination")),
        ((), (), (9, 10), About(None, None)),
        ((), (), (), About(None, None)),
    ],
)
def test_a_text_is_about_the_surest_message_that_was_tried(
    numbers: tuple[int, ...], tried: tuple[int, ...], under_way: tuple[int, ...], expected: About
) -> None:
    """The first it names that was tried; without a number the only one under way; else none is guessed."""
    heard = OUT._replace(numbers=tuple((number, f"way {number}") for number in numbers))
    assert about(heard, {number: Tried("TX1234567", "sent") for number in tried}, under_way) == expected


def test_a_state_has_no_say_in_what_was_sent_to_another() -> None:
    """The message is named, so a person finds it; the word counts for nothing."""
    heard = OUT._replace(only_state="TX")
    assert about(heard, {7: Tried("OK1234567", "sent")}, ()) == About(7, None)
    assert consequence(heard, Tried("OK1234567", "sent"), overtaken=False) == NO_CONSEQUENCE


@pytest.mark.parametrize(
    ("network", "stamped", "expected"),
    [("resume", True, True), ("resume", False, True), ("pause", True, False), ("pause", False, True)],
)
def test_that_the_network_is_in_service_is_always_believed(
    network: Literal["pause", "resume"], *, stamped: bool, expected: bool
) -> None:
    """A pause with the stamp of one heard before is that one again: it must not stop what was resumed since."""
    heard = Heard("s", "SM", "text", "the network", network=network, stamped=stamped)
    assert meant_again(heard, before(None, number=None), FIRST_AT) is expected


@pytest.mark.parametrize(
    ("stamped", "later", "expected"),
    [(False, 2 * MINUTE, False), (False, 2 * MINUTE + 1, True), (True, 9 * MINUTE, False)],
)
def test_of_what_is_about_no_message_a_person_is_asked_once(*, stamped: bool, later: int, expected: bool) -> None:
    """Without a stamp once in two minutes; with one never again."""
    heard = UNREADABLE._replace(stamped=stamped)
    assert meant_again(heard, before(None, number=None), FIRST_AT + later) is expected


@given(last_at=TIMES, tried_at=st.lists(TIMES, max_size=4), stamped=st.booleans())
def test_the_network_is_believed_again_once_for_each_try(last_at: int, tried_at: list[int], *, stamped: bool) -> None:
    """A try since the words were last heard makes them new; with a stamp, only a try within its minute."""
    now = FIRST_AT + 5 * MINUTE
    believed = meant_again(OUT._replace(stamped=stamped), before(last_at, *tried_at), now)
    since = [at for at in tried_at if at >= last_at]
    meant = [at for at in since if at <= FIRST_AT + MINUTE] if stamped else since
    assert believed == bool(meant)
    # Once believed, they were last heard now: without a further try they are not believed again.
    assert not meant_again(OUT._replace(stamped=stamped), before(now, *tried_at), now)


def test_a_clock_set_back_makes_no_word_of_the_network_lost() -> None:
    """Words without a stamp that were heard after now, by the clock of then, are believed."""
    now = FIRST_AT - MINUTE
    assert meant_again(OUT._replace(stamped=False), before(FIRST_AT), now)
    assert not meant_again(OUT, before(FIRST_AT), now)


@given(said=FROM_NETWORK, status=st.sampled_from(Status), overtaken=st.booleans())
def test_a_word_of_the_network_keeps_the_law_of_statuses(said: Status, status: Status, *, overtaken: bool) -> None:
    """Whatever it says: only moves that the law allows, nothing overtaken waits, and a lane rests only for a state that is out."""
    heard = OUT._replace(status=said)
    found = consequence(heard, Tried("TX1234567", status), overtaken=overtaken)
    present: str = status
    for following, _ in found.statuses:
        assert may_become(present, following)
        present = following
    assert not (overtaken and found.statuses and present == Status.WAITING_FOR_STATE)
    if found.rests:
        assert said == Status.WAITING_FOR_STATE
        assert status in READY | {Status.SENT, Status.PRESUMED_DELIVERED}


def test_what_the_network_throws_away_after_all_is_for_a_person() -> None:
    """It said that it would forward it: sent again it might arrive twice, so it is rejected."""
    found = consequence(OUT, Tried("TX1234567", Status.HELD_BY_NETWORK), overtaken=False)
    ((status, cause),) = found.statuses
    assert (status, found.rests) == (Status.REJECTED, False)
    assert cause.endswith("after it had said that it would forward it")


def test_what_was_corrected_is_not_sent_again_when_its_state_is_back() -> None:
    """It waits for nothing: it is cancelled at once, and the lane still rests."""
    found = consequence(OUT, Tried("TX1234567", Status.SENT), overtaken=True)
    assert [status for status, _ in found.statuses] == [Status.WAITING_FOR_STATE, Status.CANCELLED]
    assert found.rests


def test_a_refusal_ends_a_message() -> None:
    """An ER makes it rejected, for a person to see; its lane goes on."""
    found = consequence(REFUSED, Tried("TX1234567", Status.SENT), overtaken=False)
    assert found.statuses == ((Status.REJECTED, "refused"),)
    assert not found.rests
