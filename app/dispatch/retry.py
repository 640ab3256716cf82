"""What to do after a try: pure functions from what happened to a decision. The dispatcher carries it out."""

from random import Random

from app.dispatch.channel import Receipt
from app.store.outbox.tries import AttemptResult, Taken


def backoff(fails: int, first: float, cap: float, rng: Random) -> float:
    """Seconds to wait after `fails` failures in a row (1 or more): doubled each time from `first`, at most `cap`.

    A random part, up to half of it, is taken off, so that lanes which failed together do not come back together.
    """
    longest = min(cap, first * 2.0 ** min(fails - 1, 60))
    return longest * (1.0 - rng.random() / 2.0)


def verdict(message: Taken, receipt: Receipt, max_attempts: int) -> AttemptResult:
    """What a try's receipt means for its message.

    Refused and lost tries count; at `max_attempts` of them the message is dead, so that one message cannot block its lane for
    ever. A try of which no byte left counts for nothing: that is the link's trouble, not the message's.
    """
    match receipt.fate:
        case "taken":
            return AttemptResult(message.number, "sent", receipt.cause)
        case "unsent":
            return AttemptResult(message.number, "queued", receipt.cause)
        case "later" | "unknown":
            last = message.failures + 1 >= max_attempts
            unknown = receipt.fate == "unknown"
            return AttemptResult(
                number=message.number,
                status="dead" if last else "queued",
                cause=receipt.cause,
                failed=True,
                unknown=unknown,
                logged=receipt.logged,
            )
