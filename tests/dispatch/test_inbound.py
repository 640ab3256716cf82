from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dispatch.channel import Arrival
from app.dispatch.inbound import ER_CODES, SM_CODES, read
from app.domain.identifiers import UCN_DIGITS, message_id, ucn_check_digit
from app.domain.inbound import Heard
from app.domain.statuses import Status
from app.simulator.texts import ODD_STYLES, Style, administrative, as_legacy, as_niem, error, in_service, out_of_service, status
from tests.dispatch.outbox_rows import ORIGIN, TX, text_of

AT = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
NUMBER = 13119
NAME = message_id(NUMBER)
SENT = text_of(NUMBER, TX)


def heard(text: str) -> Heard:
    """What a text says."""
    return read(Arrival("test:1", text), 60_000_000)


@pytest.mark.parametrize("style", ODD_STYLES, ids=str)
def test_every_layout_of_an_er_is_read(style: Style) -> None:
    """Wherever the control field stands before TXT, and whatever ends the lines, an ER is matched by it or by what it quotes."""
    found = heard(as_legacy(error("19", SENT, ORIGIN, NAME), AT, 7, style))
    assert (found.kind, found.status, found.cause) == ("ER", Status.REJECTED, "ER .19.: invalid destination ORI")
    assert found.numbers[0] == (NUMBER, "quoted number" if style.control == "none" else "control field")


@pytest.mark.parametrize("code", SM_CODES)
@pytest.mark.parametrize("form", ["legacy", "niem"])
def test_each_sm_has_its_own_meaning(code: str, form: str) -> None:
    """The three codes of an SM reject, hold and make wait, in both forms."""
    text = status(code=code, sent=SENT, destination=TX, to=ORIGIN, control=NAME)
    found = heard(as_legacy(text, AT, 7) if form == "legacy" else as_niem(text))
    assert (found.kind, found.status, found.numbers[0][0]) == ("SM", SM_CODES[code][0], NUMBER)


@pytest.mark.parametrize("code", ER_CODES)
@pytest.mark.parametrize("form", ["legacy", "niem"])
def test_every_er_is_a_rejection(code: str, form: str) -> None:
    """Each code of an ER rejects, also those whose digits mean something milder in an SM."""
    text = error(code, SENT, ORIGIN, None)
    found = heard(as_legacy(text, AT, 7) if form == "legacy" else as_niem(text))
    assert found.status == Status.REJECTED
    assert found.cause.endswith(ER_CODES[code])


def test_an_er_of_unknown_code_is_a_rejection() -> None:
    """What a new code means a person decides; until then the message is rejected."""
    found = heard(
        f"ER.NL0000000\r\n10:30 11/23/2026 00001\r\n10:30 11/23/2026 00002 {ORIGIN}\r\nTXT\r\n.77. NEW TROUBLE\r\n{SENT}"
    )
    assert (found.status, found.cause) == (Status.REJECTED, "ER .77.: meaning unknown")


def test_the_example_of_the_user_guide_is_read() -> None:
    """An ER laid out as in Nlets' public guide, with words between the code and the quoted message."""
    text = (
        f"ER.NL0000000\n08:00 01/01/2026 01239\n08:00 01/01/2026 01233 {ORIGIN}\nTXT\n"
        f".22. INVALID MESSAGE FORMAT - SEE BELOW\n1. LIC, LIY, LIT\nORIGINAL MESSAGE\n{SENT[:100]}"
    )
    found = heard(text)
    assert (found.cause, found.numbers, found.oris) == ("ER .22.: invalid message format", ((NUMBER, "quoted number"),), (TX,))
    of_a_state = heard(text.replace("ER.NL0000000", "SM.AZSIR0000"))
    assert of_a_state.oris == (), "only the network's own word is matched by the destination it quotes"


def test_only_nlets_sends_an_er() -> None:
    """An ER from any other ORI changes nothing and says why."""
    found = heard(f"ER.TXSIR0000\nTXT\n.19. INVALID DESTINATION\n{SENT}")
    assert (found.kind, found.status) == ("ER", None)
    assert "TXSIR0000" in found.cause


@pytest.mark.parametrize("form", ["legacy", "niem"])
def test_the_network_going_and_coming_back_is_understood(form: str) -> None:
    """The two SMs to everyone stop and resume all sending."""
    for text, wanted in ((out_of_service("1400 EST", ORIGIN), "pause"), (in_service(ORIGIN), "resume")):
        assert heard(as_legacy(text, AT, 7) if form == "legacy" else as_niem(text)).network == wanted


@pytest.mark.parametrize("words", ["NLETS TEMPORARILY OUT OF SERVICE UNTIL 1400 EST", "NLETS IN SERVICE"])
@pytest.mark.parametrize("start", ["SM.TXSIR0000", "AM.TXSIR0000", "ER.TXSIR0000"])
def test_nobody_but_the_network_stops_the_network(start: str, words: str) -> None:
    """The same words from a state, or in a message of another kind, stop and resume nothing."""
    assert heard(f"{start}\nTXT\n{words}").network is None


def test_an_am_is_an_inquiry_with_the_numbers_it_names() -> None:
    """An AM from a state is read with its origin and every message number in it."""
    text = administrative("TXSIR0000", ORIGIN, f"REFERENCE {NAME} AND LN0000ZZZZ PLEASE ADVISE")
    found = heard(as_legacy(text, AT, 7))
    assert (found.kind, found.status, found.cause) == ("AM", None, "AM from TXSIR0000")
    assert [number for number, _ in found.numbers] == [NUMBER, int("ZZZZ", 36)]


@pytest.mark.parametrize(
    "words",
    [
        "FBI/12345678A",
        "> FBI/12345678A",
        "FBI/\r\n12345678A",
        "REF YOUR NOTICE FBI 12345678A PLEASE",
        "fbi no. 12345678a",
        "FBI NUMBER: 12345678A",
        "FBI#12345678A.",
        "FBI/UCN: 12345678A",
        "UCN (12345678A)",
        "NAM/DOE FBI/NOT AVAILABLE UCN 12345678A",
    ],
)
@pytest.mark.parametrize("form", ["legacy", "niem"])
def test_an_fbi_number_is_read_after_its_label(words: str, form: str) -> None:
    """As our own notices have it, and as people write it."""
    text = administrative("TXSIR0000", ORIGIN, f"GOOD DAY\r\n{words}\r\nTHANK YOU")
    assert heard(as_legacy(text, AT, 7) if form == "legacy" else as_niem(text)).fbi_numbers == ("12345678A",)


LETTERS = st.text(alphabet=UCN_DIGITS[10:], min_size=8, max_size=8).map(lambda first: first + ucn_check_digit(first))


@given(
    st.from_regex("[A-Z]{0,4}[0-9][A-Z0-9]{0,4}", fullmatch=True) | LETTERS,
    st.sampled_from(["\r\n", "\n", "\r", "\r\n> ", " "]),
)
def test_every_number_that_a_notice_tells_is_read_back(number: str, line_end: str) -> None:
    """As `rules/messages.yaml` lays the notice out, in whatever way a terminal sends it back."""
    lines = [
        "SEX/M RAC/W DOB/19800102 POB/MM",
        f"FBI/{number}",
        "RELEASED/20261123 FROM STATE/AZ",
        "CRIMINAL HISTORY BY FBI NUMBER.",
    ]
    assert heard(f"AM.TXSIR0000\nTXT\n{line_end.join(lines)}").fbi_numbers == (number,)


@pytest.mark.parametrize(
    "words",
    [
        "FBI/NOT AVAILABLE",
        "OFFENSE NOT SHOWN. QUERY CRIMINAL HISTORY BY FBI NUMBER.\nQUESTIONS: 802",
        "12345678A",
        "XFBI/12345678A",
    ],
)
def test_what_is_no_fbi_number_is_taken_for_none(words: str) -> None:
    """Without its label, or a word."""
    assert heard(as_legacy(administrative("TXSIR0000", ORIGIN, words), AT, 7)).fbi_numbers == ()


def test_several_fbi_numbers_are_read_once_each_and_not_endlessly() -> None:
    """In their order; only an AM is about a subject."""
    words = "FBI/1234567 FBI/7654321 FBI/1234567 " + " ".join(f"FBI/{number}" for number in range(500))
    found = heard(as_legacy(administrative("TXSIR0000", ORIGIN, words), AT, 7)).fbi_numbers
    assert (found[:3], len(found)) == (("1234567", "7654321", "0"), 50)
    assert heard(f"ER.NL0000000\nTXT\n.19. {words}").fbi_numbers == ()


def test_an_fbi_number_in_an_element_of_its_own_is_read() -> None:
    """As NIEM names it."""
    own = "<j:PersonFBIIdentification><nc:ID>12345678A</nc:ID></j:PersonFBIIdentification></n2:NLETSMailData>"
    text = as_niem(administrative("TXSIR0000", ORIGIN, "PLEASE ADVISE")).replace("</n2:NLETSMailData>", own)
    assert heard(text.replace("<n2:NLETS ", "<n2:NLETS xmlns:j='j' xmlns:nc='nc' ")).fbi_numbers == ("12345678A",)


@pytest.mark.parametrize("key", ["AM.TXSIR0000", "AML.TXSIR0000", "ER.NL0000000", "SM.NL0000000", "SM.TXSIR0000"])
@pytest.mark.parametrize(
    "noise",
    [
        "\x02!!~",
        "HELLO\r\n",
        "PLEASE SEE ",
        "TXT\r\n",
        "AM.\r\n",
        "QW.NL0000000\r\n",
        "10:30 11/23/2026 00001\r\n",
        "*TOOLONGCONTROL ",
        "*LN00000A4F *LN00000A4G ",
    ],
)
def test_noise_before_a_header_leaves_the_text_to_a_person(noise: str, key: str) -> None:
    """What is not the first line is no header; the numbers that it names are found all the same."""
    found = heard(f"{noise}{key}\nTXT\n.19. {NAME} FBI/1234567")
    assert (found.kind, found.origin, found.status, found.network) == ("other", None, None, None)
    assert (NUMBER, "quoted number") in found.numbers
    assert found.fbi_numbers == ("1234567",)


def test_a_text_that_is_not_whole_is_left_to_a_person() -> None:
    """Words around a header make none, and broken XML has none; what they name is found."""
    assert heard("PLEASE SEE AM.TXSIR0000 OF YESTERDAY").kind == "other"
    assert heard(f"<NLETS><broken>{NAME} FBI/1234567").fbi_numbers == ("1234567",)


@pytest.mark.parametrize("key", ["ER", "SM", "AM"])
def test_what_stands_in_place_of_an_ori_is_not_repeated(key: str) -> None:
    """In XML anything may, of any length; such a text is from an unknown ORI, and no word of the network."""
    text = as_niem(administrative("TXSIR0000", ORIGIN, "NLETS IN SERVICE")).replace(">AM<", f">{key}<")
    found = heard(text.replace("TXSIR0000", "DOE, JOHN BORN 1980-01-02"))
    assert (found.kind, found.origin, found.status, found.network) == (key, None, None, None)
    assert "DOE" not in found.cause
    assert "an unknown ORI" in found.cause


@pytest.mark.parametrize("key", ["AM", "AML"])
def test_an_am_and_an_aml_are_read(key: str) -> None:
    """An AML is as an AM; what breaks no header is tolerated, and one that names no ORI is from an unknown one."""
    found = heard(f"\x00\r\n\x7f*LN00000A4F {key}.TXSIR0000\r\n\x7fxx TXT\r\nFBI/1234567 \x1b[2J{NAME}\xff")
    assert (found.kind, found.origin, found.cause) == ("AM", "TXSIR0000", "AM from TXSIR0000")
    assert (found.numbers, found.fbi_numbers) == (((NUMBER, "control field"),), ("1234567",))
    niem = as_niem(administrative("TXSIR0000", ORIGIN, NAME)).replace("TXSIR0000", "").replace(">AM<", f">{key}<")
    assert (heard(niem).cause, heard(niem).origin) == ("AM from an unknown ORI", None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "TXT",
        "\x00\x01\x02",
        "HELLO",
        "SM OUT OF SERVICE",
        "<",
        "<a><b></a>",
        "<x/>",
        '<!DOCTYPE n [<!ENTITY a "aaaa">]><n>&a;</n>',
        "<n2:NLETS xmlns:n2='http://www.nlets.org/niem/1.0'><n2:MessageKeyCodeText>QW</n2:MessageKeyCodeText></n2:NLETS>",
    ],
)
def test_garbage_is_kept_as_garbage(text: str) -> None:
    """What is no ER, SM or AM is of kind other."""
    assert heard(text).kind == "other"


@given(st.text(max_size=300) | st.text(alphabet="ERSMA.NLTX0129*<>&! \r\n\x7f", max_size=80))
def test_no_text_is_too_odd_to_be_read(text: str) -> None:
    """Reading never raises, keeps the text but for NUL, and what it says repeats nothing of it."""
    found = heard(text)
    assert found.text == text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    assert len(found.cause) < 120


@given(st.text(alphabet=st.characters(codec="ascii", exclude_characters="\x00"), max_size=200))
def test_what_is_said_of_a_text_holds_none_of_its_words(words: str) -> None:
    """Whatever stands in an ER's body, its cause is made of our own table only."""
    cause = heard(f"ER.NL0000000\nTXT\n.19. {words}").cause
    assert cause == "ER .19.: invalid destination ORI"
