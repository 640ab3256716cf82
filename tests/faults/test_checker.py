"""The checker bites: each kind of violation, planted alone into a sound run, is found, and nothing else is."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.checker import assert_sound, check
from tests.faults.records import Arrival, Event, Fate, Stored, StoredMessage, Told, named

ONE, TWO = named(1), named(2)
QUEUED, BEGUN, SENT = Event("queued", 1, "accepted", None), Event("sending", 2, "try 1 begun", 1), Event("sent", 3, "taken", 1)
AGAIN = Event("sending", 4, "try 2 begun, an earlier one may have arrived", 2)


class Run:
    """A sound run of two messages to one lane, and ways to spoil it."""

    def __init__(self) -> None:
        self.told = [
            Told(message_id=name, release_id="EX-1", state="AZ", ori="AZSIR0000", text=f"AM {name}") for name in (ONE, TWO)
        ]
        self.arrivals = [self.arrival(name) for name in (ONE, TWO)]
        self.messages = {name: self.message(name) for name in (ONE, TWO)}
        self.releases, self.audited, self.asked = ["EX-1"], ["EX-1"], frozenset[str]()
        self.finished = True

    @staticmethod
    def arrival(name: str, fate: Fate = "kept", *, acked: bool = True, text: str | None = None) -> Arrival:
        """A message that came."""
        return Arrival(message_id=name, ori="AZSIR0000", text=text or f"AM {name}", fate=fate, acked=acked)

    @staticmethod
    def message(name: str) -> StoredMessage:
        """A message sent at its first try."""
        where = (name, "EX-1", "AZ", "AZSIR0000", f"AM {name}")
        return StoredMessage(*where, "sent", 1, flagged=False, refers_to=None, history=(QUEUED, BEGUN, SENT))

    def set(self, name: str, **changes: Any) -> None:  # noqa: ANN401 - any field of a message
        """Changes what is stored of a message."""
        self.messages[name] = self.messages[name]._replace(**changes)

    def lives(self, name: str, *history: Event) -> None:
        """Gives a message another history."""
        attempts = sum(event.status == "sending" for event in history)
        self.set(name, history=history, status=history[-1].status, attempts=attempts)

    def found(self) -> list[str]:
        """What the checker says of it: the first words."""
        stored = Stored(self.releases, self.messages, self.audited, self.asked)
        return [words.split(":")[0] for words in check(self.told, self.arrivals, stored, finished=self.finished).violations]


def forgotten(run: Run) -> None:
    """An acknowledged release is gone."""
    run.releases, run.audited, run.finished = [], [], False
    run.messages.clear()
    run.arrivals.clear()


def half(run: Run) -> None:
    """One of its two messages is gone."""
    run.finished = False
    del run.messages[TWO], run.arrivals[1]


def another_text(run: Run) -> None:
    """Stored otherwise than acknowledged."""
    run.told[0] = run.told[0]._replace(text="AM other")


def nobody_told(run: Run) -> None:
    """Stored, and no caller ever heard of it."""
    run.told.pop()


def twice_stored(run: Run) -> None:
    """A release is there twice."""
    run.releases.append("EX-1")


def not_audited(run: Run) -> None:
    """No line in the audit trail."""
    run.audited.clear()


def never_came(run: Run) -> None:
    """Called sent, and never came."""
    run.arrivals.pop()


def refused_and_called_sent(run: Run) -> None:
    """Called sent, though refused."""
    run.arrivals[1] = run.arrival(TWO, "refused", acked=False)


def came_altered(run: Run) -> None:
    """Came otherwise than stored."""
    run.arrivals[1] = run.arrival(TWO, text="AM other")


def unknown_came(run: Run) -> None:
    """Something came of which nothing is stored."""
    run.arrivals.append(run.arrival(named(3)))


def out_of_order(run: Run) -> None:
    """The second came first."""
    run.arrivals.reverse()


def follow_up_first(run: Run) -> None:
    """A follow-up overtook what it follows up."""
    run.arrivals = [run.arrival(ONE, "refused", acked=False), run.arrival(TWO), run.arrival(ONE)]
    run.lives(ONE, QUEUED, BEGUN, QUEUED, Event("sending", 4, "try 2 begun", 2), SENT)
    run.set(TWO, refers_to=ONE)


def extra_not_flagged(run: Run) -> None:
    """A second copy without the flag."""
    run.arrivals.append(run.arrival(TWO))
    run.lives(TWO, QUEUED, BEGUN, QUEUED, Event("sending", 4, "try 2 begun", 2), SENT)


def begun_again_not_flagged(run: Run) -> None:
    """Begun again after a crash without the flag."""
    run.lives(TWO, QUEUED, BEGUN, AGAIN, SENT)


def sent_without_a_try(run: Run) -> None:
    """Came once more often than it was tried."""
    run.arrivals.append(run.arrival(TWO))
    run.set(TWO, flagged=True)


def no_history(run: Run) -> None:
    """A message without a history."""
    run.set(TWO, history=(), attempts=0)
    run.arrivals.pop()
    run.finished = False


def no_cause(run: Run) -> None:
    """A status without a cause."""
    run.lives(TWO, QUEUED, BEGUN, SENT._replace(cause=" "))


def impossible_step(run: Run) -> None:
    """From sent to dead and back."""
    run.lives(TWO, QUEUED, BEGUN, SENT, Event("dead", 4, "why not", 1), SENT, Event("presumed_delivered", 5, "quiet", None))
    run.arrivals.append(run.arrival(TWO))
    run.set(TWO, flagged=True, attempts=1)


def other_ending(run: Run) -> None:
    """The history ends elsewhere."""
    run.set(TWO, status="presumed_delivered")


def uncounted_try(run: Run) -> None:
    """A try that the history does not know."""
    run.set(TWO, attempts=2)


def left_waiting(run: Run) -> None:
    """Never sent."""
    run.lives(TWO, QUEUED)
    run.arrivals.pop()


def cancelled_and_there(run: Run) -> None:
    """Cancelled, and the network has it."""
    run.lives(TWO, QUEUED, BEGUN, QUEUED, Event("cancelled", 5, "overtaken", None))


def cancelled_in_doubt_and_not_followed_up(run: Run) -> None:
    """Cancelled though it may have arrived, and the state was told nothing after it."""
    run.lives(TWO, QUEUED, BEGUN, QUEUED, Event("cancelled", 5, "overtaken", None))
    run.set(TWO, flagged=True)


def rejected_by_nobody(run: Run) -> None:
    """An ER that the network never wrote."""
    run.lives(TWO, QUEUED, BEGUN, SENT, Event("rejected", 5, "ER .19.", 1))
    run.asked = frozenset({TWO})


def held_by_nobody(run: Run) -> None:
    """An SM that the network never wrote."""
    run.lives(TWO, QUEUED, BEGUN, SENT, Event("held_by_network", 5, "SM .02.", 1))


def dead_and_nobody_asked(run: Run) -> None:
    """Given up without a work item."""
    run.lives(TWO, QUEUED, BEGUN, Event("dead", 3, "tries used up", 1))


def other_state(run: Run) -> None:
    """Counted for another state."""
    run.set(TWO, state="TX")


PLANTED: list[tuple[Callable[[Run], None], list[str]]] = [
    (forgotten, ["LOST", "LOST", "LOST"]),
    (half, ["LOST"]),
    (another_text, ["ALTERED"]),
    (nobody_told, ["UNTOLD", "TOTALS"]),
    (twice_stored, ["DOUBLED"]),
    (not_audited, ["AUDIT"]),
    (never_came, ["UNSENT", "LOST"]),
    (refused_and_called_sent, ["UNSENT", "LOST"]),
    (came_altered, ["ALTERED"]),
    (unknown_came, ["UNKNOWN"]),
    (out_of_order, ["ORDER"]),
    (follow_up_first, ["ORDER"]),
    (extra_not_flagged, ["UNFLAGGED"]),
    (begun_again_not_flagged, ["UNFLAGGED"]),
    (sent_without_a_try, ["UNBEGUN"]),
    (no_history, ["HISTORY"]),
    (no_cause, ["HISTORY"]),
    (impossible_step, ["HISTORY", "HISTORY", "UNBEGUN"]),
    (other_ending, ["HISTORY"]),
    (uncounted_try, ["HISTORY"]),
    (left_waiting, ["STUCK"]),
    (cancelled_and_there, ["STATUS"]),
    (cancelled_in_doubt_and_not_followed_up, ["STATUS"]),
    (rejected_by_nobody, ["STATUS"]),
    (held_by_nobody, ["STATUS"]),
    (dead_and_nobody_asked, ["UNSEEN"]),
    (other_state, ["ALTERED", "TOTALS", "TOTALS"]),
]


@pytest.mark.parametrize(("plant", "words"), PLANTED, ids=[plant.__name__ for plant, _ in PLANTED])
def test_a_planted_violation_is_found(plant: Callable[[Run], None], words: list[str]) -> None:
    """Each alone, by its name."""
    run = Run()
    plant(run)
    assert run.found() == words


def test_a_sound_run_has_no_violation() -> None:
    """Also one with everything that may go wrong and is explained: a refusal, a crash with its flag, a message kept for a person."""
    run = Run()
    assert run.found() == []
    run.arrivals = [run.arrival(ONE, "refused", acked=False), *[run.arrival(TWO)] * 2, run.arrival(ONE)]
    run.lives(ONE, QUEUED, BEGUN, QUEUED._replace(cause="refused for now"), Event("sending", 4, "try 2 begun", 2), SENT)
    run.lives(TWO, QUEUED, BEGUN, AGAIN, SENT)
    run.set(TWO, flagged=True)
    assert run.found() == []


def test_what_is_cancelled_in_doubt_may_be_there_when_its_correction_follows_it_up() -> None:
    """The network said that it threw the message away, and only repeated what it had said of an earlier try."""
    run = Run()
    waiting = Event("waiting_for_state", 4, "SM .04.", 1)
    again = Event("sending", 5, "try 2 begun", 2)
    run.arrivals = [run.arrival(ONE, "thrown_away"), run.arrival(ONE), run.arrival(TWO)]
    run.lives(ONE, QUEUED, BEGUN, SENT, waiting, again, SENT, waiting, Event("cancelled", 6, "overtaken", 2))
    run.set(ONE, flagged=True)
    run.set(TWO, refers_to=ONE)
    assert run.found() == []


def test_a_violation_shows_the_history_and_the_arrivals_of_its_message() -> None:
    """And those of what follows it up: a run under load is not easily had again."""
    run = Run()
    cancelled_and_there(run)
    run.set(ONE, refers_to=TWO)
    stored = Stored(run.releases, run.messages, run.audited, run.asked)
    with pytest.raises(AssertionError) as caught:
        assert_sound(run.told, run.arrivals, stored)
    words = str(caught.value)
    assert f"{TWO} is cancelled after 1 tries, flagged False, refers to None" in words
    assert f"{ONE} is sent after 1 tries, flagged False, refers to {TWO}" in words
    assert "5 cancelled (try None): overtaken" in words
    assert "arrival 1: kept, acknowledged True" in words
