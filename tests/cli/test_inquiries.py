from contextlib import closing
from pathlib import Path

from app.dispatch.channel import Arrival
from app.dispatch.inbound import read
from app.store.accepted.releases import accept_many
from app.store.database.engine import open_store, upgrade
from app.store.desk.inbound import take_in
from app.store.desk.subjects import Learn, learn
from tests.cli.conftest import Lens
from tests.store.invented import acceptance, rows, run


def ask(folder: Path) -> None:
    """A release whose subject a state asks about, and a text that nobody understands."""
    with closing(open_store(f"sqlite:///{folder / 'lens.db'}")) as store:
        upgrade(store)
        run(store, accept_many, acceptance("EX-1")._replace(body='{"subject": {"fbi_number": "12345678A"}}'))
        run(store, learn, Learn(9))
        texts = ("AM.TXSIR0000\r\nTXT\r\nFBI/12345678A\x1b[2J ADVISE", "GARBAGE\x07")
        run(store, take_in, *[read(Arrival(f"t:{text}", text), 0) for text in texts])


def test_an_inquiry_is_listed_shown_and_closed(lens: Lens, tmp_path: Path) -> None:
    """With its text, of which the terminal obeys nothing, and what was sent of the release."""
    ask(tmp_path)
    listed = lens("inquiries", "list", "--release", "EX-1")[1]
    assert "TXSIR0000" in listed
    assert "FBI number" in listed
    code, out, _ = lens("inquiries", "show", "1")
    assert (code, "FBI/12345678A [2J ADVISE" in out, "\x1b" in out) == (0, True, False)
    assert "release EX-1 (found by FBI number), notify, 2026-11-23 12:00 UTC" in out
    assert "  LN00000002 NEW to TX (TXSIR0000), queued 2026-11-23 12:00 UTC" in out
    with closing(open_store(f"sqlite:///{tmp_path / 'lens.db'}")) as store:
        notices = [str(text) for (text,) in rows(store, "SELECT text FROM message ORDER BY number")]
    assert notices
    for notice in notices:
        assert "\n".join(f"    {line}".rstrip() for line in notice.split("\n")) in out
    assert lens("inquiries", "close", "1", "--reason", " ")[0] == 2
    assert lens("inquiries", "close", "1", "--reason", "answered by telephone")[:2] == (0, "Inquiry 1 is closed.\n")
    code, _, err = lens("inquiries", "close", "1", "--reason", "again")
    assert (code, "resolved" in err) == (1, True)
    assert "answered by telephone" in lens("inquiries", "show", "1")[1]
    assert lens("inquiries", "list")[1] == "There are none.\n"
    assert "resolved" in lens("inquiries", "list", "--status", "all")[1]
    assert lens("inquiries", "show", "2")[0] == 1


def test_what_came_from_the_network_is_listed_and_shown(lens: Lens, tmp_path: Path) -> None:
    """Also what matches nothing."""
    ask(tmp_path)
    assert lens("inbound", "list")[1].count("UTC") == 2
    listed = lens("inbound", "list", "--unmatched")[1]
    assert ("other" in listed, listed.count("UTC")) == (True, 1)
    assert lens("inbound", "list", "--kind", "ER")[1] == "There are none.\n"
    assert lens("inbound", "show", "2")[:2] == (0, "GARBAGE\n")
    assert lens("inbound", "show", "9")[0] == 1
