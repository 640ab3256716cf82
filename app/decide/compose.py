"""Composes the text of a notice from the rulebook's template: fills it, folds it, keeps it within its lines and size.

A text is made with NUMBER_MARK where its number goes; whoever stores it fills that in. No value can add a line, a header or a
control character: every value is folded first, and folding leaves printable ASCII only.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import msgspec

from app.decide.folding import fold, is_stated, stated_or, wrap
from app.decide.terms import Terms
from app.domain.decision import NUMBER_MARK, Copy, NoticeType
from app.domain.release import Name, Release, Residence
from app.rulebook.language.model import Messages, TemplateLine

NOT_AVAILABLE = "NOT AVAILABLE"
NOT_STATED = "NOT STATED"

_NOTICE_FIELDS = frozenset({"type", "copy", "state", "also_sent_to", "refers_to"})
"""Fields that differ between the two notices of one release; the rest is filled once for both (the number by its mark)."""
_NOTICE_CONDITIONS = frozenset({"test_stage", "follow_up"})


class Addressee(msgspec.Struct, frozen=True):
    """Whom one notice is for. `state` and `also_sent_to` are Nlets codes ("" or None: NONE), `testing` whether it is a pilot."""

    ori: str
    state: str
    copy: Copy
    also_sent_to: str | None
    testing: bool
    type: NoticeType = "NEW"
    refers_to: str | None = None


class TooLong(Exception):
    """The text is longer than the rulebook allows; `characters` says how long."""

    def __init__(self, characters: int) -> None:
        self.characters = characters
        super().__init__(f"the text has {characters:,} characters")


@dataclass(frozen=True, slots=True)
class Block:
    """Template lines made ready, joined by LF: literal texts, with a place for each of `fields` between two of them.

    `own` are the fields that a release fills; others, or `only`, wait for the notice. `texts` are the literals and empty places in
    turn, so the fields' texts go to every second place.
    """

    texts: tuple[str, ...]
    fields: tuple[str, ...]
    only: str | None
    own: tuple[str, ...]
    find: tuple[Callable[[Release], str], ...]

    @property
    def waits(self) -> bool:
        """Whether it is for each notice to fill."""
        return self.only is not None or len(self.own) < len(self.fields)

    def filled(self, values: Sequence[str]) -> str:
        """The text with a value for each field, in order."""
        texts = list(self.texts)
        texts[1::2] = values
        return "".join(texts)


class Filled(msgspec.Struct, frozen=True):
    """A template with everything filled that does not depend on whom the notice is for: finished text, or a block still open."""

    parts: tuple[str | Block, ...]
    values: Mapping[str, str]
    replaced: tuple[str, ...]
    """Fields in which a character had to become `?`."""


class Composer:
    """Composes texts under one rulebook's messages and one service's terms."""

    def __init__(self, messages: Messages, terms: Terms) -> None:
        self._terms = terms
        self._width = messages.line_length
        self._most = messages.max_characters
        self._templates = messages.templates
        self._parts = {
            (name, late, stated): tuple(self._ready(block) for block in _blocks(template.lines, late=late, stated=stated))
            for name, template in messages.templates.items()
            for late in (False, True)
            for stated in (False, True)
        }

    def _ready(self, block: Block) -> tuple[str | Block, bool]:
        """A block and whether it waits for the notice; finished text where it has nothing to fill."""
        if block.waits or block.fields:
            return block, block.waits
        return self._finish(block.filled(())), False

    @property
    def briefest(self) -> str:
        """The template that tells least, for words that no rule names a template for any more."""
        return min(self._templates.values(), key=lambda template: (_fields_in(template.lines), template.name)).name

    def fill(self, template: str, release: Release, *, late: bool) -> Filled:
        """Fills what is the same for every state told of this release."""
        parts: list[str | Block] = []
        values: dict[str, str] = {}
        replaced: list[str] = []
        for part, waits in self._parts[template, late, residence_stated(release)]:
            if isinstance(part, str) or not part.own:
                parts.append(part)
                continue
            texts = [find(release) for find in part.find]
            together = "".join(texts)
            if not (together.isascii() and together.isprintable()):
                texts = _fold_texts(part.own, texts, replaced)
            if waits:
                values.update(zip(part.own, texts, strict=True))
                parts.append(part)
            else:
                parts.append(self._finish(part.filled(texts)))
        return Filled(tuple(parts), values, tuple(replaced))

    def text(self, filled: Filled, to: Addressee) -> str:
        """The whole text for one state, lines ended by LF, NUMBER_MARK for its number. Raises TooLong."""
        values = {
            **filled.values,
            "type": to.type,
            "copy": to.copy,
            "state": to.state,
            "also_sent_to": to.also_sent_to or "NONE",
            "refers_to": to.refers_to or "NONE",
        }
        body: list[str] = []
        for part in filled.parts:
            if isinstance(part, str):
                body.append(part)
            elif part.only is None or (to.testing if part.only == "test_stage" else to.type != "NEW"):
                body.append(self._finish(part.filled([values[field] for field in part.fields])))
        text = "\n".join(body) + "\n"
        if len(text) > self._most:
            raise TooLong(len(text))
        return self._niem(text, to) if self._terms.message_format == "niem" else self._legacy(text, to)

    def _finish(self, text: str) -> str:
        """The lines in capitals, each no longer than the rulebook allows."""
        text = text.upper()
        if len(text) <= self._width:
            return text
        lines = text.split("\n")
        if max(map(len, lines)) <= self._width:
            return text
        return "\n".join([piece for line in lines for piece in wrap(line, self._width)])

    def _legacy(self, body: str, to: Addressee) -> str:
        return f"{self._terms.message_key}.{self._terms.origin_ori}.{to.ori}.*{NUMBER_MARK}.TXT\n{body}"

    def _niem(self, body: str, to: Addressee) -> str:
        key = self._terms.message_key
        inside = body.replace("]]>", "]]]]><![CDATA[>")
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<n2:NLETS xmlns:n2="http://www.nlets.org/niem/1.0" xmlns:nh2="http://www.nlets.org/niem/nlets-hdr/1.0"'
            ' n2:version="4.00">\n'
            "<n2:NLETSMessageHeader>\n"
            f"<nh2:MessageKeyCodeText>{key}</nh2:MessageKeyCodeText>\n"
            f"<nh2:OriginatingORIID>{escape(self._terms.origin_ori)}</nh2:OriginatingORIID>\n"
            f"<nh2:DestinationORIID>{escape(to.ori)}</nh2:DestinationORIID>\n"
            f"<nh2:DocumentControlFieldText>{NUMBER_MARK}</nh2:DocumentControlFieldText>\n"
            "</n2:NLETSMessageHeader>\n"
            f'<n2:NLETSMailData n2:key="{key}">\n'
            f"<n2:MailMessageText><![CDATA[{inside}]]></n2:MailMessageText>\n"
            "</n2:NLETSMailData>\n"
            "</n2:NLETS>\n"
        )


def wire(text: str, format: str) -> bytes:
    """The bytes that go on the wire: legacy text with CR LF line ends, NIEM XML as it is."""
    return (text.replace("\n", "\r\n") if format == "legacy" else text).encode("ascii")


def _blocks(lines: tuple[TemplateLine, ...], *, late: bool, stated: bool) -> Iterator[Block]:
    """The blocks of a template for a release that is late or not and whose residence is stated or not.

    Neighbouring lines that are the same for every state told make one block.
    """
    shared: list[TemplateLine] = []
    for line in lines:
        if (line.only == "late" and not late) or (line.only == "residence_stated" and not stated):
            continue
        if line.only in _NOTICE_CONDITIONS or any(part[0] in _NOTICE_FIELDS for part in line.parts if isinstance(part, tuple)):
            if shared:
                yield _block(shared, None)
                shared = []
            yield _block([line], line.only if line.only in _NOTICE_CONDITIONS else None)
        else:
            shared.append(line)
    if shared:
        yield _block(shared, None)


def _fields_in(lines: tuple[TemplateLine, ...]) -> int:
    """How many fields of a release the lines tell."""
    return len({part[0] for line in lines for part in line.parts if isinstance(part, tuple)} - _NOTICE_FIELDS)


def _block(lines: Sequence[TemplateLine], only: str | None) -> Block:
    texts, fields = [""], []
    for place, line in enumerate(lines):
        texts[-1] += "\n" if place else ""
        for part in line.parts:
            if part == ("message_id",):
                texts[-1] += NUMBER_MARK
            elif isinstance(part, str):
                texts[-1] += part
            else:
                fields.append(part[0])
                texts += ["", ""]
    own = tuple(field for field in fields if field not in _NOTICE_FIELDS)
    return Block(texts=tuple(texts), fields=tuple(fields), only=only, own=own, find=tuple(FIELDS[field] for field in own))


def _fold_texts(fields: Sequence[str], texts: Sequence[str], replaced: list[str]) -> list[str]:
    """The texts folded; fields in which a character had to become `?` are added to `replaced`."""
    done = []
    for field, text in zip(fields, texts, strict=True):
        if text.isascii() and text.isprintable():
            done.append(text)
            continue
        folded, marked = fold(text)
        done.append(folded)
        if marked:
            replaced.append(field)
    return done


def residence_stated(release: Release) -> bool:
    """Whether any part of a residence is stated."""
    residence = release.residence
    if residence is None:
        return False
    return is_stated(residence.state) or any(map(is_stated, (residence.street, residence.city, residence.zip)))


def full_name(name: Name) -> str:
    """`LAST, FIRST MIDDLE SUFFIX`, with what is missing left out."""
    full = stated_or(name.last, NOT_AVAILABLE)
    join = ", "
    for part in (name.first, name.middle, name.suffix):
        if part and is_stated(part):
            full = f"{full}{join}{part}"
            join = " "
    return full


def _compact(day: str | None) -> str:
    return day.replace("-", "") if day else NOT_AVAILABLE


def _residence(release: Release) -> Residence:
    return release.residence or _NOWHERE


_NOWHERE = Residence(state=None)

FIELDS: Mapping[str, Callable[[Release], str]] = {
    "name": lambda release: full_name(release.subject.name),
    "sex": lambda release: stated_or(release.subject.sex, "U"),
    "race": lambda release: stated_or(release.subject.race, "U"),
    "date_of_birth": lambda release: _compact(release.subject.date_of_birth),
    "place_of_birth": lambda release: stated_or(release.subject.place_of_birth, "YY"),
    "fbi_number": lambda release: stated_or(release.subject.fbi_number, NOT_AVAILABLE),
    "release_date": lambda release: _compact(release.stay.released_at[:10]),
    "release_state": lambda release: release.stay.state,
    "street": lambda release: stated_or(_residence(release).street, NOT_STATED),
    "city": lambda release: stated_or(_residence(release).city, NOT_STATED),
    "residence_state": lambda release: stated_or(_residence(release).state, NOT_STATED),
    "zip": lambda release: stated_or(_residence(release).zip, NOT_STATED),
    "aliases": lambda release: "; ".join(map(full_name, release.subject.aliases)) or "NONE",
    "height": lambda release: stated_or(release.subject.height, "UNK"),
    "weight": lambda release: str(release.subject.weight or "UNK"),
    "eyes": lambda release: stated_or(release.subject.eyes, "UNK"),
    "hair": lambda release: stated_or(release.subject.hair, "UNK"),
    "state_id": lambda release: stated_or(release.subject.state_id, NOT_AVAILABLE),
    "alien_number": lambda release: _alien_number(release.subject.alien_number),
    "release_reason": lambda release: release.stay.reason,
}
"""How each release-wide field of `rulebook/reading/messages.py` is found; a test holds the two lists together."""


def _alien_number(text: str | None) -> str:
    """The A-number filled with zeros to nine digits."""
    return f"A{text.removeprefix('A').zfill(9)}" if text else NOT_AVAILABLE
