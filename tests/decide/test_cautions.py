from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given

from app.decide.cautions import cautions
from app.decide.compose import Composer
from app.decide.terms import Terms
from app.domain.release import Release
from tests.domain.releases import RELEASES, Document, release_document
from tests.rulebook.shipped import shipped

CODES = shipped().content.codes


def release(
    subject: Mapping[str, Any] | None = None, residence: Mapping[str, Any] | None = None, facility: str | None = None
) -> Release:
    """The usual release with some fields replaced."""
    document = release_document()
    document["subject"] |= subject or {}
    document["residence"] |= residence or {}
    document["stay"]["facility"] = facility
    return msgspec.convert(document, Release)


def told(found: Release) -> list[str]:
    """The codes of the cautions about a release."""
    return [caution.code for caution in cautions(found, CODES)]


def test_nothing_to_say() -> None:
    """A usual release leads to no caution."""
    assert told(release()) == []


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("12345678A", None),
        ("12345678C", "fbi-number-check-digit"),
        ("A1B2C3", "fbi-number-form"),
        (None, "fbi-number-missing"),
        ("1234567", None),
    ],
)
def test_the_fbi_number(number: str | None, code: str | None) -> None:
    """A missing number, a wrong check digit and an unknown form are told; an old form is fine."""
    assert told(release({"fbi_number": number})) == ([code] if code else [])


@pytest.mark.parametrize(
    ("street", "facility", "code"),
    [
        ("100 Main St Apt 2", None, None),
        ("100 Main St #2", None, None),
        ("100 Main St, Unit B", None, None),
        ("P.O. Box 7", None, None),
        ("100 Main St", None, "address-no-unit"),
        ("12 Suites Rd", None, "address-no-unit"),
        ("", None, "address-blank"),
        ("  ", None, "address-blank"),
        (None, None, "address-blank"),
        ("1705 E Hanna Rd, Eloy Federal Contract Facility", "Eloy Federal Contract Facility", "address-facility"),
        ("El Paso Processing Center", None, "address-facility"),
        ("County Jail, Unit 4", None, "address-facility"),
        ("100 Main St Apt 2", "  ", None),
    ],
)
def test_the_address(street: str | None, facility: str | None, code: str | None) -> None:
    """A blank street, one without a unit and one that is a place of detention are told, one thing at a time."""
    assert told(release(residence={"street": street}, facility=facility)) == ([code] if code else [])


def test_no_residence_at_all() -> None:
    """A residence that is not stated is a blank address."""
    document = release_document(residence=None)
    assert told(msgspec.convert(document, Release)) == ["address-blank"]


def test_a_long_name() -> None:
    """A name of more characters than the NCIC field holds is told; one that just fits is not."""
    assert told(release({"name": {"last": "A" * 14, "first": "B" * 14}})) == []
    assert told(release({"name": {"last": "A" * 14, "first": "B" * 15}})) == ["name-long"]


@pytest.mark.parametrize("field", ["sex", "race", "eyes", "hair", "place_of_birth"])
def test_a_code_that_is_not_ncics(field: str) -> None:
    """A descriptive code that NCIC's table lacks is told under the field's name."""
    assert told(release({field: "??"})) == [f"unknown-{field.replace('_', '-')}"]


def test_no_caution_repeats_a_value() -> None:
    """The words of a caution depend on its code alone, so they can be kept and shown whoever is concerned."""
    words: dict[str, str] = {}

    @given(RELEASES)
    def look(document: Document) -> None:
        for caution in cautions(msgspec.convert(document, Release, strict=False), CODES):
            assert words.setdefault(caution.code, caution.message) == caution.message

    look()
    assert len(words) > 5


def test_a_composer_knows_all_fields() -> None:
    """Each message of the shipped rulebook can be filled for a usual release."""
    composer = Composer(shipped().content.messages, Terms())
    for name in shipped().content.messages.templates:
        assert composer.fill(name, release(), late=False).replaced == ()
