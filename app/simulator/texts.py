"""Texts the network sends: ER (error), SM (status) and AM, in legacy output form or as NIEM XML."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from xml.sax.saxutils import escape

NETWORK = "NL0000000"
"""The ORI errors and statuses come from."""

QUOTED = 100
"""Characters of the message sent that an error quotes."""

ER_WORDS = {
    "0": "FORMAT ERROR",
    "01": "INVALID HEADER",
    "02": "MESSAGE TYPE NOT ALLOWED TO DESTINATION",
    "03": "TXT NOT FOUND OR INVALID XML",
    "10": "INVALID YEAR",
    "14": "REQUIRED FIELDS MISSING",
    "16": "INVALID ATN",
    "19": "INVALID DESTINATION ORI",
    "22": "INVALID FORMAT",
}
SM_WORDS = {
    "01": "WILL NOT FORWARD - MESSAGE TYPE INVALID FOR DESTINATION",
    "02": "OUT OF SERVICE - NLETS WILL FORWARD",
    "04": "OUT OF SERVICE - NLETS WILL NOT FORWARD",
}


@dataclass(frozen=True, slots=True)
class NetworkText:
    """A text before it has a form. `control` is the control field of the message it is about, None where it says none."""

    key: Literal["ER", "SM", "AM"]
    origin: str
    destination: str
    body: str
    control: str | None = None


@dataclass(frozen=True, slots=True)
class Style:
    """How a legacy text is laid out. Receivers must tolerate every control place, CR, LF and DEL before TXT.

    `control`: nowhere, on a line before everything, in the header, after the destination, on its own line, before TXT.
    """

    line_end: str = "\r\n"
    control: Literal["none", "first", "header", "destination", "line", "txt"] = "line"
    before: str = ""


PLAIN = Style()
ODD_STYLES = tuple(
    Style(line_end, control, before)
    for line_end in ("\r\n", "\n", "\r", "\r\n\x7f\x7f", "\r\r\n")
    for control in ("none", "first", "header", "destination", "line", "txt")
    for before in ("", "\r\n", "\x7f\n")
)
"""Layouts seen or allowed in the field, for trying a receiver."""


def error(code: str, sent: str, to: str, control: str | None) -> NetworkText:
    """ER: a message was refused. `sent` is what came, of which the first 100 characters are quoted; `to` its origin ORI."""
    words = f".{code}. {ER_WORDS[code]}" if code != "0" else f"0 {ER_WORDS[code]}"
    return NetworkText(key="ER", origin=NETWORK, destination=to, body=f"{words}\n{sent[:QUOTED]}", control=control)


def status(code: str, sent: str, destination: str, to: str, control: str | None) -> NetworkText:
    """SM: what becomes of a message to `destination`, a state out of service."""
    return NetworkText(
        key="SM",
        origin=NETWORK,
        destination=to,
        body=f".{code}. {destination} {SM_WORDS[code]}\n{sent[:QUOTED]}",
        control=control,
    )


def out_of_service(until: str, to: str) -> NetworkText:
    """SM to everyone: nothing is taken until a time told in words."""
    return NetworkText("SM", NETWORK, to, f"NLETS TEMPORARILY OUT OF SERVICE UNTIL {until}")


def in_service(to: str) -> NetworkText:
    """SM to everyone: messages are taken again."""
    return NetworkText("SM", NETWORK, to, "NLETS IN SERVICE")


def administrative(origin: str, to: str, body: str) -> NetworkText:
    """AM from another agency."""
    return NetworkText("AM", origin, to, body)


def as_legacy(text: NetworkText, at: datetime, number: int, style: Style = PLAIN) -> str:
    """The text in legacy output form; `number` is the network's count of texts, five digits on the wire."""
    control = f"*{text.control}" if text.control else ""
    stamp = f"{at:%H:%M %m/%d/%Y} {number % 100_000:05d}"
    placed = {
        place: control if control and style.control == place else ""
        for place in ("first", "header", "destination", "line", "txt")
    }
    lines = [
        placed["first"],
        f"{text.key}.{text.origin}" + (f".{placed['header']}" if placed["header"] else ""),
        stamp,
        f"{stamp} {text.destination}" + (f" {placed['destination']}" if placed["destination"] else ""),
        placed["line"],
        f"{placed['txt']}.TXT" if placed["txt"] else "TXT",
    ]
    head = style.line_end.join(line for line in lines if line)
    body = text.body.replace("\r\n", "\n").replace("\n", "\r\n")
    return f"{style.before}{head}{style.line_end}{body}\r\n"


def as_niem(text: NetworkText) -> str:
    """The text as NIEM XML."""
    control = f"<nh2:DocumentControlFieldText>{escape(text.control)}</nh2:DocumentControlFieldText>" if text.control else ""
    body = text.body.replace("]]>", "]]]]><![CDATA[>")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<n2:NLETS xmlns:n2="http://www.nlets.org/niem/1.0" xmlns:nh2="http://www.nlets.org/niem/nlets-hdr/1.0"'
        ' n2:version="4.00"><n2:NLETSMessageHeader>'
        f"<nh2:MessageKeyCodeText>{text.key}</nh2:MessageKeyCodeText>"
        f"<nh2:OriginatingORIID>{escape(text.origin)}</nh2:OriginatingORIID>"
        f"<nh2:DestinationORIID>{escape(text.destination)}</nh2:DestinationORIID>{control}</n2:NLETSMessageHeader>"
        f'<n2:NLETSMailData n2:key="{text.key}"><n2:MailMessageText><![CDATA[{body}]]></n2:MailMessageText></n2:NLETSMailData>'
        "</n2:NLETS>"
    )
