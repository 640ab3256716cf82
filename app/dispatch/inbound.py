"""Reading what comes from the network: ER, SM and AM, in the legacy output form or as NIEM XML.

`read` is pure: from a text to what it says. What it then does to messages and lanes stands in `store/inbound.py`. Facts are from
Nlets' public user guide (wiki.nlets.org, sections 8 and 9): an ER comes only from NL0000000 and quotes the first 100 characters
of what was sent; an SM is written by Nlets, or freely by a state. The counts in their headers are Nlets' own and never told to
a sender, so they cannot find a message; its number, or the one open message to a destination, can.
"""

import asyncio
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple
from xml.etree import ElementTree as ET

import structlog

from app.dispatch.channel import Arrival
from app.dispatch.sweeps import learn_all
from app.domain.identifiers import message_number, ucn_problem
from app.domain.statuses import Status
from app.domain.times import micros_in
from app.errors import Unavailable, what_broke
from app.store.inbound import Heard, Match, take_in
from app.store.writer import Writer

_log = structlog.get_logger(__name__)

ER_CODES = {
    "0": "format or structure error",
    "01": "invalid header information",
    "02": "message type not allowed to destination",
    "03": "TXT not found, or improperly formed XML",
    "10": "a year field is invalid or missing",
    "14": "fields missing",
    "16": "ATN field invalid",
    "19": "invalid destination ORI",
    "22": "invalid message format",
}
"""What an ER's code means. The message is rejected whatever the code; one that is not here too."""

SM_CODES = {
    "01": (Status.REJECTED, "the state does not take this type, will not be forwarded"),
    "02": (Status.HELD_BY_NETWORK, "the state is out of service, the network will forward it"),
    "04": (Status.WAITING_FOR_STATE, "the state is out of service, the network will not forward it"),
}
"""What an SM's code makes of the message it is about. The same digits in an ER mean something else."""

_NETWORK_DOWN = re.compile(r"\bNLETS\s+(?:IS\s+)?TEMPORARILY\s+OUT\s+OF\s+SERVICE\b")
_NETWORK_UP = re.compile(r"\bNLETS\s+(?:IS\s+)?(?:BACK\s+)?IN\s+SERVICE\b")
_CLEANED = str.maketrans(dict.fromkeys(map(chr, range(32)), " ") | {"\r": "\n", "\n": "\n", "\x7f": None})
_TXT_LINE = re.compile(r"^ *TXT *$", re.MULTILINE)
_TXT = re.compile(r"(?<![A-Z0-9])TXT(?=\s|$)")
_KEY = re.compile(r"^ *(?:\*?[A-Z0-9]{1,10} +)?(ER|SM|AML?)\. *([A-Z0-9]{2,9})(?![A-Z0-9])", re.MULTILINE)
_AM_BEHIND_GARBAGE = re.compile(r"(?<![A-Z0-9.])(AML?)\.([A-Z]{2}[A-Z0-9]{7})(?![A-Z0-9])")
"""An AM's header with other things before it on its line; an ER or SM read so might reject a message by mistake."""
_ORI = re.compile(r"[A-Z0-9]{2,9}")
_NUMBER = re.compile(r"(?<![A-Z0-9])LN[0-9A-Z]{8}(?![A-Z0-9])")
_CODE = re.compile(r"(?<![A-Z0-9])\.([0-9]{2})\.")
_QUOTED_DESTINATION = re.compile(r"(?<![A-Z0-9])AML?\.[A-Z]{2}[A-Z0-9]{7}\.([A-Z]{2}[A-Z0-9]{7})(?![A-Z0-9])")
_FBI_NUMBER = re.compile(
    r"(?<![A-Z0-9])(?:FBI|UCN)(?:[ /(]{0,2}UCN)?(?:[ .]{0,2}(?:NUMBER|NUM|NBR|NO|ID))?"
    r"(?:\s{0,3}[:/#=.()-]{1,3}\s{0,3}|\s{1,3})([A-Z0-9]{1,9})(?![A-Z0-9])"
)
"""An FBI number after its label: `FBI/…` as our own notices have it, `FBI NO. …`, `FBI#…`, `UCN: …`."""
_XML_KEYS = {"MessageKeyCodeText": "key", "OriginatingORIID": "origin", "DocumentControlFieldText": "control"}
_NUMBERS_AT_MOST = 50


class _Parts(NamedTuple):
    """A text taken apart: `key` ER, SM or AM, `origin` an ORI or None, `head` where a control field may stand, and the rest."""

    key: str
    origin: str | None
    head: str
    body: str

    @property
    def from_network(self) -> bool:
        """Whether it may be Nlets' own word: ORIs that begin NL are its own."""
        return self.origin is None or self.origin.startswith("NL")

    @property
    def ori(self) -> str | None:
        """The origin where it looks like one: in XML anything may stand in its place, a person's name too."""
        return self.origin if self.origin is not None and _ORI.fullmatch(self.origin) else None

    @property
    def sender(self) -> str:
        """The same in words."""
        return self.ori or "an unknown ORI"


def read(arrival: Arrival, state_retry: int) -> Heard:
    """What a text from the network says. `state_retry`: Micros until a message waiting for its state is tried again.

    Never raises: what cannot be read is of kind `other`, for a person to look at.
    """
    stored = arrival.text.replace("\0", "\N{REPLACEMENT CHARACTER}")  # PostgreSQL stores no NUL
    parts = _from_xml(arrival.text) if arrival.text.lstrip().startswith("<") else _from_legacy(arrival.text)
    if parts is None:
        whole = _Parts("other", None, "", arrival.text.translate(_CLEANED))
        unread = Heard(arrival.source, "other", stored, "a text that is no ER, SM or AM")
        return unread._replace(numbers=tuple(_numbers(whole)), fbi_numbers=tuple(_fbi_numbers(whole.body)))
    numbers = tuple(_numbers(parts))
    match parts.key:
        case "ER":
            heard = _error(parts)
        case "SM":
            heard = _status(parts)
        case _:
            heard = Heard("", "AM", "", f"AM from {parts.sender}")
    oris = tuple(dict.fromkeys(_QUOTED_DESTINATION.findall(parts.body))) if parts.from_network else ()
    fbi_numbers = tuple(_fbi_numbers(parts.body)) if parts.key == "AM" else ()
    heard = heard._replace(source=arrival.source, text=stored, origin=parts.ori, delay=state_retry)
    return heard._replace(numbers=numbers, oris=oris, fbi_numbers=fbi_numbers)


def _error(parts: _Parts) -> Heard:
    code = _code(parts.body) or _code(parts.head)
    if code is None and parts.body.lstrip().startswith("0"):
        code = "0"
    said = f"ER {_shown(code)}: {ER_CODES.get(code or '', 'meaning unknown')}"
    if not parts.from_network:
        return Heard("", "ER", "", f"{said}; from {parts.sender}, though only Nlets sends an ER")
    return Heard("", "ER", "", said, status=Status.REJECTED)


def _status(parts: _Parts) -> Heard:
    code = _code(parts.body)
    if code is None and parts.from_network:
        if _NETWORK_DOWN.search(parts.body):
            return Heard("", "SM", "", "the network is temporarily out of service", network="pause")
        if _NETWORK_UP.search(parts.body):
            return Heard("", "SM", "", "the network is in service", network="resume")
    if code in SM_CODES:
        status, meaning = SM_CODES[code]
        return Heard("", "SM", "", f"SM {_shown(code)}: {meaning}", status=status)
    return Heard("", "SM", "", f"SM {_shown(code)} from {parts.sender}: meaning unknown")


def _code(text: str) -> str | None:
    found = _CODE.search(text)
    return found[1] if found else None


def _shown(code: str | None) -> str:
    return "without a code" if code is None else code if code == "0" else f".{code}."


def _numbers(parts: _Parts) -> Iterator[tuple[int, str]]:
    """The message numbers in it, surest first: the control field, then what the body quotes."""
    seen = set()
    for text, how in ((parts.head, "control field"), (parts.body, "quoted number")):
        for identifier in _NUMBER.findall(text)[:_NUMBERS_AT_MOST]:
            number = message_number(identifier)
            if number is not None and number not in seen:
                seen.add(number)
                yield number, how


def _fbi_numbers(body: str) -> list[str]:
    """The FBI numbers that it names, each once, in order."""
    labelled = dict.fromkeys(_FBI_NUMBER.findall(body.upper()))
    return [found for found in labelled if _may_be_number(found)][:_NUMBERS_AT_MOST]


def _may_be_number(word: str) -> bool:
    """Whether what stands after a label may be a number: nearly all have a digit, and of the others the last letter proves it."""
    return any(map(str.isdigit, word)) or ucn_problem(word) is None


def _from_legacy(text: str) -> _Parts | None:
    """The legacy output form; CR, LF, DEL and the control field may stand anywhere before TXT."""
    plain = text.translate(_CLEANED)
    txt = _TXT_LINE.search(plain) or _TXT.search(plain)
    head, body = (plain[: txt.start()], plain[txt.end() :]) if txt else (plain, plain)
    key = _KEY.search(head) or (_AM_BEHIND_GARBAGE.search(head) if txt else None)
    if key is None:
        return None
    return _Parts(key[1][:2], key[2], head, body)


def _from_xml(text: str) -> _Parts | None:
    """NIEM's form, whatever the prefixes: the header's elements by their names, and all other text as the body."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return None  # Nlets needs neither, and entities are how XML attacks its reader
    try:
        root = ET.fromstring(text)  # noqa: S314 - no entity can be declared without the above
    except (ET.ParseError, ValueError):
        return None
    in_header = {field for part in root.iter() if _name(part).endswith("Header") for field in part.iter()}
    header = {_XML_KEYS[_name(field)]: (field.text or "").strip() for field in in_header if _name(field) in _XML_KEYS}
    body = [(element.text or "").strip() for element in root.iter() if element not in in_header]
    body += [f"FBI/{''.join(element.itertext()).strip()}" for element in root.iter() if "FBIIdentification" in _name(element)]
    key = header.get("key", "")
    if key not in {"ER", "SM", "AM", "AML"}:
        return None
    return _Parts(key[:2], header.get("origin") or None, header.get("control", ""), "\n".join(body).translate(_CLEANED))


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


class Inbound:
    """Takes in what a channel hands over."""

    def __init__(self, writer: Writer, state_retry: float, within: float, resumed: Callable[[], None]) -> None:
        """`state_retry`: seconds until a message waiting for its state is tried again; `within`: seconds that a person has for
        what a text asks of one; `resumed` is called after a resume.
        """
        self._writer = writer
        self._state_retry = micros_in(state_retry)
        self._within = micros_in(within)
        self._resumed = resumed

    async def arrived(self, arrival: Arrival) -> Match:
        """Stores an arrival and does what it says; returns only once that is committed, however long the database is away."""
        heard = read(arrival, self._state_retry)._replace(
            within=self._within, occurrence=arrival.occurrence, stamped=arrival.stamped
        )
        match = await self._stored(heard)
        _log.info("arrival_taken", kind=heard.kind, match=match, cause=heard.cause)
        if heard.network == "resume":
            self._resumed()
        return match

    async def _stored(self, heard: Heard) -> Match:
        """Stores it. What cannot be worked out, through a fault of ours, is left to a person: it must not stop what comes behind it."""
        wait = 0.1
        while True:
            try:
                if heard.fbi_numbers:  # then every release accepted so far must be there to be found
                    await learn_all(self._writer)
                return await self._writer.do(take_in, heard)
            except Unavailable as error:
                _log.warning("arrival_waits_for_database", cause=error.detail)
            except Exception as error:
                if heard.kind == "other":
                    raise
                _log.error("arrival_broke", kind=heard.kind, **what_broke(error))
                told = f"{heard.cause}; it could not be worked out, through a fault of LENS"
                heard = Heard(heard.source, "other", heard.text, told, within=heard.within)
                continue
            await asyncio.sleep(wait)
            wait = min(wait * 2, 5.0)
