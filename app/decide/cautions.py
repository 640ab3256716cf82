"""What a person may want to look at in a release. None of it changes the decision, and no message repeats a personal value."""

import re
from collections.abc import Iterator

from app.decide.compose import full_name
from app.domain.decision import Caution
from app.domain.identifiers import ucn_problem
from app.domain.release import Release, Residence
from app.rulebook.model import CodeTables

NAME_FIELD = 30
"""Characters of the NCIC name field; a longer name may be cut by a receiving system."""

_UNIT = re.compile(r"\b(APT|APARTMENT|UNIT|STE|SUITE|RM|ROOM|LOT|SPC|SPACE|FL|FLOOR|TRLR|BLDG)\b|#", re.IGNORECASE)
_FACILITY = re.compile(r"\b(DETENTION|PROCESSING|CORRECTION\w*|JAIL|PRISON|SPC|ICE FACILITY|SERVICE PROCESSING)\b", re.IGNORECASE)
_BOX = re.compile(r"\bP\.?\s*O\.?\s*BOX\b", re.IGNORECASE)


def cautions(release: Release, codes: CodeTables) -> Iterator[Caution]:
    """Every caution about a release but those found with its facts."""
    yield from _fbi_number(release.subject.fbi_number)
    yield from _address(release.residence, release.stay.facility)
    if len(full_name(release.subject.name)) > NAME_FIELD:
        yield Caution("name-long", f"the name is longer than the {NAME_FIELD} characters of the NCIC name field")
    for field, known in codes.codes.items():
        found = getattr(release.subject, field)
        if found and found not in known:
            yield Caution(f"unknown-{field.replace('_', '-')}", f"the code for {field.replace('_', ' ')} is not in the NCIC table")


def _fbi_number(ucn: str | None) -> Iterator[Caution]:
    if ucn is None:
        yield Caution("fbi-number-missing", "no FBI number is given; the notice says NOT AVAILABLE")
        return
    problem = ucn_problem(ucn)
    if problem == "check-digit":
        yield Caution("fbi-number-check-digit", "the check digit of the FBI number is wrong; compare it with the record")
    elif problem == "form":
        yield Caution("fbi-number-form", "the FBI number has no form that is known; compare it with the record")


def _address(residence: Residence | None, facility: str | None) -> Iterator[Caution]:
    street = residence.street if residence is not None else None
    if residence is None or not street or street.isspace():
        yield Caution("address-blank", "no street of residence is stated")
        return
    if _FACILITY.search(street) or (facility and facility.strip() and facility.casefold() in street.casefold()):
        yield Caution("address-facility", "the residence looks like a detention facility")
    elif not _UNIT.search(street) and not _BOX.search(street):
        yield Caution("address-no-unit", "the residence names no apartment or unit; it may be needed")
