"""Telling addresses of residence from one another without keeping them: each becomes a keyed digest of its normal form.

The same address is written in many ways; the normal form takes the usual ones together. It is for counting only, never sent.
"""

import hashlib
import re
from functools import cache
from typing import NamedTuple

from app.decide.folding import fold, is_stated
from app.domain.decision import Caution
from app.domain.release import Residence

_WORD = re.compile("[A-Z0-9]+")
_UNITS = frozenset(["APT", "APARTMENT", "UNIT", "STE", "SUITE", "RM", "ROOM", "NO"])
_SHORT = {
    "ALLEY": "ALY",
    "AV": "AVE",
    "AVENUE": "AVE",
    "BOULEVARD": "BLVD",
    "CIRCLE": "CIR",
    "COURT": "CT",
    "DRIVE": "DR",
    "EAST": "E",
    "HIGHWAY": "HWY",
    "LANE": "LN",
    "NORTH": "N",
    "PARKWAY": "PKWY",
    "PLACE": "PL",
    "ROAD": "RD",
    "SOUTH": "S",
    "SQUARE": "SQ",
    "STREET": "ST",
    "TERRACE": "TER",
    "TRAIL": "TRL",
    "WEST": "W",
}


class Mark(NamedTuple):
    """An address as it may be counted: its `digest` (64 bits, signed), and on how many releases it may stand without a warning."""

    digest: int
    limit: int


class Addresses:
    """Marks addresses. `key` is the store's own, so that digests tell nothing without it; `limit` as `Mark` has it."""

    def __init__(self, key: bytes, limit: int) -> None:
        self._key = key
        self._limit = limit

    def mark(self, residence: Residence | None) -> Mark | None:
        """The mark of an address; None where no street is stated."""
        normal = normal_form(residence)
        if normal is None:
            return None
        digest = hashlib.blake2b(normal.encode(), digest_size=8, key=self._key).digest()
        return Mark(int.from_bytes(digest, signed=True), self._limit)


def normal_form(residence: Residence | None) -> str | None:
    """An address in capitals, without punctuation and words for a unit, its usual words shortened; None without a street.

    With a ZIP code, its five digits stand for city and state.

    >>> normal_form(Residence("TX", "100 Main Street, Apt. 2", "El Paso", "79901-1234"))
    '100 MAIN ST 2/79901'
    """
    if residence is None or not is_stated(residence.street):
        return None
    words = [_SHORT.get(word, word) for word in _words(residence.street) if word not in _UNITS]
    zip_code = _words(residence.zip)
    place = [zip_code[0]] if zip_code else [*_words(residence.city), *_words(residence.state), *_words(residence.country)]
    return f"{' '.join(words)}/{' '.join(place)}" if words else None


def _words(text: str | None) -> list[str]:
    return _WORD.findall(fold(text)[0]) if text else []


@cache
def over_used(limit: int) -> Caution:
    """What is said of an address on more releases than that."""
    return Caution("address-over-used", f"more than {limit} releases state this residence; it may be nobody's home")
