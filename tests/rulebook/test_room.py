"""How long notices can be, as `lens check` counts it and as they are composed."""

import msgspec

from app.decide.compose import FIELDS as COMPOSED
from app.domain.release import Release
from app.rulebook.proving.room import WIDTHS
from app.rulebook.reading.messages import FIELDS
from tests.domain.releases import release_document


def test_every_field_of_a_message_has_its_widths() -> None:
    """The fewest and most characters of each."""
    assert WIDTHS.keys() == FIELDS.keys()
    assert all(least <= most for least, most in WIDTHS.values())


def test_what_is_composed_keeps_to_the_widths() -> None:
    """Of a release whose values are as long as the schema allows, and of one that states as little as it may."""
    longest = release_document()
    name = {"last": "L" * 60, "first": "F" * 60, "middle": "M" * 60, "suffix": "S" * 10}
    longest["subject"] |= {"name": name, "aliases": [name] * 20, "fbi_number": None, "state_id": None, "alien_number": None}
    longest["residence"] |= {"street": "S" * 120, "city": "C" * 60, "zip": "12345-6789"}
    for document in (longest, release_document()):
        release = msgspec.convert(document, Release)
        for field, find in COMPOSED.items():
            least, most = WIDTHS[field]
            assert least <= len(find(release)) <= most, (field, find(release))
