"""What no value can do to a text: add a line, a header or a control character, break the XML, or show what must not be shown."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.decide.compose import FIELDS, Addressee, Composer, wire
from app.decide.decide import Decider
from app.decide.folding import fold
from app.decide.terms import Terms
from app.domain.decision import NUMBER_MARK
from app.domain.identifiers import DRY_RUN_ID
from app.domain.release import Release
from app.rulebook.language.model import Template, TemplateLine
from app.rulebook.problems.problem import Spot
from app.rulebook.reading.messages import FIELDS as DECLARED
from tests.decide.deciding import ID, decided, decider, decider_of, niem_parts, texts
from tests.domain.releases import LIKELY, SUBJECTS, Document, release_document
from tests.rulebook.shipped import shipped

NIEM = Terms(message_format="niem")
NOTICE = shipped().content.messages.templates["NOTICE"]
SPOT = Spot("rules/messages.yaml")

FBI = '      - "FBI/{fbi_number}"\n'
SWITCHES = """\
      - "AKA/{aliases}"
      - "HGT/{height} WGT/{weight} EYE/{eyes} HAI/{hair}"
      - "SID/{state_id} ARN/{alien_number}"
      - "REASON/{release_reason}"
"""
ALL_SWITCHES = ("rules/messages.yaml", FBI, FBI + SWITCHES)
"""An edit that turns on every line that is off by default."""


def read(document: Document) -> Release:
    """The release in a document."""
    return decider().read(json.dumps(document).encode())


def at_once(document: Document, by: Decider) -> list[str]:
    """The texts of a release accepted as it happens."""
    return texts(decided(document, by, read(document).stay.instant))


def to(state: str = "TX", *, testing: bool = False, follow_up: bool = False) -> Addressee:
    """A state to be told, perhaps on trial, perhaps of a correction."""
    if follow_up:
        return Addressee(
            ori=f"{state}SIR0000",
            state=state,
            copy="receiving",
            also_sent_to="AZ",
            testing=testing,
            type="CORRECTION",
            refers_to="LN00000A4F",
        )
    return Addressee(ori=f"{state}SIR0000", state=state, copy="receiving", also_sent_to="AZ", testing=testing)


@given(LIKELY)
def test_the_number_of_lines_is_the_templates(document: Document) -> None:
    """A text has the template's lines, with more only where one was wrapped, each at most 72 printable characters."""
    for text in at_once(document, decider()):
        header, *body = text.removesuffix("\n").split("\n")
        assert header.startswith("AM.VTINS07S0.")
        assert text.count("AM.VTINS07S0.") == 1 or "AM.VTINS07S0." in json.dumps(document).upper()
        starts = [line for line in body if not line.startswith("  ")]
        stated = any(line.startswith("CTY/") for line in starts)
        assert len(starts) == len(NOTICE.lines) - 3 - (not stated)
        assert body[0] == f"LENS {ID} ICE RELEASE NOTICE - INFORMATION ONLY"
        assert all(line.isascii() and line.isprintable() and len(line) <= 72 for line in body)
        assert text.endswith("\n")
        assert text == text.upper()


@given(LIKELY)
def test_no_charge_hold_or_rule_is_shown(document: Document) -> None:
    """No text has the charge, its description, the hold, a rule or the word for any of them, unless the person's own data do."""
    with_charge = document | {"convictions": [{"charge_code": "0907", "status": "convicted"}], "holds": []}
    with_charge["subject"] = document["subject"] | {"fbi_number": None}
    own = json.dumps(with_charge["subject"]) + json.dumps(with_charge["residence"]) + json.dumps(with_charge["stay"])
    description = shipped().content.tables["charges"].rows["0907"].cells["description"]
    for text in at_once(with_charge, decider()):
        for secret in ("0907", description.upper(), "CONVICTED", "LENS-E", "LENS-R", "HOLD", "JUVENILE", "ASYLUM"):
            assert secret not in text or secret in fold(own)[0]


@given(LIKELY)
def test_a_niem_message_is_well_formed(document: Document) -> None:
    """Whatever the values, the XML is well formed and its text is the legacy body, letter for letter."""
    legacy, niem = at_once(document, decider()), at_once(document, decider(NIEM))
    assert len(legacy) == len(niem)
    for plain, marked_up in zip(legacy, niem, strict=True):
        header, _, body = plain.partition("\n")
        assert niem_parts(marked_up) == {
            "MessageKeyCodeText": "AM",
            "OriginatingORIID": "VTINS07S0",
            "DestinationORIID": header.split(".")[2],
            "DocumentControlFieldText": ID,
            "MailMessageText": body,
        }


def test_the_niem_form_to_the_letter() -> None:
    """The elements, namespaces and attributes are Nlets', and a `]]>` in a street name is taken apart."""
    document = release_document()
    document["residence"]["street"] = "1 Odd ]]> St & Co <Apt 2>"
    text = at_once(document, decider(NIEM))[1]
    assert text.startswith(
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<n2:NLETS xmlns:n2="http://www.nlets.org/niem/1.0" xmlns:nh2="http://www.nlets.org/niem/nlets-hdr/1.0" n2:version="4.00">\n'
        "<n2:NLETSMessageHeader>\n"
        "<nh2:MessageKeyCodeText>AM</nh2:MessageKeyCodeText>\n"
        "<nh2:OriginatingORIID>VTINS07S0</nh2:OriginatingORIID>\n"
        "<nh2:DestinationORIID>TXSIR0000</nh2:DestinationORIID>\n"
        f"<nh2:DocumentControlFieldText>{ID}</nh2:DocumentControlFieldText>\n"
        "</n2:NLETSMessageHeader>\n"
        '<n2:NLETSMailData n2:key="AM">\n'
        f"<n2:MailMessageText><![CDATA[LENS {ID} ICE RELEASE NOTICE"
    )
    assert text.endswith("]]></n2:MailMessageText>\n</n2:NLETSMailData>\n</n2:NLETS>\n")
    assert "ADR/1 ODD ]]> ST & CO <APT 2>" in niem_parts(text)["MailMessageText"]


@pytest.mark.parametrize("form", ["legacy", "niem"])
def test_bytes_on_the_wire(form: str) -> None:
    """Legacy lines end with CR LF, XML stays as it is, and every byte is ASCII."""
    text = at_once(release_document(), decider(NIEM if form == "niem" else Terms()))[0]
    sent = wire(text, form)
    assert sent.decode("ascii") == (text.replace("\n", "\r\n") if form == "legacy" else text)


@given(LIKELY, st.booleans(), st.booleans(), st.booleans())
def test_lines_that_depend_on_the_case(document: Document, late: bool, testing: bool, follow_up: bool) -> None:  # noqa: FBT001
    """Each line with a condition is there exactly when it holds, in the template's order below the number."""
    composer = Composer(shipped().content.messages, Terms())
    text = composer.text(composer.fill("NOTICE", read(document), late=late), to(testing=testing, follow_up=follow_up))
    body = text.replace(NUMBER_MARK, ID).split("\n")[2:]
    expected = ["TEST NOTICE - PILOT OPERATION"] * testing + ["LATE NOTICE"] * late
    kind = "CORRECTION" if follow_up else "NEW"
    expected += [f"TYPE/{kind} COPY/RECEIVING STATE/TX ALSO SENT TO/AZ"] + ["REFERS TO/LN00000A4F"] * follow_up
    assert body[: len(expected)] == expected
    assert body[len(expected)] == "NO ENFORCEMENT ACTION MAY BE BASED SOLELY ON THIS NOTICE."


def test_every_declared_field_can_be_filled() -> None:
    """The fields that templates may use are those that can be filled for a release, and those that the addressee gives."""
    assert set(DECLARED) == set(FIELDS) | {"message_id", "type", "copy", "state", "also_sent_to", "refers_to"}


def test_lines_that_are_off_by_default(tmp_path: Path) -> None:
    """Turned on, they show what is stated, and say so where nothing is."""
    by = decider_of(tmp_path, ALL_SWITCHES)
    document = release_document()
    document["subject"] |= {"aliases": [{"last": "Roe", "first": "Jon"}, {"last": "Poe"}], "height": "508", "weight": 180.0}
    document["subject"] |= {"eyes": "BRO", "state_id": "TX12345", "alien_number": "12345678"}
    lines = at_once(document, by)[0].splitlines()
    place = lines.index("FBI/12345678A")
    assert lines[place + 1 : place + 5] == [
        "AKA/ROE, JON; POE",
        "HGT/508 WGT/180 EYE/BRO HAI/UNK",
        "SID/TX12345 ARN/A012345678",
        "REASON/OSUP",
    ]
    bare = at_once(release_document(), by)[0].splitlines()
    assert bare[place + 1 : place + 4] == ["AKA/NONE", "HGT/UNK WGT/UNK EYE/UNK HAI/UNK", "SID/NOT AVAILABLE ARN/NOT AVAILABLE"]


PARTS = st.lists(
    st.one_of(
        st.sampled_from([(field,) for field in DECLARED]),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=60),
    ),
    min_size=1,
    max_size=4,
).map(tuple)
LINES = st.builds(
    lambda parts, only: TemplateLine(parts, only, SPOT),
    PARTS,
    st.sampled_from([None, None, "late", "test_stage", "follow_up", "residence_stated"]),
)


@given(st.lists(LINES, max_size=8), SUBJECTS, st.integers(40, 72), st.booleans(), st.booleans())
def test_any_template(lines: list[TemplateLine], subject: Document, width: int, late: bool, follow_up: bool) -> None:  # noqa: FBT001
    """Whatever policy staff write, lines are within the width, numbers whole, and the number of lines is the template's."""
    first = TemplateLine(("LENS ", ("message_id",)), None, SPOT)
    template = Template("NOTICE", (first, *lines), SPOT)
    messages = shipped().content.messages
    composer = Composer(type(messages)(messages.file, width, 14_400, {"NOTICE": template}), Terms())
    release = read(release_document(subject=subject))
    marked = composer.text(composer.fill("NOTICE", release, late=late), to(follow_up=follow_up))
    _, *body = marked.replace(NUMBER_MARK, DRY_RUN_ID).removesuffix("\n").split("\n")
    assert all(len(line) <= width and line.isascii() for line in body)
    assert all(line.isprintable() for line in body)
    shown = {None, "residence_stated", *(["late"] if late else []), *(["follow_up"] if follow_up else [])}
    expected = sum(line.only in shown for line in template.lines)
    assert len(body) >= expected
    assert marked.count(NUMBER_MARK) == 1 + sum(
        line.parts.count(("message_id",)) for line in template.lines if line.only in shown
    )
