import msgspec

from app.dispatch.channel import Receipt
from app.dispatch.counts import SENT_WITHIN, DispatchCounts
from app.store.outbox.tries import AttemptResult, Taken

SECOND = 1_000_000


def message(number: int, age: float = 0.0, left: float | None = None, *, maybe_duplicate: bool = False) -> Taken:
    """A message in hand, with its age and time left in seconds."""
    return Taken(
        number=number,
        text="text",
        format="legacy",
        attempt=1,
        failures=0,
        maybe_duplicate=maybe_duplicate,
        age=int(age * SECOND),
        left=None if left is None else int(left * SECOND),
    )


def test_tries_are_counted_by_fate_and_flag() -> None:
    """Every try counts, whatever became of it."""
    counts = DispatchCounts()
    counts.tried(
        [message(1), message(2, maybe_duplicate=True), message(3)],
        [Receipt("taken", ""), Receipt("taken", ""), Receipt("later", "")],
    )
    assert counts.tries == {"taken": 2, "later": 1, "unknown": 0, "unsent": 0}
    assert counts.duplicates == 1


def test_the_time_to_send_counts_from_acceptance() -> None:
    """What the network took is sorted by its age then; a bound counts to its own side."""
    counts = DispatchCounts()
    messages = [message(1, age=8.0), message(2, age=8.5), message(3, age=5000.0), message(4, age=1.0)]
    verdicts = [AttemptResult(number, "sent", "") for number in (1, 2, 3)] + [AttemptResult(4, "queued", "")]
    counts.settled(messages, verdicts, 2.0)
    assert dict(zip((*SENT_WITHIN, None), counts.sent, strict=True)) == dict.fromkeys((*SENT_WITHIN, None), 0) | {
        10.0: 1,
        30.0: 1,
        None: 1,
    }
    assert counts.sent_seconds == 10.0 + 10.5 + 5002.0


def test_the_time_that_policy_sets_is_held_against_what_happened() -> None:
    """A message without such a time counts as neither."""
    counts = DispatchCounts()
    messages = [message(1, left=3.0), message(2, left=1.0), message(3, left=-5.0), message(4)]
    counts.settled(messages, [AttemptResult(each.number, "sent", "") for each in messages], 2.0)
    assert (counts.in_time, counts.overdue) == (1, 2)


def test_the_dead_are_counted() -> None:
    """Also one whose text fits no wire, and so was not tried."""
    counts = DispatchCounts()
    counts.settled([message(1)], [AttemptResult(1, "dead", ""), AttemptResult(2, "dead", "")], 0.0)
    assert (counts.dead, sum(counts.sent)) == (2, 0)


def test_counts_go_from_process_to_process() -> None:
    """As JSON, unchanged."""
    counts = DispatchCounts()
    counts.tried([message(1)], [Receipt("unknown", "")])
    counts.settled([message(1, age=0.2)], [AttemptResult(1, "sent", "")], 0.1)
    assert msgspec.json.decode(msgspec.json.encode(counts), type=DispatchCounts) == counts
