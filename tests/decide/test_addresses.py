import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.decide.addresses import Addresses, normal_form
from app.domain.release import Residence

KEY = b"k" * 32


def home(street: str | None = "100 Main St", **other: str) -> Residence:
    """An invented address."""
    return Residence(**{"state": "TX", "street": street, "city": "El Paso", "zip": "79901"} | other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (home("100 Main Street, Apt. 2"), home("100 MAIN ST #2")),
        (home("100 main st unit 2"), home("  100  Main   St Apt 2 ")),
        (home(zip="79901-1234"), home(zip="79901", city="EL PASO, TEXAS")),
        (home("7 North Oak Avenue"), home("7 N. Oak Ave")),
        (home("7 Peña Rd"), home("7 PENA ROAD")),
        (Residence("TX", "1 A St", "El Paso"), Residence("TX", "1 A ST.", "EL PASO")),
    ],
)
def test_one_address_written_in_two_ways(one: Residence, other: Residence) -> None:
    """Case, accents, punctuation, the usual short words and the words for a unit make no difference."""
    assert normal_form(one) == normal_form(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (home(), home("101 Main St")),
        (home(), home("100 Main St 2")),
        (home(), home(zip="79902")),
        (Residence("TX", "1 A St", "El Paso"), Residence("NM", "1 A St", "El Paso")),
    ],
)
def test_different_addresses(one: Residence, other: Residence) -> None:
    """Another number, unit, ZIP code or state is another address."""
    assert normal_form(one) != normal_form(other)


@pytest.mark.parametrize("residence", [None, home(None), home(" "), home("..."), home("#"), home("\u0416\u0416")])
def test_where_no_street_is_stated_there_is_nothing_to_count(residence: Residence | None) -> None:
    """Blank, punctuation only, and letters that have no ASCII form: all such would count as one address."""
    assert Addresses(KEY, 25).mark(residence) is None


def test_a_digest_tells_nothing_without_the_key() -> None:
    """The same address has the same digest under the same key, another under another."""
    mark = Addresses(KEY, 25).mark(home())
    assert mark is not None
    assert mark.limit == 25
    assert mark == Addresses(KEY, 25).mark(home("100 MAIN STREET"))
    assert mark != Addresses(b"other", 25).mark(home())


@given(st.text(), st.text(), st.text())
def test_any_text_can_be_marked(street: str, city: str, zip_code: str) -> None:
    """Whatever people type, it is an address or none, and writing it in capitals changes nothing that is ASCII."""
    mark = Addresses(KEY, 1).mark(home(street, city=city, zip=zip_code))
    assert mark is None or -(2**63) <= mark.digest < 2**63
    if (street + city + zip_code).isascii():
        assert mark == Addresses(KEY, 1).mark(home(street.upper(), city=city.lower(), zip=zip_code))
