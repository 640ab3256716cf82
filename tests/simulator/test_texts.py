from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from app.simulator.texts import (
    ODD_STYLES,
    NetworkText,
    Style,
    administrative,
    as_legacy,
    as_niem,
    error,
    in_service,
    out_of_service,
    status,
)

AT = datetime(2026, 11, 23, 9, 5, tzinfo=UTC)
SENT = (
    "AM.VTINS07S0.TXSIR0000.*LN00000001.TXT\r\nLENS LN00000001 ICE RELEASE NOTICE - INFORMATION ONLY\r\nNAM/TEST, INVENTED\r\n"
)


def test_an_error_has_the_legacy_output_form_and_quotes_a_hundred_characters() -> None:
    """From NL0000000, the control field before TXT, the code, then the first 100 characters of what was sent and no more."""
    assert as_legacy(error("19", SENT, "VTINS07S0", "LN00000001"), AT, 42) == (
        "ER.NL0000000\r\n"
        "09:05 11/23/2026 00042\r\n"
        "09:05 11/23/2026 00042 VTINS07S0\r\n"
        "*LN00000001\r\n"
        "TXT\r\n"
        ".19. INVALID DESTINATION ORI\r\n"
        "AM.VTINS07S0.TXSIR0000.*LN00000001.TXT\r\n"
        "LENS LN00000001 ICE RELEASE NOTICE - INFORMATION ONLY\r\n"
        "NAM/T\r\n"
    )


def test_statuses_say_what_becomes_of_messages() -> None:
    """The words of each SM that LENS acts on."""
    assert status(code="02", sent=SENT, destination="TXSIR0000", to="VTINS07S0", control=None).body.startswith(
        ".02. TXSIR0000 OUT OF SERVICE - NLETS WILL FORWARD\n"
    )
    assert status(code="04", sent=SENT, destination="TXSIR0000", to="VTINS07S0", control=None).body.startswith(
        ".04. TXSIR0000 OUT OF SERVICE - NLETS WILL NOT FORWARD\n"
    )
    assert out_of_service("1800 EST", "VTINS07S0").body == "NLETS TEMPORARILY OUT OF SERVICE UNTIL 1800 EST"
    assert in_service("VTINS07S0").body == "NLETS IN SERVICE"
    assert error("0", SENT, "VTINS07S0", None).body.startswith("0 FORMAT ERROR\n")
    assert administrative("TXSIR0000", "VTINS07S0", "HELLO").key == "AM"


def test_every_odd_layout_keeps_key_txt_body_and_control() -> None:
    """Stray characters and the control field move about before TXT; nothing of the text is lost."""
    text = error("19", SENT, "VTINS07S0", "LN00000001")
    layouts = {as_legacy(text, AT, 7, style) for style in ODD_STYLES}
    assert len(layouts) == len(ODD_STYLES)
    for style in ODD_STYLES:
        made = as_legacy(text, AT, 7, style)
        head, _, body = made.partition("TXT")
        assert "ER.NL0000000" in head
        assert ("*LN00000001" in head) == (style.control != "none")
        assert body.lstrip("\r\n\x7f").startswith(".19. INVALID")


def test_without_a_control_field_there_is_none_in_any_place() -> None:
    """A broadcast is about no message."""
    assert "*" not in as_legacy(in_service("VTINS07S0"), AT, 7, Style(control="header"))


def test_the_xml_form_is_well_formed_whatever_the_text() -> None:
    """Also with the end of a CDATA section in it."""
    made = as_niem(
        NetworkText(key="AM", origin="TXSIR0000", destination="VTINS07S0", body="A ]]> <b> & c", control="LN00000001")
    )
    assert ET.fromstring(made).findtext(".//{http://www.nlets.org/niem/1.0}MailMessageText") == "A ]]> <b> & c"  # noqa: S314 - ours
