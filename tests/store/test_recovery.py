import pytest

from app.errors import Unavailable
from app.store.database.engine import Store
from app.store.outbox.outbox import Claim, claim
from app.store.trail.trail_check import verify
from app.store.upkeep.recovery import Recovered, recover
from tests.dispatch.outbox_rows import change
from tests.store.invented import accept, acceptance, rows, run


def test_a_recovered_store_uses_no_number_again_and_flags_what_waits(store: Store) -> None:
    """Numbers go on beyond those that may have been given out; what a person held back may have been let go; the trail says so."""
    accept(store, acceptance("EX-1", "held"))
    assert recover(store, 1000) == Recovered(1003, 2)
    accept(store, acceptance("EX-2"))
    assert rows(store, "SELECT number, maybe_duplicate FROM message ORDER BY number") == [
        (1, True),
        (2, True),
        (1003, False),
        (1004, False),
    ]
    assert rows(store, "SELECT id FROM release ORDER BY id") == [(1,), (1002,)]
    assert rows(store, "SELECT count(*) FROM audit WHERE action = 'store_recovered'") == [(1,)]
    with store.read.connect() as connection:
        assert verify(connection) is None


def test_a_store_that_is_sent_from_is_not_recovered(store: Store) -> None:
    """What a dispatcher has in hand could go out unflagged; once its lease has ended it is gone, as one that was killed is."""
    accept(store, acceptance("EX-1"))
    run(store, claim, Claim(worker="w1", room=8, window=16, lease=60_000_000, horizon=10**12))
    with pytest.raises(Unavailable, match="stop every LENS process"):
        recover(store)
    assert rows(store, "SELECT last FROM counter WHERE name = 'message'") == [(2,)]
    change(store, "UPDATE lane SET until = until - 60000000")
    assert recover(store).flagged == 2
