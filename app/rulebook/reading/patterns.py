"""The patterns of `matches`: read, said in words, and matched in a time that does not depend on how they are made.

A pattern is a row of parts, each a character or a class such as `[A-Z0-9]`, with how often: `{7}`, `{1,3}` or `?`. What regular
expressions would try one way after another (`A?A?A?…` takes them twice as long for each part) is tried here all at once: the
places of the text that a beginning of the pattern can reach are the bits of one number.
"""

import re
from collections import defaultdict
from typing import NamedTuple

_PIECE = re.compile(r"(\[[^\]]+\]|.)(?:\{([0-9]+)(?:,([0-9]+))?\}|(\?))?")
_MEMBER = re.compile(".-.|.")
LONGEST = 200
"""Characters of a pattern at the most."""
MOST_OPEN = 32
"""Parts of a pattern, at the most, whose count is left open."""


class Part(NamedTuple):
    """A part of a pattern: so many of these characters."""

    members: frozenset[str]
    least: int
    most: int


def parts_of(pattern: str) -> tuple[Part, ...] | str:
    """The parts of a pattern of the right form, or what is wrong with it, in words."""
    if len(pattern) > LONGEST:
        return f"it has over {LONGEST} characters"
    found = []
    for unit, least, most, maybe in _PIECE.findall(pattern):
        members = _members(unit[1:-1]) if unit.startswith("[") else frozenset(unit)
        if members is None:
            return f"the range in `{unit}` ends before it begins"
        first = 0 if maybe else int(least or 1)
        last = int(most) if most else max(first, 1 if maybe else first)
        if last < first:
            return f"`{{{least},{most}}}` ends before it begins"
        found.append(Part(members, first, last))
    if sum(part.least != part.most for part in found) > MOST_OPEN:
        return f"it leaves the count of over {MOST_OPEN} parts open"
    return tuple(found)


def _members(text: str) -> frozenset[str] | None:
    """The characters of a class; None where a range in it is none. A hyphen at the end or the beginning stands for itself."""
    found: set[str] = set()
    for member in _MEMBER.findall(text):
        first, last = ord(member[0]), ord(member[-1])
        if last < first:
            return None
        found.update(map(chr, range(first, last + 1)))
    return frozenset(found)


def fits(pattern: str, text: str) -> bool:
    """Whether the whole text is as a pattern says, which must be one that `parts_of` reads."""
    parts = parts_of(pattern)
    assert isinstance(parts, tuple), parts  # noqa: S101 - refused when it was read
    if not sum(part.least for part in parts) <= len(text) <= sum(part.most for part in parts):
        return False
    places: dict[str, int] = defaultdict(int)
    for place, char in enumerate(text):
        places[char] |= 1 << place
    reached = 1
    for part in parts:
        here = 0
        for char, bits in places.items():
            if char in part.members:
                here |= bits
        reached = _up_to(_exactly(reached, here, part.least), here, part.most - part.least)
        if not reached:
            return False
    return bool(reached >> len(text) & 1)


def _exactly(reached: int, here: int, count: int) -> int:
    """The places after `count` more characters, each at a place of `here`."""
    step = 1
    while count:
        if count & 1:
            reached = (reached & here) << step
        here &= here >> step  # from now on: places at which twice as many characters fit in a row
        step, count = step * 2, count >> 1
    return reached


def _up_to(reached: int, here: int, count: int) -> int:
    """The places after none to `count` more characters: any such number is a sum of 1, 2, 4, … and the rest."""
    step = 1
    while count:
        taken = min(step, count)
        reached |= _exactly(reached, here, taken)
        step, count = step * 2, count - taken
    return reached


def in_words(pattern: str) -> str:
    """What a text must be that fits a simple pattern.

    >>> in_words("[A-Z]{2}[A-Z0-9]{7}")
    '2 of A-Z, then 7 of A-Z or 0-9'
    """
    return ", then ".join(_piece(*match.groups()) for match in _PIECE.finditer(pattern))


def length(pattern: str) -> int | None:
    """How many characters fit a simple pattern, or None where that may differ."""
    pieces = _PIECE.findall(pattern)
    if any(most or maybe for _, _, most, maybe in pieces):
        return None
    return sum(int(count or 1) for _, count, _, _ in pieces)


def _piece(unit: str, least: str | None, most: str | None, maybe: str | None) -> str:
    one = f"`{unit}`"
    if unit.startswith("["):
        one = " or ".join("a blank" if member == " " else member for member in _MEMBER.findall(unit[1:-1]))
    if maybe is not None:
        return f"perhaps one {one}"
    if most is not None:
        return f"{least} to {most} of {one}"
    return f"{least} of {one}" if least is not None else one
