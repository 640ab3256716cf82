import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from app.decide.decide import Decider
from app.decide.terms import Terms
from app.domain.decision import Decision, NotifiedOri
from app.domain.release import Release, read_release
from tests.decide.deciding import ID, NOW, decider, decider_of, niem_parts
from tests.domain.releases import Document, release_document

TWO = "LN00000002"


def read(document: Document) -> Release:
    """The release, whatever states the rulebook knows."""
    return read_release(json.dumps(document).encode(), {})


def told(state: str = "TX", **changes: Any) -> NotifiedOri:  # noqa: ANN401 - fields of NotifiedOri
    """What a state was told, on the day itself."""
    fields: dict[str, Any] = {"audience": "residence_state", "copy": "receiving", "state": state, "ori": f"{state}SIR0000"}
    return NotifiedOri(**{"message_id": TWO, "at": NOW, **fields, **changes})


DEPARTING = told("AZ", audience="release_state", copy="departing")


def withdrawn(by: Decider, document: Document, *args: Any) -> list[str]:  # noqa: ANN401 - Told and others told
    """The lines of the CANCEL."""
    notice = by.withdraw(read(document), *args)
    assert notice is not None
    assert (notice.type, notice.refers_to, notice.held_because) == ("CANCEL", TWO, None)
    return notice.numbered(ID).splitlines()


def follow(document: Document, by: Decider | None = None, **last: str) -> Decision:
    """The decision when these ORIs were told before."""
    return (by or decider()).decide(read(document), NOW, told=last)


def test_who_was_told_gets_a_correction_and_who_was_not_a_new_notice() -> None:
    """The same decision, but for the type and the line that names the message corrected."""
    first, then = follow(release_document()), follow(release_document(), TXSIR0000=TWO)
    assert [(notice.type, notice.refers_to) for notice in then.notices] == [("NEW", None), ("CORRECTION", TWO)]
    assert first.notices[0] == then.notices[0]
    lines = [line.replace("CORRECTION", "NEW") for line in then.notices[1].text.splitlines() if line != f"REFERS TO/{TWO}"]
    assert lines == first.notices[1].text.splitlines()


def test_a_cancel_says_what_was_said_and_to_whom_else() -> None:
    """The words of the release as it stood, the other state as one told too, and within what time it is to be out."""
    lines = withdrawn(decider(), release_document(), told(), (DEPARTING,))
    assert lines[0].startswith("AM.VTINS07S0.TXSIR0000.")
    assert lines[2:4] == ["TYPE/CANCEL COPY/RECEIVING STATE/TX ALSO SENT TO/AZ", f"REFERS TO/{TWO}"]
    assert "CTY/EL PASO STA/TX ZIP/79901" in lines
    alone = withdrawn(decider(), release_document(), told(), ())
    assert alone[2].endswith("ALSO SENT TO/NONE")
    nebraska = withdrawn(decider(), release_document(), told(), (told("NE"), DEPARTING))
    assert nebraska[2].endswith("ALSO SENT TO/AZ NB")


def test_a_cancel_is_late_where_the_notice_was() -> None:
    """Not because time has passed since."""
    moment: datetime = NOW + timedelta(days=30)
    assert "LATE NOTICE" in withdrawn(decider(), release_document(), told(at=moment), ())
    assert "LATE NOTICE" not in withdrawn(decider(), release_document(), told(), ())


def test_a_cancel_needs_no_rule_of_today(tmp_path: Path) -> None:
    """A state that routing would not tell now, that no table has any more, or whose ORI nobody has confirmed: it was told."""
    strict = decider(Terms(allow_generic_ori=False))
    assert follow(release_document(), strict, TXSIR0000=TWO).notices[1].held_because == "ori-not-confirmed"
    withdrawn(strict, release_document(), told(), ())
    nowhere = release_document(residence=None)
    assert withdrawn(decider(), nowhere, told(), ())[2].endswith("STATE/TX ALSO SENT TO/NONE")
    gone = told("ZQ", ori="ZQSIR0000")
    assert withdrawn(decider(), nowhere, gone, (DEPARTING,))[2].endswith("STATE/ZQ ALSO SENT TO/AZ")
    brief = '  BRIEF:\n    lines:\n      - "LENS {message_id}"\n      - "TYPE/{type}"\nmust_say:'
    by = decider_of(tmp_path / "two", ("rules/messages.yaml", "must_say:", brief))
    assert withdrawn(by, nowhere, gone, ())[1:] == [f"LENS {ID}", "TYPE/CANCEL"]


def test_a_cancel_that_is_too_long_is_none(tmp_path: Path) -> None:
    """A person then tells the state in another way."""
    by = decider_of(tmp_path / "short", ("rules/messages.yaml", "max_characters: 14400", "max_characters: 500"))
    assert by.withdraw(read(release_document()), told(), ()) is None


def test_a_cancel_as_xml() -> None:
    """The same lines in the network's XML form."""
    notice = decider(Terms(message_format="niem")).withdraw(read(release_document()), told(), ())
    assert notice is not None
    assert f"REFERS TO/{TWO}" in niem_parts(notice.numbered(ID))["MailMessageText"].splitlines()
