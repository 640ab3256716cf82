"""Whose text it is, and of which kind: the header of what comes from the network, and the body after it.

Nlets writes the header; the sender of a text writes its body, whatever it likes. So kind, origin and control field are read
from the header alone: the first line of a legacy text and what follows up to TXT, or the direct children of the one header of an
NIEM document. A text without exactly one such header has no kind, and is for a person to look at.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple
from xml.etree import ElementTree as ET

NETWORK = "NL0000000"
"""The one ORI that Nlets itself speaks from."""

KEYS: dict[str, Literal["ER", "SM", "AM"]] = {"ER": "ER", "SM": "SM", "AM": "AM", "AML": "AM"}
"""The kinds of text that LENS understands, by their message keys."""

CLEANED = str.maketrans(dict.fromkeys(map(chr, range(32)), " ") | {"\r": "\n", "\n": "\n", "\x7f": None})
"""Line ends as LF, other control characters as spaces, no DEL."""

_ORI = re.compile(r"[A-Z0-9]{2,9}")
_CONTROL = r"(?:\*[A-Z0-9]{1,10}|LN[0-9A-Z]{8})"
_FIRST_LINE = re.compile(rf"[ \n]*(?:{_CONTROL}[ \n]+)?(?P<key>ER|SM|AML?)\.(?P<origin>[A-Z0-9]{{2,9}})(?![A-Z0-9])")
"""A legacy header's first line: line ends and a control field may stand before it, nothing else."""
_TXT = re.compile(r"(?<![A-Z0-9])TXT(?=\s|$)")
_XML_HEADER = "NLETSMessageHeader"
_XML_FIELDS = {
    "MessageKeyCodeText": "key",
    "OriginatingORIID": "origin",
    "DestinationORIID": "destination",
    "DocumentControlFieldText": "control",
}


class Parts(NamedTuple):
    """A text taken apart.

    `key` is its kind, `origin` what it says it comes from, `head` where a control field may stand; `body` is all the rest.
    """

    key: Literal["ER", "SM", "AM", "other"]
    origin: str | None
    head: str
    body: str

    @property
    def from_network(self) -> bool:
        """Whether it is Nlets' own word."""
        return self.origin == NETWORK

    @property
    def ori(self) -> str | None:
        """The origin where it looks like one: in XML anything may stand in its place, a person's name too."""
        return self.origin if self.origin is not None and _ORI.fullmatch(self.origin) else None

    @property
    def state(self) -> str | None:
        """The Nlets code of the state that speaks, None for Nlets itself and for an unknown origin."""
        return None if self.ori is None or self.ori.startswith("NL") else self.ori[:2]

    @property
    def sender(self) -> str:
        """The origin in words."""
        return self.ori or "an unknown ORI"


def take_apart(text: str) -> Parts | None:
    """The parts of an ER, SM or AM; None for a text that has no header of one."""
    return _from_xml(text) if text.lstrip().startswith("<") else _from_legacy(text)


def _from_legacy(text: str) -> Parts | None:
    """The legacy output form; CR, LF, DEL and the control field may stand anywhere before TXT."""
    plain = text.translate(CLEANED)
    header = _FIRST_LINE.match(plain)
    if header is None:
        return None
    txt = _TXT.search(plain, header.end())
    if txt is None:
        line_end = plain.find("\n", header.end())
        body_start = head_end = len(plain) if line_end < 0 else line_end
    else:
        head_end, body_start = txt.span()
    return Parts(
        key=KEYS[header["key"]],
        origin=header["origin"],
        head=plain[:head_end],
        body=plain[body_start:],
    )


def _from_xml(text: str) -> Parts | None:
    """NIEM's form, whatever the prefixes: the fields of the one header, and all other text as the body."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return None  # Nlets needs neither, and entities are how XML attacks its reader
    try:
        root = ET.fromstring(text)  # noqa: S314 - no entity can be declared without the above
    except (ET.ParseError, ValueError):
        return None
    headers = [part for part in root if _name(part) == _XML_HEADER]
    if len(headers) != 1:
        return None
    fields = _fields(headers[0])
    key = None if fields is None else KEYS.get(fields.get("key", ""))
    if fields is None or key is None:
        return None
    return Parts(
        key=key,
        origin=fields.get("origin") or None,
        head=fields.get("control", ""),
        body="\n".join(_words(root, headers[0])).translate(CLEANED),
    )


def _fields(header: ET.Element) -> dict[str, str] | None:
    """The header's fields; None where one stands twice, or holds anything but text: then nobody knows which is meant."""
    fields: dict[str, str] = {}
    for child in header:
        field = _XML_FIELDS.get(_name(child))
        if field is None:
            continue
        if field in fields or len(child):
            return None
        fields[field] = (child.text or "").strip()
    return fields


def _words(root: ET.Element, header: ET.Element) -> Iterator[str]:
    """What the document says outside its header; FBI numbers that have an element of their own come last, with their label."""
    in_header = set(header.iter())
    for element in root.iter():
        if element not in in_header:
            yield (element.text or "").strip()
    for element in root.iter():
        if "FBIIdentification" in _name(element):
            yield f"FBI/{''.join(element.itertext()).strip()}"


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]
