"""What a person may want to look at in a release. None of it changes the decision, and no message repeats a personal value."""

import re

from app.decide.compose import full_name
from app.decide.folding import is_stated
from app.domain.decision import Caution
from app.domain.identifiers import ucn_problem
from app.domain.release import Name, Release, Residence
from app.rulebook.language.model import CodeTables

NAME_FIELD = 30
"""Characters of the NCIC name field; a longer name may be cut by a receiving system."""

_JOINTS = 4
"""Characters between the parts of a name at the most: a comma and three blanks."""
_FACILITY_NAME = 4
"""Characters of a facility's name at the least, for it to be looked for in a street."""

_WORD = re.compile("[A-Z]+")
_UNITS = frozenset(
    ["APT", "APARTMENT", "UNIT", "STE", "SUITE", "RM", "ROOM", "LOT", "SPACE", "FL", "FLOOR", "TRLR", "BLDG", "BOX"]
)
_FACILITIES = frozenset(["DETENTION", "CORRECTION", "CORRECTIONS", "CORRECTIONAL", "JAIL", "PRISON", "SPC"])
_FACILITY_PAIRS = (("ICE", "FACILITY"), ("PROCESSING", "CENTER"), ("PROCESSING", "CTR"))


def cautions(release: Release, codes: CodeTables) -> list[Caution]:
    """Every caution about a release but those found with its facts."""
    subject = release.subject
    found = []
    if subject.fbi_number is None:
        found.append(_UCN_MISSING)
    elif (problem := ucn_problem(subject.fbi_number)) is not None:
        found.append(_UCN_CHECK_DIGIT if problem == "check-digit" else _UCN_FORM)
    address = _address(release.residence, release.stay.facility)
    if address is not None:
        found.append(address)
    if not is_stated(subject.name.last):
        found.append(_NAME_BLANK)
    if _is_long(subject.name):
        found.append(_NAME_LONG)
    for field, known in codes.codes.items():
        code = getattr(subject, field)
        if code and code not in known:
            found.append(
                Caution(
                    f"unknown-{field.replace('_', '-')}", f"the code for {field.replace('_', ' ')} is not in the NCIC table"
                )
            )
    return found


def _address(residence: Residence | None, facility: str | None) -> Caution | None:
    street = residence.street if residence is not None else None
    if street is None or not is_stated(street):
        return _ADDRESS_BLANK
    upper = street.upper()
    words = _WORD.findall(upper)
    if not _FACILITIES.isdisjoint(words) or _names_facility(upper, words, facility):
        return _ADDRESS_FACILITY
    return _ADDRESS_NO_UNIT if _UNITS.isdisjoint(words) and "#" not in upper else None


def _names_facility(street: str, words: list[str], facility: str | None) -> bool:
    """Whether a street (in capitals) names a detention facility in two words, or the very one the person was released from."""
    if facility and len(own := facility.strip().upper()) >= _FACILITY_NAME and own in street:
        return True
    return any(first in words and second in words for first, second in _FACILITY_PAIRS)


def _is_long(name: Name) -> bool:
    """Whether a name is longer than its field; looked at closely only where it may be."""
    parts = len(name.last) + len(name.first or "") + len(name.middle or "") + len(name.suffix or "")
    return parts > NAME_FIELD - _JOINTS and len(full_name(name)) > NAME_FIELD


_UCN_MISSING = Caution("fbi-number-missing", "no FBI number is given; the notice says NOT AVAILABLE")
_UCN_CHECK_DIGIT = Caution("fbi-number-check-digit", "the check digit of the FBI number is wrong; compare it with the record")
_UCN_FORM = Caution("fbi-number-form", "the FBI number has no form that is known; compare it with the record")
_ADDRESS_BLANK = Caution("address-blank", "no street of residence is stated")
_ADDRESS_FACILITY = Caution("address-facility", "the residence looks like a detention facility")
_ADDRESS_NO_UNIT = Caution("address-no-unit", "the residence names no apartment or unit; it may be needed")
_NAME_BLANK = Caution("name-blank", "the last name has nothing that can be sent; the notice says NOT AVAILABLE")
_NAME_LONG = Caution("name-long", f"the name is longer than the {NAME_FIELD} characters of the NCIC name field")
