"""Reading what comes from the network: ER, SM and AM, in the legacy output form or as NIEM XML.

`read` is pure: from a text to what it says. Whose word it is stands in its header (`letterhead.py`); what it may then
change is decided in `domain/inbound.py`, and carried out by `store/desk/inbound.py`. Facts are from Nlets' public user guide (wiki.nlets.org, sections 8 and
9): an ER comes only from NL0000000 and quotes the first 100 characters of what was sent; an SM is written by Nlets, or freely by
a state. The counts in their headers are Nlets' own and never told to a sender, so they cannot find a message; its number, or
the one open message to a destination, can.
"""

import asyncio
import re
from collections.abc import Callable, Iterator

import structlog

from app.dispatch.channel import Arrival
from app.dispatch.letterhead import CLEANED, NETWORK, Parts, take_apart
from app.dispatch.operator_log import OperatorLog
from app.dispatch.sweeps import learn_all
from app.domain.identifiers import message_number, ucn_problem
from app.domain.inbound import Heard
from app.domain.statuses import Status
from app.domain.times import micros_in
from app.errors import Unavailable, what_broke
from app.store.database.writer import Writer
from app.store.desk.inbound import Match, take_in

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

_OTHER_SPACE = re.compile(r"[^\S\n]+")
_WHEN_WORD = (
    r"(?:AT|AS|OF|ON|SINCE|FROM|NOW|AGAIN|[APE]M|[ECMPAH][SD]?T|Z|ZULU|UTC|GMT|HRS?|HOURS?"
    r"|(?:MON|TUES?|WED(?:NES)?|THU(?:RS)?|FRI|SAT(?:UR)?|SUN)(?:DAY)?"
    r"|JAN(?:UARY)?|FEB(?:RUARY)?|MAR(?:CH)?|APR(?:IL)?|MAY|JUNE?|JULY?|AUG(?:UST)?|SEPT?(?:EMBER)?|OCT(?:OBER)?"
    r"|NOV(?:EMBER)?|DEC(?:EMBER)?|[0-9]{1,4}(?:[:./-]?[0-9]{1,4}){0,3}(?:[APE]M|[ECMPAH][SD]?T|Z|HRS?|ST|ND|RD|TH)?)"
)
_WHEN = rf"(?:[ .,:;()!*-]+{_WHEN_WORD}){{0,12}}"
_END = r"[ .,;:!)*-]*$"
_NETWORK_DOWN = re.compile(
    rf"^[ *.-]*NLETS (?:IS )?TEMPORARILY OUT OF SERVICE{_WHEN}(?:[ ,.]+UNTIL(?![^ .,:\n])[^\n]{{0,60}}|{_END})", re.MULTILINE
)
_NETWORK_UP = re.compile(rf"^[ *.-]*NLETS (?:IS )?(?:NOW )?(?:BACK )?IN SERVICE{_WHEN}{_END}", re.MULTILINE)
"""A whole line that says nothing else: a time may follow. What only has such words in it is for a person to read."""
_NUMBER = re.compile(r"(?<![A-Z0-9])LN[0-9A-Z]{8}(?![A-Z0-9])")
_CODE = re.compile(r"(?<![A-Z0-9])\.([0-9]{2})\.")
_QUOTED_DESTINATION = re.compile(r"(?<![A-Z0-9])AML?\.[A-Z]{2}[A-Z0-9]{7}\.([A-Z]{2}[A-Z0-9]{7})(?![A-Z0-9])")
_FBI_NUMBER = re.compile(
    r"(?<![A-Z0-9])(?:FBI|UCN)(?:[ /(]{0,2}UCN)?(?:[ .]{0,2}(?:NUMBER|NUM|NBR|NO|ID))?"
    r"(?:\s{0,3}[:/#=.()-]{1,3}\s{0,3}|\s{1,3})([A-Z0-9]{1,9})(?![A-Z0-9])"
)
"""An FBI number after its label: `FBI/…` as our own notices have it, `FBI NO. …`, `FBI#…`, `UCN: …`."""
_NUMBERS_AT_MOST = 50


def read(arrival: Arrival, state_retry: int) -> Heard:
    """What a text from the network says. `state_retry`: Micros until a message waiting for its state is tried again.

    Never raises: what cannot be read is of kind `other`, for a person to look at.
    """
    stored = arrival.text.replace("\0", "\N{REPLACEMENT CHARACTER}")  # PostgreSQL stores no NUL
    parts = take_apart(arrival.text)
    if parts is None:
        whole = Parts("other", None, "", arrival.text.translate(CLEANED))
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


def _error(parts: Parts) -> Heard:
    code = _code(parts.body) or _code(parts.head)
    if code is None and parts.body.lstrip().startswith("0"):
        code = "0"
    said = f"ER {_code_as_text(code)}: {ER_CODES.get(code or '', 'meaning unknown')}"
    if not parts.from_network:
        return Heard("", "ER", "", f"{said}; from {parts.sender}, though only {NETWORK} sends an ER")
    return Heard("", "ER", "", said, status=Status.REJECTED)


def _status(parts: Parts) -> Heard:
    code = _code(parts.body)
    if code is None and parts.from_network:
        said_of_itself = _of_network(parts.body)
        if said_of_itself is not None:
            return said_of_itself
    if code not in SM_CODES:
        return Heard("", "SM", "", f"SM {_code_as_text(code)} from {parts.sender}: meaning unknown")
    status, meaning = SM_CODES[code]
    if parts.from_network:
        return Heard("", "SM", "", f"SM {_code_as_text(code)}: {meaning}", status=status)
    said = f"SM {_code_as_text(code)} from {parts.sender}"
    if parts.state is None or status == Status.REJECTED:
        return Heard("", "SM", "", f"{said}, though only {NETWORK} says so: {meaning}")
    # A state may say of itself that it is out of service; it has no say in what was sent to others.
    return Heard("", "SM", "", f"{said}: {meaning}", status=status, only_state=parts.state)


def _of_network(body: str) -> Heard | None:
    """What the network says of itself, in a line of its own; None for nothing, or for both at once."""
    lines = _OTHER_SPACE.sub(" ", body.upper())
    is_down, is_up = _NETWORK_DOWN.search(lines) is not None, _NETWORK_UP.search(lines) is not None
    if is_down == is_up:
        return None
    if is_down:
        return Heard("", "SM", "", "the network is temporarily out of service", network="pause")
    return Heard("", "SM", "", "the network is in service", network="resume")


def _code(text: str) -> str | None:
    found = _CODE.search(text)
    return found[1] if found else None


def _code_as_text(code: str | None) -> str:
    return "without a code" if code is None else code if code == "0" else f".{code}."


def _numbers(parts: Parts) -> Iterator[tuple[int, str]]:
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
        self._operator_log = OperatorLog(writer)

    async def arrived(self, arrival: Arrival) -> Match:
        """Stores an arrival and does what it says; returns only once that is committed, however long the database is away."""
        heard = read(arrival, self._state_retry)._replace(
            within=self._within, occurrence=arrival.occurrence, stamped=arrival.stamped
        )
        match = await self._store(heard)
        await self._operator_log.tell_arrival(heard, match)
        if heard.network == "resume":
            self._resumed()
        return match

    async def _store(self, heard: Heard) -> Match:
        """Stores it. What cannot be worked out, through a fault of ours, is left to a person: it must not stop what comes behind it."""
        wait = 0.1
        while True:
            try:
                if heard.fbi_numbers:  # then every release accepted so far must be there to be found
                    await learn_all(self._writer)
                return await self._writer.do(take_in, heard)
            except Unavailable as error:
                _log.warning(
                    "arrival_waits_for_database",
                    kind=heard.kind,
                    cause=error.detail,
                    consequence="it is kept and stored later, and so is what comes after it",
                    runbook="not-ready",
                )
            except Exception as error:
                if heard.kind == "other":
                    raise
                _log.error(
                    "arrival_broke", kind=heard.kind, consequence="a person must read it: a work item", **what_broke(error)
                )
                told = f"{heard.cause}; it could not be worked out, through a fault of LENS"
                heard = Heard(heard.source, "other", heard.text, told, within=heard.within)
                continue
            await asyncio.sleep(wait)
            wait = min(wait * 2, 5.0)
