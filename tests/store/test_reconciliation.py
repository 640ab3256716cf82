from app.domain.times import SECOND, rfc3339
from app.store.database.engine import Store
from app.store.ledger.history import HistoryLine, record
from app.store.reads.reconciliation import MessagesWanted, Totals, last_number, list_sent, overview, totals
from tests.dispatch.outbox_rows import change
from tests.store.invented import NOON, accept, acceptance


def texas(store: Store, last: int | None = None) -> list[str]:
    """The ids in the list of Texas, up to a number."""
    with store.read.connect() as connection:
        return [message.message_id for message in list_sent(connection, MessagesWanted("TX", last=last), 10).items]


def test_a_message_was_sent_when_the_network_took_it_last(store: Store) -> None:
    """It may have taken it twice, and a state looks for the second; what it never took has no time."""
    accept(store, acceptance("EX-1"), acceptance("EX-2"))
    with store.write.begin() as connection:
        record(connection, [HistoryLine(2, "sent", NOON + wait * SECOND, "acknowledged") for wait in (1, 90)])
    with store.read.connect() as connection:
        page = list_sent(connection, MessagesWanted("TX"), 10)
    assert [message.sent_at for message in page.items] == [rfc3339(NOON + 90 * SECOND), None]


def test_a_list_has_an_end_however_many_come_meanwhile(store: Store) -> None:
    """The number that was the last when it began; the totals are counted to the same."""
    accept(store, acceptance("EX-1"))
    with store.read.connect() as connection:
        last = last_number(connection)
    accept(store, acceptance("EX-2"))
    assert (texas(store, last), texas(store)) == (["LN00000002"], ["LN00000002", "LN00000004"])
    with store.read.connect() as connection:
        assert totals(connection, MessagesWanted("TX", last=last)).accepted == 1


def test_what_a_state_may_have_twice_is_counted(store: Store) -> None:
    """Beside the statuses, which add up without it; of a state that was sent nothing there is nothing."""
    accept(store, acceptance("EX-1"), acceptance("EX-2"), acceptance("EX-3"))
    change(store, "UPDATE message SET status = 'sent', maybe_duplicate = :yes WHERE number IN (1, 2, 4)", yes=True)
    with store.read.connect() as connection:
        assert totals(connection, MessagesWanted("TX")) == Totals(3, {"queued": 1, "sent": 2}, 2)
        assert totals(connection, MessagesWanted("NM")) == Totals(0, {}, 0)
        assert overview(connection, None, None).messages["AZ"].maybe_duplicate == 1
