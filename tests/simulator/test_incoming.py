import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.simulator.incoming import BadMessage, is_message, read_message
from app.simulator.texts import NetworkText, as_niem

LEGACY = "AM.VTINS07S0.TXSIR0000.*LN00000001.TXT\r\nLENS LN00000001\r\nNAM/TEST, A.B. TXT\r\n"
NIEM = as_niem(
    NetworkText(key="AM", origin="VTINS07S0", destination="TXSIR0000", body="LENS LN00000001\n<&> ]]> x", control="LN00000001")
)


def test_a_legacy_message_is_taken_apart() -> None:
    """Periods and TXT in the body do no harm; line ends become LF."""
    message = read_message(LEGACY)
    assert (message.key, message.origin, message.destination, message.control) == ("AM", "VTINS07S0", "TXSIR0000", "LN00000001")
    assert message.body == "LENS LN00000001\nNAM/TEST, A.B. TXT\n"
    assert message.format == "legacy"


def test_an_xml_message_is_taken_apart() -> None:
    """The text comes out as it went in, whatever stands in it."""
    message = read_message(NIEM)
    assert (message.key, message.origin, message.destination, message.control) == ("AM", "VTINS07S0", "TXSIR0000", "LN00000001")
    assert message.body == "LENS LN00000001\n<&> ]]> x"
    assert message.format == "niem"


@pytest.mark.parametrize(
    ("payload", "er", "control"),
    [
        (LEGACY.replace("\r\n", "\n"), "03", "LN00000001"),
        (LEGACY.replace("LENS LN00000001\r\n", "LENS LN00000001\n"), "22", "LN00000001"),
        (LEGACY.replace("TEST", "T\x03ST"), "22", "LN00000001"),
        (LEGACY.replace("TEST", "TÉST"), "22", "LN00000001"),
        (LEGACY.replace("TXSIR0000", "TXSIR000"), "19", "LN00000001"),
        (LEGACY.replace("TXSIR0000", "TX.SIR0000"), "01", "LN00000001"),
        (LEGACY.replace("VTINS07S0", "vtins07s0"), "01", "LN00000001"),
        (LEGACY.replace("*LN00000001", "*LN000000012345", 1), "01", None),
        (LEGACY.replace("*LN", "LN", 1), "01", None),
        (LEGACY.replace("AM.", "AML.", 1) + "X" * 14_400, "22", "LN00000001"),
        (NIEM.replace(">AM<", ">IQ<").replace('key="AM"', 'key="IQ"'), "02", "LN00000001"),
        (NIEM.replace('key="AM"', 'key="IQ"'), "22", "LN00000001"),
        (NIEM.replace("MailMessageText", "OtherText"), "14", "LN00000001"),
        (NIEM.replace("DocumentControlFieldText", "Other"), "01", None),
        (NIEM.replace("</n2:NLETS>", ""), "03", None),
        ('<!DOCTYPE x [<!ENTITY a "b">]>' + NIEM.partition("\n")[2], "03", None),
        ("<x/>", "14", None),
    ],
)
def test_what_the_network_would_refuse_is_refused_with_its_code(payload: str, er: str, control: str | None) -> None:
    """As strict as the network, and the control field is told wherever it can be read."""
    assert is_message(payload)
    with pytest.raises(BadMessage) as refused:
        read_message(payload)
    assert (refused.value.er, refused.value.control) == (er, control)


@given(st.text(max_size=200))
def test_no_payload_breaks_the_reader(text: str) -> None:
    """Whatever comes is a message or is refused."""
    for start in ("AM.", "AML.", "<", "AM.VTINS07S0.TXSIR0000.*LN00000001.TXT\r\n", NIEM[:200]):
        with contextlib.suppress(BadMessage):
            read_message(start + text)


@pytest.mark.parametrize("payload", ["PING", "", "ER.NL0000000", "am.x", "HELLO"])
def test_what_is_no_message_is_told(payload: str) -> None:
    """Only legacy AM and AML and XML are meant as messages."""
    assert not is_message(payload)
