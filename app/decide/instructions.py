"""Values of a release that a reader of the notice could take for a line of it, or for an order: `OFFENSE/MURDER`, `WARRANT ACTIVE`.

Who stated an address can write anything into it, and the notice prints it. Looked at is what is printed, after folding: a value that
begins like a heading, one with a heading of the rulebook's own messages in it, and one with a word of its `watch_words`.
"""

import re
from collections.abc import Callable, Iterable, Mapping

from app.decide.folding import fold
from app.domain.decision import Caution
from app.domain.release import Name, Release, Residence
from app.rulebook.language.model import Messages

INSTRUCTION = Caution(
    "looks-like-an-instruction",
    "a stated value would read in the notice like a line of it, or like an order; a person must look at it",
)

_WORD = re.compile("[A-Z0-9]+")
_WORD_WITH_LOST_LETTERS = re.compile("[A-Z0-9?]+")
_JOINT = re.compile("[-.'_*]")
_JOINT_IN_WORD = re.compile(r"(?<=[A-Z])[-.'_*]+(?=[A-Z])")
# Words of addresses that a slash may follow at the beginning of a value (APT/2, HWY/66): no heading, unless the rulebook's own.
_ADDRESS_WORDS = (
    "APT|APARTMENT|STE|SUITE|UNIT|BLDG|BUILDING|LOT|RM|ROOM|FL|FLOOR|FLR|FT|FORT|HWY|HIGHWAY|RTE|ROUTE|SPC|SPACE|TRLR|PMB|DEPT"
)
_BEGINS_LIKE_HEADING = re.compile(rf"^[^A-Z0-9?]*(?!(?:{_ADDRESS_WORDS}) */)[A-Z?]{{3,}} */", re.MULTILINE)  # not C/O, nor N/A
_OWN_HEADING = re.compile("[A-Z]+(?: [A-Z]+)*(?=/)")
_DIGITS_AS_LETTERS = str.maketrans("0134578", "OIEASTB")


class Instructions:
    """Looks for them in releases, under one rulebook's messages. Holds no state: safe to share between threads."""

    def __init__(self, messages: Messages) -> None:
        lines = [line for template in messages.templates.values() for line in template.lines]
        literals = [part.upper() for line in lines for part in line.parts if isinstance(part, str)]
        printed = {part[0] for line in lines for part in line.parts if isinstance(part, tuple)}
        self._values = tuple(find for field, find in _VALUES.items() if field in printed)
        headings = sorted({heading for text in literals for heading in _OWN_HEADING.findall(text)})
        self._heading = re.compile(rf"(?<![A-Z0-9])(?:{'|'.join(headings)}) */") if headings else None
        self._words = frozenset(word for word in messages.watch_words if " " not in word)
        phrases = [phrase for phrase in messages.watch_words if " " in phrase]
        self._phrases = tuple(f" {phrase} " for phrase in phrases)
        self._begin_phrases = frozenset(phrase.partition(" ")[0] for phrase in phrases)
        self._lengths = frozenset(map(len, self._words))

    def found(self, release: Release) -> bool:
        """Whether there is one in anything that a notice would print of this release."""
        values: list[str] = []
        for find in self._values:
            values.extend(filter(None, find(release)))
        text = "\n".join(values)
        if not text.isascii():
            values = [fold(value)[0] for value in values]
            text = "\n".join(values)
        text = text.upper()
        if "/" in text and self._reads_like_heading(text):
            return True
        return self._has_word(text)

    def _reads_like_heading(self, text: str) -> bool:
        own = self._heading is not None and self._heading.search(text) is not None
        return own or _BEGINS_LIKE_HEADING.search(text) is not None

    def _has_word(self, text: str) -> bool:
        words = _WORD.findall(text)
        if not self._words.isdisjoint(words):
            return True
        if not self._begin_phrases.isdisjoint(words) and self._has_phrase(words):
            return True
        return not self._words.isdisjoint(self._disguised(text, words))

    def _has_phrase(self, words: Iterable[str]) -> bool:
        """Whether words follow each other as in a phrase, also from one value to the next: they are printed one after the other."""
        line = f" {' '.join(words)} "
        return any(phrase in line for phrase in self._phrases)

    def _disguised(self, text: str, words: list[str]) -> list[str]:
        """Words as a reader sees them through a disguise: letters set apart, digits for letters, letters lost in folding."""
        found = []
        letters = ""
        for word in words:
            if len(word) == 1:
                letters += word
                continue
            if letters:
                found.append(letters)
                letters = ""
            if not word.isalpha() and len(word) in self._lengths and not word.isdecimal():
                found.append(word.translate(_DIGITS_AS_LETTERS))
        found.append(letters)
        if _JOINT.search(text):
            found += _WORD.findall(_JOINT_IN_WORD.sub("", text))
        if "?" in text:
            for word in _WORD_WITH_LOST_LETTERS.findall(text):
                if "?" in word and word.count("?") * 2 <= len(word):
                    found += self._alike(word)
        return found

    def _alike(self, word: str) -> Iterable[str]:
        """The watched words that a word with letters lost (`?`) may have been."""
        for watched in self._words:
            if len(watched) == len(word) and all(a in ("?", b) for a, b in zip(word, watched, strict=True)):
                yield watched


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
