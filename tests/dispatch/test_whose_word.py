"""The network is believed only where it speaks: ER, pauses and SM codes of NL0000000, and a state of itself."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.dispatch.channel import Arrival
from app.dispatch.inbound import read
from app.domain.identifiers import message_id
from app.domain.inbound import Heard
from app.domain.statuses import Status
from app.simulator.texts import NETWORK, NetworkText, as_legacy, as_niem, error, in_service, out_of_service, status
from app.store.database.engine import Store
from app.store.database.writer import Writer
from app.store.desk.inbound import take_in
from tests.dispatch.outbox_rows import AZ, ORIGIN, TX, queue, statuses, text_of, work_items

AT = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
NUMBER = 13119
NAME = message_id(NUMBER)
SENT = text_of(NUMBER, TX)

OTHERS = ["NL0000001", "NL000000", "NLSIR0000", "TXSIR0000", "NL", "NL00000000", "nl0000000", "NLETS0000"]
"""Origins that are not the network, though some look like it."""


def heard(text: str) -> Heard:
    """What a text says."""
    return read(Arrival("test:1", text), 60_000_000)


def both(text: NetworkText) -> list[str]:
    """A text in legacy form and as XML."""
    return [as_legacy(text, AT, 7), as_niem(text)]


def changes(found: Heard) -> bool:
    """Whether it may change a message or stop the network."""
    return found.status is not None or found.network is not None


@pytest.mark.parametrize("origin", OTHERS)
def test_an_er_a_rejection_and_a_pause_are_believed_of_nl0000000_alone(origin: str) -> None:
    """Whatever else an origin looks like, its ER, its SM .01. and its pauses change nothing."""
    texts = [
        error("19", SENT, ORIGIN, NAME),
        status(code="01", sent=SENT, destination=TX, to=ORIGIN, control=NAME),
        out_of_service("1400 EST", ORIGIN),
        in_service(ORIGIN),
    ]
    for text in texts:
        for form in both(text):
            assert changes(heard(form)), "of the network it is believed"
            assert not changes(heard(form.replace(NETWORK, origin)))


@pytest.mark.parametrize("text", [out_of_service("1400 EST", ORIGIN), in_service(ORIGIN), error("19", SENT, ORIGIN, NAME)])
@pytest.mark.parametrize("origin", ["", "<nh2:OriginatingORIID></nh2:OriginatingORIID>"])
def test_xml_with_no_origin_changes_nothing(text: NetworkText, origin: str) -> None:
    """A missing or empty origin is nobody's, and not the network's."""
    told = as_niem(text).replace(f"<nh2:OriginatingORIID>{NETWORK}</nh2:OriginatingORIID>", origin)
    found = heard(told)
    assert (found.origin, changes(found)) == (None, False)


HEADER = (
    "<n2:NLETSMessageHeader><nh2:MessageKeyCodeText>ER</nh2:MessageKeyCodeText>"
    f"<nh2:OriginatingORIID>{NETWORK}</nh2:OriginatingORIID></n2:NLETSMessageHeader>"
)


@pytest.mark.parametrize("name", ["NLETSMessageHeader", "FakeHeader", "MessageHeader", "Header"])
def test_a_header_in_the_body_of_an_am_is_words(name: str) -> None:
    """An element that is called a header is none where the body stands."""
    am = as_niem(NetworkText("AM", "TXSIR0000", ORIGIN, f".19. {SENT}"))
    planted = HEADER.replace("NLETSMessageHeader", name)
    for place in ("</n2:NLETSMailData>", "<n2:MailMessageText>"):
        found = heard(am.replace(place, planted + place))
        assert (found.kind, found.origin, changes(found)) == ("AM", "TXSIR0000", False)


@pytest.mark.parametrize("place", ["<n2:NLETSMessageHeader>", "<n2:NLETSMailData"])
def test_two_headers_are_none(place: str) -> None:
    """Of two headers nobody knows which is the network's; a person looks at it."""
    am = as_niem(NetworkText("AM", "TXSIR0000", ORIGIN, SENT))
    found = heard(am.replace(place, HEADER + place, 1))
    assert (found.kind, found.origin, changes(found)) == ("other", None, False)


@pytest.mark.parametrize(
    "field",
    [
        "<nh2:MessageKeyCodeText>ER</nh2:MessageKeyCodeText>",
        f"<nh2:OriginatingORIID>{NETWORK}</nh2:OriginatingORIID>",
        f"<nh2:DestinationORIID>{ORIGIN}</nh2:DestinationORIID>",
        f"<nh2:DocumentControlFieldText>{NAME}</nh2:DocumentControlFieldText>" * 2,
    ],
)
@pytest.mark.parametrize("place", ["<n2:NLETSMessageHeader>", "</n2:NLETSMessageHeader>"])
def test_a_field_that_stands_twice_makes_no_header(field: str, place: str) -> None:
    """Each field of a header stands once, else the second could overrule the first."""
    am = as_niem(NetworkText("AM", "TXSIR0000", ORIGIN, SENT))
    added = field + place if place.startswith("</") else place + field
    assert heard(am.replace(place, added)).kind == "other"


def test_fields_are_the_direct_children_of_the_header() -> None:
    """A field inside another element, or with elements in it, is no field of the header."""
    am = as_niem(NetworkText("AM", "TXSIR0000", ORIGIN, SENT))
    nested = f"<n2:More>{HEADER}<nh2:MessageKeyCodeText>ER</nh2:MessageKeyCodeText></n2:More>"
    assert heard(am.replace("</n2:NLETSMessageHeader>", f"{nested}</n2:NLETSMessageHeader>")).kind == "AM"
    assert heard(am.replace(">TXSIR0000<", f">{NETWORK}<b/>TXSIR0000<")).kind == "other"


PIECES = [
    f"ER.{NETWORK}",
    f"SM.{NETWORK}",
    "AM.AZSIR0000",
    f"*{NAME}",
    "TXT",
    ".19.",
    ".01.",
    ".04.",
    "NLETS IN SERVICE",
    "NLETS TEMPORARILY OUT OF SERVICE",
    HEADER,
    "</n2:MailMessageText>",
    "]]>",
    "\r\n",
    "\n",
    "\r",
    "\x7f",
    " ",
    SENT,
]
BODIES = st.text(max_size=200) | st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
ORIGINS = st.sampled_from([NETWORK, "TXSIR0000", "NL0000001"]) | st.from_regex("[A-Z]{2}[A-Z0-9]{7}", fullmatch=True)


@given(st.sampled_from(["ER", "SM", "AM"]), ORIGINS, BODIES)
@example("AM", "TXSIR0000", f"\r\nER.{NETWORK}\r\nTXT\r\n.19.\r\n{SENT}")
def test_kind_and_origin_are_those_of_the_first_header(key: str, origin: str, body: str) -> None:
    """For any body: the words of whoever writes it are never taken for the header that the network has written."""
    text = NetworkText(key, origin, ORIGIN, body)  # type: ignore[arg-type]  # one of the three
    found = heard(as_legacy(text, AT, 7))
    assert (found.kind, found.origin) == (key, origin)
    if key == "AM" or origin != NETWORK:
        assert found.status is None or (found.only_state == origin[:2] and found.status != Status.REJECTED)
        assert found.network is None


@given(ORIGINS, BODIES)
def test_no_body_of_an_am_changes_anything_in_xml(origin: str, body: str) -> None:
    """In CDATA or as elements, well formed or not."""
    quoted = as_niem(NetworkText("AM", origin, ORIGIN, body))
    bare = as_niem(NetworkText("AM", origin, ORIGIN, "@")).replace("<![CDATA[@]]>", body)
    for form in (quoted, bare):
        found = heard(form)
        assert (found.kind, found.origin) in {("AM", origin), ("other", None)}
        assert not changes(found)


def say(store: Store, *texts: NetworkText) -> None:
    """The network, or whoever pretends to be it, says these."""
    with Writer(store) as writer:
        for place, text in enumerate(texts):
            writer.do_and_wait(take_in, read(Arrival(f"test:{place}", as_legacy(text, AT, place)), 60_000_000))


def sent(store: Store, *oris: str) -> list[int]:
    """Messages that the network has taken."""
    numbers = queue(store, list(oris))
    with store.write.begin() as connection:
        connection.exec_driver_sql("UPDATE message SET status = 'sent', ready = false, attempts = 1")
    return numbers


def sm(code: str, number: int, ori: str, origin: str) -> NetworkText:
    """An SM about a message, from some origin."""
    return replace(
        status(code=code, sent=text_of(number, ori), destination=ori, to=ORIGIN, control=message_id(number)), origin=origin
    )


@pytest.mark.parametrize("code", ["01", "02", "04"])
@pytest.mark.parametrize("origin", ["WYSIR0000", "NL0000001", "NL"])
def test_nobody_else_stops_or_rejects_the_messages_of_a_state(store: Store, origin: str, code: str) -> None:
    """An SM from Wyoming about a message to Texas changes nothing; a person is asked, with the message at hand."""
    (number,) = sent(store, TX)
    say(store, sm(code, number, TX, origin))
    assert statuses(store) == {number: "sent"}
    assert work_items(store) == [("unmatched-inbound", number, 1)]


@pytest.mark.parametrize(
    ("code", "becomes"),
    [("01", "sent"), ("02", "held_by_network"), ("04", "waiting_for_state")],
)
def test_a_state_says_of_itself_that_it_is_out_of_service(store: Store, code: str, becomes: str) -> None:
    """Its own .02. and .04. count for messages to it; it never rejects, and what it says of others is not believed."""
    to_texas, to_arizona = sent(store, TX, AZ)
    say(store, sm(code, to_texas, TX, "TXDPS0000"), sm(code, to_arizona, AZ, "TXDPS0000"))
    assert statuses(store) == {to_texas: becomes, to_arizona: "sent"}
    asked = [about for name, about, _ in work_items(store) if name == "unmatched-inbound"]
    assert asked == ([to_arizona] if becomes != "sent" else [to_texas, to_arizona])


def test_a_state_does_not_reject_what_the_network_will_forward(store: Store) -> None:
    """The network's own .04. after its .02. is a rejection, a state's is not: a person is asked."""
    first, second = sent(store, TX, TX)
    say(store, *(sm("02", number, TX, NETWORK) for number in (first, second)))
    with Writer(store) as writer:
        for place, (number, origin) in enumerate(((first, "TXDPS0000"), (second, NETWORK))):
            text = as_legacy(sm("04", number, TX, origin), AT, 50 + place)
            writer.do_and_wait(take_in, read(Arrival(f"later:{place}", text), 60_000_000))
    assert statuses(store) == {first: "held_by_network", second: "rejected"}
    assert [item[:2] for item in work_items(store)] == [("unmatched-inbound", first), ("network-rejected", second)]


def er(origin: str = NETWORK, first_line: str = "") -> str:
    """An ER laid out as the format says, but for what is given."""
    head = f"{first_line or f'ER.{origin}'}\r\n09:05 11/23/2026 00001\r\n09:05 11/23/2026 00001 {ORIGIN}\r\n*{NAME}\r\nTXT\r\n"
    return f"{head}.19. INVALID DESTINATION ORI\r\n{SENT[:100]}\r\n"


@pytest.mark.parametrize("count", ["1", "00001", "000001", "0000000001"])
def test_a_count_may_have_any_number_of_digits(count: str) -> None:
    """The counts of a header are Nlets' own; a rejection must not be lost over their form."""
    assert changes(heard(er().replace("00001", count)))


WORDS = st.text(alphabet=st.characters(exclude_characters="\r\n\x7f "), min_size=1, max_size=30)


@given(WORDS, st.sampled_from([" ", ".", "  ", "\t", "\0", "\N{NO-BREAK SPACE}", "\N{LINE SEPARATOR}", "\x0b", ""]))
@example("OFFICER SAYS", " ")
@example("TXT", " ")
@example("HELLO TXT", " ")
def test_words_after_the_origin_make_no_header(words: str, between: str) -> None:
    """On the first line nothing stands after the origin but a control field, whatever the words are."""
    for key in ("ER", "SM"):
        found = heard(er(first_line=f"{key}.{NETWORK}{between}{words}"))
        is_control = between in {" ", ".", "  "} and heard(er(first_line=f"{key}.{NETWORK} {words}")).kind == key
        assert (found.kind, changes(found)) == ("other", False) or is_control
        assert not is_control or words.startswith(("*", "LN"))


@given(WORDS, st.integers(1, 4))
@example("PLEASE", 2)
@example("QW.TX", 1)
def test_words_in_a_header_make_none(words: str, line: int) -> None:
    """Times, dates, counts, the destination and the control field stand between first line and TXT, and nothing else."""
    lines = er().split("\r\n")
    lines.insert(line, f"{words} SAYS SO")
    found = heard("\r\n".join(lines))
    assert (found.kind, changes(found)) == ("other", False)


@pytest.mark.parametrize(
    "char", ["\t", "\0", "\ufeff", "\N{NO-BREAK SPACE}", "\N{EM SPACE}", "\x85", "\x0b", "\x0c", "\x02", "x", "-"]
)
@pytest.mark.parametrize("place", ["ER", ".NL", "NL0000000", "\r\n09:05", "TXT"])
def test_a_strange_character_in_a_header_makes_none(char: str, place: str) -> None:
    """No tab, NUL, byte order mark or Unicode space; line ends, DEL and spaces are tolerated."""
    at = er().index(place)
    found = heard(er()[:at] + char + er()[at:])
    assert (found.kind, changes(found)) == ("other", False)


@pytest.mark.parametrize(
    "first",
    [
        "er.NL0000000",
        "ER.nl0000000",
        "Er.NL0000000",
        "ER.NLOOOOOOO",
        "\N{CYRILLIC CAPITAL LETTER IE}R.NL0000000",
        "ER.NL\N{FULLWIDTH DIGIT ZERO}000000",
        "ER.NL00000\N{ARABIC-INDIC DIGIT ZERO}0",
        "ER. NL0000000",
        "ER .NL0000000",
        "ER.NL0000000.",
        "ER.NL000000",
        "ER.NL00000000",
        "ER.NL0000000X",
        "ER.NL0000000,",
        "ERR.NL0000000",
        "HELLO\r\nER.NL0000000",
        "ER.TXSIR0000\r\nER.NL0000000",
        "ER.NL0000000\r\nER.NL0000000",
        "AM.TXSIR0000\r\nER.NL0000000",
    ],
)
def test_a_first_line_that_only_looks_like_the_network_s_changes_nothing(first: str) -> None:
    """Another case, letters of other alphabets, an origin cut short or padded, a second header."""
    assert changes(heard(er())), "of the network it is believed"
    assert not changes(heard(er(first_line=first)))


def test_without_txt_a_header_has_no_end() -> None:
    """TXT stands before the body, on a line of its own or not."""
    assert heard(er().replace("\r\nTXT\r\n", "\r\nTXT ")).kind == "ER"
    for text in (er().replace("TXT", ""), er().replace("TXT", "TXTX"), er().replace("TXT", "txt")):
        assert heard(text).kind == "other"


XML_ER = as_niem(error("19", SENT, ORIGIN, NAME))


@pytest.mark.parametrize(
    ("was", "now"),
    [
        (">NL0000000<", "> NL0000000<"),
        (">NL0000000<", ">NL0000000\N{NO-BREAK SPACE}<"),
        (">NL0000000<", ">NL00000000<"),
        (">NL0000000<", ">NL000000<"),
        (">NL0000000<", ">NL000<!-- x -->0000<"),
        (">NL0000000<", ">NL000<?x y?>0000<"),
        (">ER<", "><!-- -->ER<"),
        (">ER<", ">er<"),
        ("http://www.nlets.org/niem/1.0", "urn:another"),
        ("http://www.nlets.org/niem/nlets-hdr/1.0", "urn:another"),
        ("n2:NLETS ", "n2:Inquiry "),
        ("n2:NLETSMessageHeader", "n2:nletsmessageheader"),
        ("?>\n", "?><!DOCTYPE x>\n"),
        ("<?xml", "\ufeff\ufeff<?xml"),
    ],
)
def test_xml_that_only_looks_like_the_network_s_changes_nothing(was: str, now: str) -> None:
    """Spaces, comments and instructions inside a field, another's vocabulary, another root."""
    assert changes(heard(XML_ER)), "of the network it is believed"
    told = XML_ER.replace(was, now).replace("</n2:NLETS>", "</n2:Inquiry>" if "Inquiry" in now else "</n2:NLETS>")
    assert told != XML_ER
    assert not changes(heard(told))
