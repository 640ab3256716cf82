"""Values of a release that a reader of the notice could take for a line of it, or for an order: `OFFENSE/MURDER`, `WARRANT ACTIVE`.

Who stated an address can write anything into it, and the notice prints it. Looked at is what is printed, after folding: a value that
begins like a heading, one with a heading of the rulebook's own messages in it, and one with a word of its `watch_words`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from app.decide.folding import fold
from app.domain.decision import Caution
from app.domain.release import Name, Release, Residence
from app.rulebook.language.model import Messages

INSTRUCTION = Caution(
    "looks-like-an-instruction",
    "a stated value would read in the notice like a line of it, or like an order; a person must look at it",
)

_WORD_WITH_LOST_LETTERS = re.compile("[A-Z0-9?*]+")
_JOINTS = (
    re.compile(r"(?<=[A-Z0-9@$!+])[^A-Z0-9@$!+?\s]+(?=[A-Z0-9@$!+])"),
    re.compile(r"(?<=[A-Z0-9])[^A-Z0-9?\s]+(?=[A-Z0-9])"),
)
"""Signs within a word, which a reader overlooks: with @ $ ! + as letters, and without."""
_SPACED = (re.compile("[A-Z0-9@$!+]+"), re.compile("[A-Z0-9]+"))
_LOOKALIKES = {
    "A": "[A4@]",
    "B": "[B8]",
    "E": "[E3]",
    "G": "[G69]",
    "I": "[I1L!]",
    "L": "[L1I!]",
    "M": "(?:M|RN)",
    "O": "[O0]",
    "S": "[S5$]",
    "T": "[T7+]",
    "U": "[UV]",
    "W": "(?:W|VV)",
    "Z": "[Z2]",
    " ": "[^A-Z0-9]*",
}
"""What a reader takes for a letter, or for the space in a phrase."""
_ONE_LETTER_FOR_ALIKE = bytes.maketrans(
    b"abcdefghijklmnopqrstuvwxyz" + b"483691L057V2",
    b"ABCDEFGHIJKIMNOPQRSTUUWXYZ" + b"ABEGGIIOSTUZ",
)
_OVERLOOKED = bytes(sign for sign in range(128) if not chr(sign).isalnum() and chr(sign) not in "@$!+?*")
_READ_IN_TWO_WAYS = re.compile("[MW]")  # as one letter, and as RN or VV
_LONG_ENOUGH = 5
# Words of addresses that a slash may follow at the beginning of a value (APT/2, HWY/66): no heading, unless the rulebook's own.
_ADDRESS_WORDS = (
    "APT|APARTMENT|STE|SUITE|UNIT|BLDG|BUILDING|LOT|RM|ROOM|FL|FLOOR|FLR|FT|FORT|HWY|HIGHWAY|RTE|ROUTE|SPC|SPACE|TRLR|PMB|DEPT"
)
_BEGINS_LIKE_HEADING = re.compile(rf"^[^A-Z0-9?]*(?!(?:{_ADDRESS_WORDS}) */)[A-Z?]{{3,}} */", re.MULTILINE)  # not C/O, nor N/A
_OWN_HEADING = re.compile("[A-Z]+(?: [A-Z]+)*(?=/)")


class Instructions:
    """Looks for them in releases, under one rulebook's messages. Holds no state: safe to share between threads."""

    def __init__(self, messages: Messages) -> None:
        lines = [line for template in messages.templates.values() for line in template.lines]
        literals = [part.upper() for line in lines for part in line.parts if isinstance(part, str)]
        printed = {part[0] for line in lines for part in line.parts if isinstance(part, tuple)}
        self._values = tuple(find for field, find in _VALUES.items() if field in printed)
        headings = sorted({heading for text in literals for heading in _OWN_HEADING.findall(text)})
        self._heading = re.compile(rf"(?<![A-Z0-9])(?:{'|'.join(headings)}) */") if headings else None
        self._words = tuple(word for word in messages.watch_words if " " not in word)
        looks = _one_of(map(_looks_of, messages.watch_words))
        self._watched = re.compile(f"(?<![A-Z]){looks}(?![A-Z])") if looks else None
        self._within = re.compile(looks) if looks else None
        self._hint = re.compile(_one_of(map(_hint_of, messages.watch_words)).encode())

    def found(self, release: Release) -> bool:
        """Whether there is one in anything that a notice would print of this release."""
        values: list[str] = []
        for find in self._values:
            values.extend(filter(None, find(release)))
        text = "\n".join(values)
        if not text.isascii():
            values = [fold(value)[0] for value in values]
            text = "\n".join(values)
        if "/" in text and self._reads_like_heading(text.upper()):
            return True
        return self._watched is not None and self._may_have_word(text) and self._has_word(text.upper())

    def _reads_like_heading(self, text: str) -> bool:
        own = self._heading is not None and self._heading.search(text) is not None
        return own or _BEGINS_LIKE_HEADING.search(text) is not None

    def _may_have_word(self, text: str) -> bool:
        """A quick look at the letters alone, which rules out nearly every release: without what a reader overlooks, and with one
        letter for all that look alike. What has signs that are letters to one reader and none to another is always looked at.
        """
        letters = text.encode().translate(_ONE_LETTER_FOR_ALIKE, _OVERLOOKED)
        return not letters.isalnum() or self._hint.search(letters) is not None

    def _has_word(self, text: str) -> bool:
        """Whether there is a watched word or phrase, also in a disguise that no name has by chance: other signs for letters or
        between them, letters set apart, digits at its ends, letters lost in folding. A phrase may go from one value to the next.
        """
        if _is_found(self._watched, text):
            return True
        if text.replace(" ", "").replace("\n", "").isalnum():
            return any(_is_found(self._within, letters) for letters in _set_apart(text))
        for joint in _JOINTS:
            joined = joint.sub("", text)
            if joined != text and _is_found(self._watched, joined):
                return True
        if any(_is_found(self._within, letters) for letters in _set_apart(text)):
            return True
        return ("?" in text or "*" in text) and self._may_have_lost_letters(text)

    def _may_have_lost_letters(self, text: str) -> bool:
        words = [word.replace("*", "?") for word in _WORD_WITH_LOST_LETTERS.findall(text)]
        marked = [word for word in words if "?" in word and word.count("?") * 2 <= len(word)]
        return any(True for word in marked for _ in self._alike(word))

    def _alike(self, word: str) -> Iterable[str]:
        """The watched words that a word with letters lost (`?`) may have been."""
        for watched in self._words:
            if len(watched) == len(word) and all(a in ("?", b) for a, b in zip(word, watched, strict=True)):
                yield watched


def _looks_of(watched: str) -> tuple[str, ...]:
    """Patterns of what a reader takes for a word or phrase, letter by letter. A letter doubled is a name: RAPPE is not RAPE."""
    return tuple(_LOOKALIKES.get(letter, letter) for letter in " ".join(watched.split()))


def _hint_of(watched: str) -> str:
    """The longest part of a word or phrase that any disguise of it has, when read as the quick look reads."""
    letters = watched.encode().translate(_ONE_LETTER_FOR_ALIKE, _OVERLOOKED).decode()
    return max(_READ_IN_TWO_WAYS.split(letters), key=len)


def _one_of(looks: Iterable[Sequence[str]]) -> str:
    """A pattern of any of these. What they begin with in common is looked at once, since there are many of them."""
    rests: dict[str, list[Sequence[str]]] = {}
    may_end = False
    for look in looks:
        if look:
            rests.setdefault(look[0], []).append(look[1:])
        else:
            may_end = True
    either = "|".join(first + _one_of(rest) for first, rest in rests.items())
    return f"(?:{either}){'?' if may_end else ''}" if either else ""


def _is_found(pattern: re.Pattern[str] | None, text: str) -> bool:
    """Whether a pattern of words is in a text; what is all digits but for a letter or so is a number, such as that of a house."""
    return pattern is not None and any(_reads_as_word(found[0]) for found in pattern.finditer(text))


def _reads_as_word(found: str) -> bool:
    letters = sum(map(str.isalpha, found))
    return letters > 1 or (letters == 1 and len(found) >= _LONG_ENOUGH)


def _set_apart(text: str) -> Iterator[str]:
    """Letters that stand by themselves one after another, joined: `W A R R A N T`, `W.A.R.R.A.N.T`."""
    for word in _SPACED:
        letters = ""
        for each in (*word.findall(text), "  "):
            if len(each) == 1:
                letters += each
                continue
            if len(letters) > 1:
                yield letters
            letters = ""


def _parts(name: Name) -> tuple[str | None, ...]:
    return (name.last, name.first, name.middle, name.suffix)


def _of_residence(pick: Callable[[Residence], str | None]) -> Callable[[Release], tuple[str | None, ...]]:
    return lambda release: () if release.residence is None else (pick(release.residence),)


_VALUES: Mapping[str, Callable[[Release], Iterable[str | None]]] = {
    "name": lambda release: _parts(release.subject.name),
    "aliases": lambda release: [part for alias in release.subject.aliases for part in _parts(alias)],
    "sex": lambda release: (release.subject.sex,),
    "race": lambda release: (release.subject.race,),
    "place_of_birth": lambda release: (release.subject.place_of_birth,),
    "eyes": lambda release: (release.subject.eyes,),
    "hair": lambda release: (release.subject.hair,),
    "fbi_number": lambda release: (release.subject.fbi_number,),
    "state_id": lambda release: (release.subject.state_id,),
    "release_reason": lambda release: (release.stay.reason,),
    "street": _of_residence(lambda residence: residence.street),
    "city": _of_residence(lambda residence: residence.city),
}
"""The fields of a message that print what others stated, but for those whose form leaves no room for a word. Street before city, as
they are printed.
"""
