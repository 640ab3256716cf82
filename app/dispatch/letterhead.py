"""Whose text it is, and of which kind: the header of what comes from the network, and the body after it.

Nlets writes the header; the sender of a text writes its body, whatever it likes. So kind, origin and control field are read
from the header alone: the first line of a legacy text and what follows up to TXT, or the direct children of the one header of an
NIEM document. A text without exactly one such header has no kind, and is for a person to look at. An ER or SM, which
may change what was sent, has nothing in its header but what the format puts there.
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
_BEFORE = rf"[ \n]*(?:{_CONTROL}[ \n]+)?"
_FIRST_LINE = re.compile(rf"{_BEFORE}(?P<key>AML?)\.(?P<origin>[A-Z0-9]{{2,9}})(?:(?:[. ]{_CONTROL})?[ ]*(?:\n|$)|\.)")
"""The first line of an AM: line ends and a control field may stand before it, and no words after the origin."""
_STAMP = r"(?:\*[A-Z0-9]{1,10}|(?=[^ \n]*[0-9])[A-Z0-9:/]{1,16})"
_WHOLE_HEAD = re.compile(
    rf"{_BEFORE}(?P<key>ER|SM)\.(?P<origin>[A-Z0-9]{{2,9}})(?:[. ]{_CONTROL})?[ ]*\n"
    rf"[ \n]*(?:{_STAMP}[ \n]+)*(?P<txt>(?:{_CONTROL}\.)?TXT)(?=[ \n]|$)"
)
"""The whole header of an ER or SM: its first line to the letter, then times, dates, counts, the destination and the control field.

How many digits a count has is Nlets' business, so any word with a digit in it may stand there, and no other.
"""
_CONTROL_FIELD = re.compile(rf"(?<![A-Z0-9:/]){_CONTROL}(?![A-Z0-9])")
_TOLERATED = str.maketrans({"\r": "\n", "\x7f": None})
"""What may stand anywhere before TXT, as the patterns above have it; any other control character makes no header of an ER or SM."""
_TXT = re.compile(r"(?<![A-Z0-9])TXT(?=[ \n]|$)")
_XML_ROOT = "NLETS"
_XML_HEADER = "NLETSMessageHeader"
_XML_OURS = re.compile(r"(?:\{http://www\.nlets\.org/[^}]*\})?")
"""The namespaces that Nlets' own elements stand in, or none."""
_XML_SPACES = " \t\r\n"
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
    whole = _WHOLE_HEAD.match(text.translate(_TOLERATED))
    if whole is not None:
        end = whole.end("txt")
        named = {field.removeprefix("*") for field in _CONTROL_FIELD.findall(whole[0])}
        if len(named) > 1:
            return None  # nobody knows which message it is about
        return Parts(key=KEYS[whole["key"]], origin=whole["origin"], head=plain[:end], body=plain[end:])
    header = _FIRST_LINE.match(plain)
    if header is None:
        return None
    after = header.end("origin")
    txt = _TXT.search(plain, after)
    if txt is None:
        line_end = plain.find("\n", after)
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
        keeping = ET.XMLParser(target=ET.TreeBuilder(insert_comments=True, insert_pis=True))  # noqa: S314 - as below
        root = ET.fromstring(text, keeping)  # noqa: S314 - no entity can be declared without the above
    except (ET.ParseError, ValueError):
        return None
    headers = [part for part in root if _name(part) == _XML_HEADER]
    if len(headers) != 1 or not _is_ours(root, _XML_ROOT) or not _is_ours(headers[0], _XML_HEADER):
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
    """The header's fields; None where one stands twice, is another's, or holds anything but text: then nobody knows which is meant.

    The origin is taken to the letter: one with spaces around it is not the network's.
    """
    fields: dict[str, str] = {}
    for child in header:
        name = _name(child)
        field = _XML_FIELDS.get(name)
        if field is None:
            continue
        if field in fields or len(child) or not _is_ours(child, name):
            return None
        text = child.text or ""
        fields[field] = text if field == "origin" else text.strip(_XML_SPACES)
    return fields


def _words(root: ET.Element, header: ET.Element) -> Iterator[str]:
    """What the document says outside its header; FBI numbers that have an element of their own come last, with their label."""
    in_header = set(header.iter())
    for element in root.iter():
        if element in in_header:
            continue
        if not callable(element.tag):  # a comment or a processing instruction says nothing
            yield (element.text or "").strip()
        yield (element.tail or "").strip()
    for element in root.iter():
        if "FBIIdentification" in _name(element):
            yield f"FBI/{''.join(element.itertext()).strip()}"


def _is_ours(element: ET.Element, name: str) -> bool:
    """Whether an element of this name is one of Nlets', and not of somebody else's vocabulary."""
    return _XML_OURS.fullmatch(element.tag.removesuffix(name)) is not None


def _name(element: ET.Element) -> str:
    """Its name without the namespace; of a comment or a processing instruction, none."""
    return "" if callable(element.tag) else element.tag.rpartition("}")[2]
