"""What the audit trail says of sending: against the law of statuses, before or after its day, under which rulebook."""

from datetime import UTC, datetime

import msgspec
from sqlalchemy import text

from app.domain.statuses import Status
from app.store.database.engine import Store
from app.store.database.reading import look
from app.store.ledger.history import change as change_status
from app.store.outbox.tries import AttemptResult, Hand, Presume, begin, presume, settle
from app.store.trail.trail_check import breaks
from tests.store.invented import NOON, accept, acceptance, run


def checked(store: Store, *, content: bool = True) -> list[str]:
    """All that does not hold."""
    return [each.what for each in look(store, lambda connection: breaks(connection, content=content))]


def change(store: Store, *statements: str) -> None:
    """What somebody does who can write to the database."""
    with store.write.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def test_a_message_sent_though_it_was_cancelled_is_found(store: Store) -> None:
    """A cancelled message that somebody marked as ready, and that came to rest after LENS had sent it, did what none does."""
    accept(store, acceptance("EX-1"))
    with store.write.begin() as connection:
        change_status(connection, [2], Status.CANCELLED, NOON, "overtaken")
    change(store, "UPDATE message SET ready = true WHERE number = 2")
    with store.write.begin() as connection:
        (taken,) = begin(connection, NOON, [Hand("TXSIR0000", 1, "worker")])["TXSIR0000"]
        settle(connection, NOON, [("worker", AttemptResult(taken.number, "sent", "taken"))])
    run(store, presume, Presume(1, 10))
    what = "message LN00000002, of which it tells, went from cancelled to sending, which LENS never does"
    assert what in checked(store)


def test_the_day_that_a_message_waits_for_is_covered(store: Store) -> None:
    """One that somebody put off for years is found."""
    item = acceptance("EX-1")
    later = msgspec.structs.replace(item.decision.notices[0], not_before=datetime(2026, 11, 24, tzinfo=UTC))
    decision = msgspec.structs.replace(item.decision, notices=(later, item.decision.notices[1]))
    accept(store, item._replace(decision=decision))
    assert checked(store) == []
    change(store, "UPDATE message SET not_before = not_before * 2 WHERE number = 1")
    assert checked(store) == ["message LN00000001, of which it tells, was changed since"]


def test_the_time_at_which_a_rulebook_goes_live_is_covered(store: Store) -> None:
    """One that was published and never decides, since its time was put off."""
    change(
        store,
        "INSERT INTO rulebook (version, sha256, drafted_by, drafted_at, check_json) VALUES ('x', 'x', 'a', 1, '{}')",
        "INSERT INTO rulebook_publication (seq, version, way, named, published_by, published_at, live_at)"
        " VALUES (1, 'x', 'publish', 'x', 'a', 1, 5)",
        "UPDATE rulebook_live SET seq = 1, version = 'x', live_at = 9000000000000000000",
    )
    what = "the time from which rulebook x is live is not the one that it was published with"
    assert what in checked(store, content=False)
