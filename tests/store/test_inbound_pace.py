"""A flood of texts opens a bounded number of work items, and loses none of them."""

from app.dispatch.channel import Arrival
from app.dispatch.inbound import read
from app.store.database.engine import Store
from app.store.desk.inbound import take_in
from app.store.desk.inbound_pace import AN_HOUR
from tests.dispatch.outbox_rows import change
from tests.store.invented import rows, run


def say(store: Store, first: int, count: int, origin: str = "TXSIR0000") -> None:
    """AMs of one origin, in one transaction."""
    run(
        store,
        take_in,
        *[read(Arrival(f"{origin}:{place}", f"AM.{origin}\nTXT\nADVISE {place}"), 0) for place in range(first, first + count)],
    )


def items(store: Store) -> dict[str, int]:
    """Open work items, counted by their code."""
    return {
        str(code): int(str(count))
        for code, count in rows(store, "SELECT code, count(*) FROM work_item WHERE status = 'open' GROUP BY code")
    }


def test_600_messages_open_60_work_items_and_one_that_counts_the_rest(store: Store) -> None:
    """Each is stored; another state's inquiry is not kept from anybody."""
    say(store, 0, 400)
    say(store, 400, 200)
    say(store, 0, 1, "AZSIR0000")
    assert items(store) == {"inquiry": AN_HOUR + 1, "inbound-flood": 1}
    assert rows(store, "SELECT count(*) FROM inbound") == [(601,)]
    ((detail,),) = rows(store, "SELECT detail FROM work_item WHERE code = 'inbound-flood'")
    first, last = rows(store, "SELECT min(id), max(id) FROM inbound WHERE origin = 'TXSIR0000'")[0]
    assert str(detail).startswith(f"inbound {int(str(first)) + AN_HOUR} to {last}: more than {AN_HOUR} texts of TXSIR0000")
    assert str(detail).endswith(f"so far {600 - AN_HOUR}")


def test_the_next_hour_has_work_items_again_and_a_closed_flood_opens_another(store: Store) -> None:
    """The flood that is open goes on counting; one that a person has closed does not."""
    say(store, 0, AN_HOUR + 2)
    change(store, "UPDATE inbound_pace SET hour = hour - 1")
    say(store, 1000, AN_HOUR + 3)
    assert items(store) == {"inquiry": 2 * AN_HOUR, "inbound-flood": 1}
    change(store, "UPDATE work_item SET status = 'resolved' WHERE code = 'inbound-flood'")
    say(store, 2000, 4)
    details = rows(store, "SELECT detail FROM work_item WHERE code = 'inbound-flood' ORDER BY id")
    assert [str(detail).rpartition(" ")[2] for (detail,) in details] == ["5", "4"]


def test_texts_that_say_no_origin_are_one_flood(store: Store) -> None:
    """Garbage from the link is bounded as well."""
    run(store, take_in, *[read(Arrival(f"g:{place}", f"GARBAGE {place}"), 0) for place in range(AN_HOUR + 9)])
    assert items(store) == {"unmatched-inbound": AN_HOUR, "inbound-flood": 1}


def test_a_flood_keeps_no_word_about_a_message_from_counting(store: Store) -> None:
    """What needs no person is done as ever."""
    run(store, take_in, *[read(Arrival(f"g:{place}", f"ER.NL0000000\nTXT\n.19. {place}"), 0) for place in range(AN_HOUR + 9)])
    run(store, take_in, read(Arrival("p:1", "SM.NL0000000\nTXT\nNLETS TEMPORARILY OUT OF SERVICE"), 0))
    assert rows(store, "SELECT source FROM pause") == [("network",)]
