import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from app.domain.inbound import Heard
from app.errors import Conflict, NotFound
from app.intake.follow_up import Wording
from app.intake.lift import LiftRequest, lift
from app.store.accepted.lifting import Lift, reject
from app.store.accepted.releases import accept_many
from app.store.database.engine import Store, open_store, upgrade
from app.store.database.writer import Writer
from app.store.desk import arrivals, inquiries
from app.store.desk.arrivals import ArrivalFilter, get_arrival, list_arrivals
from app.store.desk.inbound import take_in
from app.store.desk.inquiries import (
    Inquiry,
    InquiryFilter,
    InquiryWithText,
    close_inquiry,
    get_inquiry,
    list_inquiries,
)
from app.store.desk.subjects import Learn, learn
from app.store.desk.work_items import Resolve, resolve
from app.store.ledger.audit import note
from app.store.ledger.messages import Requeue, requeue
from app.store.statements.paging import Page
from tests.dispatch.outbox_rows import change, queue
from tests.store.invented import NOON, SECRET, acceptance, decided, rows, run

ANY = InquiryFilter()
ONE, OTHER = "12345678A", "987654321"


def accepted(store: Store, **fbi_numbers: str) -> None:
    """Releases of subjects with these FBI numbers, by their ids; each has two messages."""
    bodies = {release_id: json.dumps({"subject": {"fbi_number": number}}) for release_id, number in fbi_numbers.items()}
    run(store, accept_many, *[acceptance(release_id)._replace(body=body) for release_id, body in bodies.items()])
    run(store, learn, Learn(100))


def am(source: str, *numbers: int, fbi: tuple[str, ...] = (), origin: str | None = "TXSIR0000") -> Heard:
    """An AM that names these messages and subjects."""
    named = tuple((number, "quoted number") for number in numbers)
    text = f"AM.{origin}\nTXT\n{SECRET} PLEASE ADVISE"
    return Heard(
        source=source,
        kind="AM",
        text=text,
        cause=f"AM from {origin or 'an unknown ORI'}",
        numbers=named,
        origin=origin,
        fbi_numbers=fbi,
    )


def listed(store: Store, wanted: InquiryFilter = ANY, limit: int = 100, cursor: str | None = None) -> Page[Inquiry]:
    """A page of inquiries."""
    with store.read.connect() as connection:
        return list_inquiries(connection, wanted, limit, cursor)


def read(store: Store, key: int) -> InquiryWithText:
    """One inquiry with its text."""
    with store.read.connect() as connection:
        return get_inquiry(connection, key)


def ids(*found: Inquiry) -> list[int | None]:
    """The numbers of some inquiries."""
    return [each.id for each in found]


def test_an_am_is_linked_by_fbi_number_to_the_newest_of_its_subject(store: Store) -> None:
    """The others are told of, and listed with every message sent."""
    accepted(store, A=ONE, B=OTHER, C=ONE)
    assert run(store, take_in, am("t:1", fbi=(ONE,)))[0] == "matched"
    (inquiry,) = listed(store).items
    assert (inquiry.release_id, inquiry.message_id, inquiry.found_by, inquiry.releases) == ("C", None, "FBI number", 2)
    assert (inquiry.from_ori, inquiry.status, inquiry.code) == ("TXSIR0000", "open", "inquiry")
    assert inquiry.detail == "inbound 1: AM from TXSIR0000; 2 releases found, linked to the newest of the subject"
    whole = read(store, 1)
    assert SECRET in whole.text
    assert [(each.release_id, each.found_by) for each in whole.about] == [("C", "FBI number"), ("A", "FBI number")]
    sent = [(message.message_id, message.state, message.status) for message in whole.about[0].messages]
    assert sent == [("LN00000005", "AZ", "queued"), ("LN00000006", "TX", "queued")]


def test_a_message_number_goes_before_an_fbi_number(store: Store) -> None:
    """The release that the number names is the first, though the subject has a newer one; each release is linked once."""
    accepted(store, A=ONE, B=OTHER, C=ONE)
    run(store, take_in, am("t:1", 999, 4, 2, 1, fbi=(ONE,)))
    (inquiry,) = listed(store).items
    assert (inquiry.release_id, inquiry.message_id, inquiry.releases) == ("B", "LN00000004", 3)
    whole = read(store, 1)
    assert [(each.release_id, each.found_by) for each in whole.about] == [
        ("B", "quoted number"),
        ("A", "quoted number"),
        ("C", "FBI number"),
    ]
    assert [len(listed(store, InquiryFilter(release_id=each)).items) for each in ("A", "B", "C", "D")] == [1, 1, 1, 0]


def test_an_am_that_names_nothing_known_is_an_inquiry_all_the_same(store: Store) -> None:
    """From an unknown ORI, about nothing that is known here: somebody answers it."""
    accepted(store, A=ONE)
    run(store, take_in, am("t:1", 999, fbi=(OTHER,), origin=None))
    (inquiry,) = listed(store).items
    assert (inquiry.release_id, inquiry.found_by, inquiry.releases, inquiry.from_ori) == (None, None, 0, None)
    whole = read(store, 1)
    assert whole.about == ()


def test_a_text_that_nobody_understands_is_linked_all_the_same(store: Store) -> None:
    """So that who reads it need not search; it stays unmatched."""
    accepted(store, A=ONE, B=OTHER)
    garbage = Heard(
        source="t:1",
        kind="other",
        text="garbage",
        cause="a text that is no ER, SM or AM",
        numbers=((3, "quoted number"),),
        fbi_numbers=(ONE,),
    )
    assert run(store, take_in, garbage)[0] == "unmatched"
    (item,) = rows(store, "SELECT code, release, number, detail FROM work_item")
    assert item == (
        "unmatched-inbound",
        2,
        3,
        "inbound 1: a text that is no ER, SM or AM; 2 releases found, linked to the one of the quoted number",
    )
    assert rows(store, "SELECT number, matched_by FROM inbound") == [(3, None)]


def test_the_same_am_again_is_no_second_inquiry(store: Store) -> None:
    """However often it is handed over."""
    accepted(store, A=ONE)
    assert run(store, take_in, *[am("t:1", fbi=(ONE,))] * 3) == ["matched"] * 3
    assert len(listed(store).items) == 1
    assert rows(store, "SELECT count(*) FROM inbound_release") == [(1,)]


def test_an_am_handed_over_by_several_processes_is_one_inquiry(store: Store, new_store: Callable[[], Store]) -> None:
    """At the same moment: each is answered, and one of them takes it."""
    accepted(store, A=ONE)
    stores = [new_store() for _ in range(4)]

    def take(own: Store) -> list[str]:
        with Writer(own) as writer:
            return [writer.do_and_wait(take_in, am(f"t:{number}", fbi=(ONE,))) for number in range(20)]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(take, stores)) == [["matched"] * 20] * 4
    assert len(listed(store).items) == 20
    assert rows(store, "SELECT inbound, count(*) FROM work_item GROUP BY inbound HAVING count(*) > 1") == []
    assert rows(store, "SELECT count(*) FROM inbound_release") == [(20,)]


def test_an_am_about_very_many_releases_keeps_the_likeliest(store: Store) -> None:
    """All are counted in words, fifty are kept."""
    accepted(store, **{f"EX-{number}": ONE for number in range(60)})
    run(store, take_in, am("t:1", fbi=(ONE,)))
    (inquiry,) = listed(store).items
    assert (inquiry.release_id, inquiry.releases) == ("EX-59", 50)
    assert "60 releases found" in inquiry.detail


def test_inquiries_are_listed_by_status_and_page(store: Store) -> None:
    """Other work items are not among them."""
    run(store, accept_many, acceptance("A", "review"))
    run(store, take_in, *[am(f"t:{number}") for number in range(3)])
    run(store, close_inquiry, Resolve(3, "answered", "op", NOON))
    assert ids(*listed(store).items) == [2, 3, 4]
    assert ids(*listed(store, InquiryFilter("open")).items) == [2, 4]
    first = listed(store, limit=2)
    assert ids(*first.items, *listed(store, limit=2, cursor=first.next).items) == [2, 3, 4]


def test_closing_an_inquiry_closes_its_work_item_and_the_other_way_round(store: Store) -> None:
    """Once; and nothing that is no inquiry."""
    run(store, accept_many, acceptance("A", "review"))
    run(store, take_in, am("t:1"), am("t:2"))
    close = Resolve(2, "answered by telephone", "op", NOON)
    done, again = run(store, close_inquiry, close, close)
    assert isinstance(done, Inquiry)
    assert (done.status, done.resolved_by, done.reason) == ("resolved", "op", "answered by telephone")
    assert isinstance(again, Conflict)
    assert isinstance(run(store, resolve, close)[0], Conflict)
    run(store, resolve, close._replace(id=3))
    assert isinstance(run(store, close_inquiry, close._replace(id=3))[0], Conflict)
    for other in (1, 9):
        assert isinstance(run(store, close_inquiry, close._replace(id=other))[0], NotFound)
    assert rows(store, "SELECT code, status FROM work_item ORDER BY id") == [
        ("review", "open"),
        ("inquiry", "resolved"),
        ("inquiry", "resolved"),
    ]


def test_what_a_state_asks_holds_no_message_and_is_settled_by_none(store: Store) -> None:
    """An inquiry about a held message is no hold of it; a message that is sent again leaves the question open."""
    run(store, accept_many, acceptance("A", "held"))
    run(store, take_in, am("t:1", 2), am("t:2", 1))
    assert isinstance(run(store, reject, Resolve(2, "no", "op", NOON))[0], Conflict)
    item = Lift(work_item=2, reason="yes", by="op", at=NOON, format="legacy")
    lifting = LiftRequest(item, Wording(lambda *_: decided("A"), lambda *_: None))
    assert isinstance(run(store, lift, lifting)[0], Conflict)
    run(store, close_inquiry, Resolve(2, "answered", "op", NOON))
    assert rows(store, "SELECT number, status FROM message ORDER BY number") == [(1, "queued"), (2, "held")]
    change(store, "UPDATE message SET status = 'dead', ready = :no WHERE number = 1", no=False)
    run(store, requeue, Requeue("LN00000001", "again", "op", NOON))
    assert rows(store, "SELECT code, status FROM work_item ORDER BY id") == [
        ("ori-not-confirmed", "open"),
        ("inquiry", "resolved"),
        ("inquiry", "open"),
    ]


def test_whoever_reads_an_inquiry_stands_in_the_trail(store: Store) -> None:
    """With the number of the text and the releases shown, and none of its words."""
    accepted(store, A=ONE)
    run(store, take_in, am("t:1", fbi=(ONE,)))
    run(store, note, inquiries.shown(read(store, 1), "op", NOON))
    with pytest.raises(NotFound):
        read(store, 2)
    trail = rows(store, "SELECT actor, object, outcome, detail_json FROM audit WHERE action = 'read_inquiry'")
    assert trail == [("op", "inquiry 1", "read", '{"inbound":1,"releases":["A"]}')]
    for table in ("audit", "work_item", "inbound_release"):
        for secret in (SECRET, ONE):
            assert secret not in str(rows(store, f"SELECT * FROM {table}"))  # noqa: S608 - names above


def test_every_text_from_the_network_can_be_read(store: Store) -> None:
    """Listed without its words, by kind and whether it was understood; read with them, which the trail notes."""
    run(store, take_in, Heard("t:1", "other", f"{SECRET} \x1b[2J", "a text that is no ER, SM or AM"), am("t:2"))
    assert rows(store, "SELECT code, inbound FROM work_item ORDER BY id") == [("unmatched-inbound", 1), ("inquiry", 2)]
    with store.read.connect() as connection:
        whole = list_arrivals(connection, ArrivalFilter(), 1)
        assert [each.id for each in list_arrivals(connection, ArrivalFilter(), 1, whole.next).items] == [2]
        assert [each.id for each in list_arrivals(connection, ArrivalFilter("other", matched=False), 9).items] == [1]
        assert list_arrivals(connection, ArrivalFilter(matched=True), 9).items == ()
    assert SECRET not in str(whole)
    with store.read.connect() as connection:
        text = get_arrival(connection, 1)
        with pytest.raises(NotFound):
            get_arrival(connection, 9)
    run(store, note, arrivals.shown(text, "op", NOON))
    assert (text.text, text.kind, text.source) == (f"{SECRET} \x1b[2J", "other", "t:1")
    assert rows(store, "SELECT actor, object, outcome FROM audit WHERE action = 'read_inbound'") == [
        ("op", "inbound 1", "read")
    ]


@pytest.fixture(params=["sqlite", "postgresql"])
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store of a version that knew no FBI numbers."""
    with ExitStack() as stack:
        url = f"sqlite:///{tmp_path / 'older.db'}"
        if request.param == "postgresql":
            url = stack.enter_context(request.getfixturevalue("postgresql").database(empty=True))
        opened = stack.enter_context(closing(open_store(url)))
        config = Config()
        config.set_main_option("script_location", "app.store:migrations")
        with opened.write.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "0003")
        yield opened


def test_what_an_earlier_version_stored_is_found_and_read(older: Store) -> None:
    """Its releases by FBI number; its inquiries with their texts, by the words in which it noted them."""
    queue(older, ["AZSIR0000", "TXSIR0000"])  # release EX-1
    change(older, "UPDATE release SET body_json = :body", body=json.dumps({"subject": {"fbi_number": ONE}}))
    change(older, "INSERT INTO inbound (id, source, kind, text, received_at) VALUES (7, 't:1', 'AM', :text, 0)", text=SECRET)
    change(
        older,
        "INSERT INTO work_item (id, code, release, rule, detail, status, opened_at)"
        " VALUES (1, 'inquiry', 1, '', 'inbound 7: AM from TXSIR0000', 'open', 0)",
    )
    change(older, "UPDATE counter SET last = 1 WHERE name = 'work_item'")
    change(older, "INSERT INTO inbound (source, kind, text, received_at) VALUES ('t:0', 'other', '', 0)")
    upgrade(older)
    run(older, learn, Learn(100))
    run(older, take_in, am("t:2", fbi=(ONE,)))
    before, since = listed(older).items
    assert (before.inbound_id, before.from_ori, before.release_id, before.releases) == (7, "TXSIR0000", "EX-1", 1)
    assert (since.release_id, since.found_by) == ("EX-1", "FBI number")
    whole = read(older, 1)
    assert (whole.text, [each.release_id for each in whole.about]) == (SECRET, ["EX-1"])
