from random import Random

from hypothesis import given
from hypothesis import strategies as st

from app.dispatch.channel import Receipt
from app.dispatch.retry import backoff, verdict
from app.store.outbox.tries import Taken

FIRSTS = st.floats(0.001, 100.0)
FAILS = st.integers(1, 10_000)
SEEDS = st.integers(0, 2**32)


def message(failures: int) -> Taken:
    """A message under way that has failed so often."""
    return Taken(number=7, text="text", format="legacy", attempt=failures + 1, failures=failures, maybe_duplicate=False)


@given(FAILS, FIRSTS, st.floats(1.0, 1000.0), SEEDS)
def test_a_wait_is_never_longer_than_the_cap_nor_shorter_than_half_of_what_it_stands_for(
    fails: int, first: float, times: float, seed: int
) -> None:
    """However often a lane has failed, it waits between half of the doubled first wait and the cap."""
    cap = first * times
    wait = backoff(fails, first, cap, Random(seed))
    assert min(first, cap) / 2 <= wait <= cap


@given(FAILS, FIRSTS, SEEDS)
def test_waits_grow(fails: int, first: float, seed: int) -> None:
    """One failure more never has a shorter wait, with the same luck, and at most twice the wait."""
    one, more = (backoff(count, first, 1e9, Random(seed)) for count in (fails, fails + 1))
    assert one <= more <= 2 * one


@given(SEEDS, SEEDS)
def test_lanes_that_failed_together_come_back_apart(one: int, other: int) -> None:
    """The wait depends on nothing but the failures and the luck handed in."""
    assert backoff(3, 1.0, 60.0, Random(one)) == backoff(3, 1.0, 60.0, Random(one))
    assert (Random(one).random() == Random(other).random()) == (
        backoff(3, 1.0, 60.0, Random(one)) == backoff(3, 1.0, 60.0, Random(other))
    )


def test_what_the_network_took_is_sent() -> None:
    """An acknowledged message is sent, whatever went before."""
    found = verdict(message(49), Receipt("taken", "acknowledged"), 50)
    assert (found.status, found.failed, found.unknown) == ("sent", False, False)


def test_a_refused_message_is_tried_again_until_its_tries_are_used_up() -> None:
    """A message refused for the last time allowed is dead."""
    assert [verdict(message(failures), Receipt("later", "refused"), 3).status for failures in range(4)] == [
        "queued",
        "queued",
        "dead",
        "dead",
    ]


def test_a_lost_answer_counts_and_may_be_a_duplicate() -> None:
    """When no word came the try counts, and the network may have the message."""
    found = verdict(message(0), Receipt("unknown", "no ACK"), 50)
    assert (found.status, found.failed, found.unknown) == ("queued", True, True)


def test_a_try_that_never_left_counts_for_nothing() -> None:
    """A link that is down can never make a message dead."""
    found = verdict(message(1000), Receipt("unsent", "no link"), 50)
    assert (found.status, found.failed, found.unknown) == ("queued", False, False)
