"""Reads what a sender puts on the wire, as strictly as the network would. Knows nothing of how LENS composes its messages."""

import re
from dataclasses import dataclass
from typing import Literal
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from app.errors import LensError

TEXT_LIMIT = 14_400
"""Characters of a message's text at the most."""

_N2 = "{http://www.nlets.org/niem/1.0}"
_NH2 = "{http://www.nlets.org/niem/nlets-hdr/1.0}"
_ORI = re.compile(r"[A-Z]{2}[A-Z0-9]{7}")
_CONTROL = re.compile(r"\*?([A-Z0-9]{1,10})")
_LEGACY = re.compile(
    r"(?P<key>[^.]*)\.(?P<origin>[^.]*)\.(?P<destination>[^.]*)\.\*(?P<control>[^.]*)\.TXT\r\n(?P<body>.*)", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as the network understands it. `body` has LF line ends; `payload` is the text exactly as it came."""

    key: str
    origin: str
    destination: str
    control: str
    format: Literal["legacy", "niem"]
    body: str
    payload: str


class BadMessage(LensError):
    """The message is refused; `er` is the code of the error text that says so, `control` its control field where readable."""

    code = "bad-message"

    def __init__(self, er: str, detail: str, control: str | None = None) -> None:
        super().__init__(detail)
        self.er = er
        self.control = control


def is_message(payload: str) -> bool:
    """Whether a payload is meant as a message: legacy text or XML."""
    return payload.startswith(("AM.", "AML.", "<"))


def read_message(payload: str) -> Incoming:
    """The message in a payload that `is_message`. Raises BadMessage."""
    message = _read_niem(payload) if payload.startswith("<") else _read_legacy(payload)
    control = _CONTROL.fullmatch(message.control)
    if control is None:
        raise BadMessage("01", "the control field is 1 to 10 letters and digits")
    for name, ori in (("origin", message.origin), ("destination", message.destination)):
        if not _ORI.fullmatch(ori):
            raise BadMessage("19" if name == "destination" else "01", f"the {name} is no ORI", control[1])
    if message.key not in {"AM", "AML"}:
        raise BadMessage("02", "only AM and AML are taken", control[1])
    if len(message.body) > TEXT_LIMIT:
        raise BadMessage("22", f"the text is over {TEXT_LIMIT} characters", control[1])
    return Incoming(
        key=message.key,
        origin=message.origin,
        destination=message.destination,
        control=control[1],
        format=message.format,
        body=message.body,
        payload=payload,
    )


def _read_legacy(payload: str) -> Incoming:
    match = _LEGACY.fullmatch(payload)
    if match is None:
        control = re.match(r"[^\r\n]*\.\*([A-Z0-9]{1,10})\b", payload)
        raise BadMessage(
            "03" if "TXT\r\n" not in payload else "01", "the header cannot be read", control[1] if control else None
        )
    body = match["body"].replace("\r\n", "\n")
    bare_ends = match["body"].count("\n") != match["body"].count("\r\n")
    if bare_ends or not payload.isascii() or not body.replace("\n", "").isprintable():
        raise BadMessage("22", "the text has characters other than printable ASCII in lines ended by CR LF", match["control"])
    return Incoming(
        key=match["key"],
        origin=match["origin"],
        destination=match["destination"],
        control=match["control"],
        format="legacy",
        body=body,
        payload=payload,
    )


def _read_niem(payload: str) -> Incoming:
    root = _root_of(payload)
    header = f"{_N2}NLETSMessageHeader/{_NH2}"
    key, origin, destination, control = (
        (root.findtext(header + name) or "").strip()
        for name in ("MessageKeyCodeText", "OriginatingORIID", "DestinationORIID", "DocumentControlFieldText")
    )
    data = root.find(f"{_N2}NLETSMailData")
    body = None if data is None else data.findtext(f"{_N2}MailMessageText")
    if root.tag != f"{_N2}NLETS" or data is None or body is None:
        raise BadMessage("14", "NLETS, NLETSMailData or MailMessageText is missing", control or None)
    if data.get(f"{_N2}key") != key:
        raise BadMessage("22", "the key of the mail data is not the message key", control or None)
    return Incoming(key=key, origin=origin, destination=destination, control=control, format="niem", body=body, payload=payload)


class _NoDoctype(TreeBuilder):
    """Builds a tree from a document without a document type: entities, which attack a reader, are declared only there."""

    def doctype(self, *_: object) -> None:
        """Called at the start of one."""
        raise BadMessage("03", "XML with a document type is not taken")


def _root_of(payload: str) -> Element:
    parser = XMLParser(target=_NoDoctype())  # noqa: S314 - see _NoDoctype
    try:
        parser.feed(payload)
        root: Element = parser.close()
    except (ParseError, ValueError):
        raise BadMessage("03", "the XML is not well formed") from None
    return root
