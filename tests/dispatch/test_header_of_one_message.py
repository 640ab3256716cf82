"""The header of an ER or SM names at most one message, and has nothing in it but what the format puts there."""

import pytest

from app.domain.identifiers import message_id
from app.simulator.texts import NETWORK
from app.store.database.engine import Store
from app.store.database.writer import Writer
from app.store.desk.inbound import take_in
from tests.dispatch.outbox_rows import TX, statuses, work_items
from tests.dispatch.test_whose_word import NAME, NUMBER, changes, er, heard, sent

OTHER = message_id(NUMBER + 1)


@pytest.mark.parametrize("second", [OTHER, f"*{OTHER}", "*AB12345"])
@pytest.mark.parametrize("place", ["before", "first line", "own line", "txt"])
@pytest.mark.parametrize("key", ["ER", "SM"])
def test_two_control_fields_make_no_header(place: str, second: str, key: str) -> None:
    """Wherever both stand, nobody knows which message is meant."""
    added = {
        "before": (f"{key}.", f"{second}\r\n{key}."),
        "first line": (NETWORK, f"{NETWORK}.{second}"),
        "own line": ("TXT", f"{second}\r\nTXT"),
        "txt": ("TXT", f"{second}.TXT"),
    }
    text = er(first_line=f"{key}.{NETWORK}")
    assert heard(text).kind == key
    found = heard(text.replace(*added[place], 1))
    assert (found.kind, changes(found)) == ("other", False)


def test_the_same_control_field_twice_names_one_message() -> None:
    """A rejection is not lost over a repetition."""
    found = heard(f"*{NAME}\r\n{er()}")
    assert (changes(found), found.numbers[0]) == (True, (NUMBER, "control field"))


def test_an_er_that_names_two_messages_rejects_neither(store: Store) -> None:
    """A person is asked instead."""
    first, second = sent(store, TX, TX)
    text = er().replace(f"*{NAME}", f"*{message_id(first)}")
    with Writer(store) as writer:
        writer.do_and_wait(take_in, heard(f"*{message_id(second)}\r\n{text}"))
    assert statuses(store) == {first: "sent", second: "sent"}
    assert [item[0] for item in work_items(store)] == ["unmatched-inbound"]
