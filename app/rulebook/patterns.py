"""The patterns of `matches`, in words: policy staff need not read regular expressions."""

import re

_PIECE = re.compile(r"(\[[^\]]+\]|.)(?:\{([0-9]+)(?:,([0-9]+))?\}|(\?))?")
_MEMBER = re.compile(".-.|.")


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
