"""Watched words in disguise are found, and the streets that people live in are not."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.decide.instructions import Instructions
from app.domain.release import Release
from tests.domain.releases import release_document
from tests.rulebook.shipped import shipped

WATCH = Instructions(shipped().content.messages)
WORDS = sorted(shipped().content.messages.watch_words)
LOOKALIKES = {
    "A": "4@",
    "B": "8",
    "E": "3",
    "G": "69",
    "I": "1!L",
    "L": "1I!",
    "O": "0",
    "S": "5$",
    "T": "7",
    "U": "V",
    "Z": "2",
}
BIGRAMS = {"W": "VV", "M": "RN"}


def found(street: str) -> bool:
    """Whether a release with this street is looked at."""
    document = release_document()
    document["residence"]["street"] = street
    return WATCH.found(msgspec.convert(document, Release))


@pytest.mark.parametrize(
    "street",
    [
        "W@RRANT",
        "VVARRANT",
        "WARRANT1",
        "1WARRANT2",
        "12 W.A.R.R.A.N.T",
        "N W A R R A N T",
        "W-A-R-R-A-N-T 5",
        "W @ R R A N T",
        "w4rr4nt",
        "WARRRANT",
        "WWAARRRRAANNTT",
        "WAR/RANT",
        "WAR.RANT",
        "W|A|R|R|A|N|T",
        "W+A+R+R+A+N+T",
        "ARRE$T",
        "ARREST!",
        "**ARREST**",
        "5H00T",
        "ARMED  &  DANGEROUS",
        "ARM3D 4ND HIDING",
        "D O N O T R E L E A S E",
        "ON-SIGHT",
        "RNURDER",
        "FE1ONY",
        "W*RRANT",
    ],
)
def test_a_disguise_is_seen_through(street: str) -> None:
    """Signs for letters, signs between letters, letters set apart or doubled, digits at the ends."""
    assert found(street)


@st.composite
def disguised(draw: st.DrawFn) -> str:
    """A watched word or phrase in one of the disguises, between two words of an address."""
    phrase = draw(st.sampled_from(WORDS))
    kind = draw(st.sampled_from(["signs", "two letters", "apart", "between", "doubled", "ends"]))
    return f"12 {_disguise(draw, phrase, kind)} ST"


def _disguise(draw: st.DrawFn, phrase: str, kind: str) -> str:
    if kind == "signs":
        place = draw(st.integers(0, len(phrase) - 1))
        sign = draw(st.sampled_from([*LOOKALIKES.get(phrase[place], ""), phrase[place]]))
        return f"{phrase[:place]}{sign}{phrase[place + 1 :]}"
    if kind == "two letters":
        return "".join(BIGRAMS.get(letter, letter) for letter in phrase)
    if kind == "apart":
        return draw(st.sampled_from([" ", "  ", ".", "-", " . ", ". "])).join(phrase.replace(" ", ""))
    if kind == "between":
        place = draw(st.integers(1, len(phrase) - 1))
        return phrase[:place] + draw(st.sampled_from([".", "-", "'", "/", "_", "~", "..", ","])) + phrase[place:]
    if kind == "doubled":
        place = draw(st.integers(0, len(phrase) - 1))
        return phrase[:place] + phrase[place] * draw(st.integers(1, 3)) + phrase[place:]
    ends: st.SearchStrategy[str] = st.text("0123456789.,;:*-_'()#", min_size=1, max_size=4)
    before, behind = draw(ends), draw(ends)
    return f"{before}{phrase}{behind}"


@given(disguised())
def test_every_watched_word_is_found_in_every_disguise(street: str) -> None:
    """One sign for a letter, two letters for one, letters set apart or doubled, a sign between them, digits and signs at the ends."""
    assert found(street), street


FIRSTS = [
    "Armed Forces",
    "Warranton",
    "Arreston",
    "Warren",
    "Warrington",
    "Star Rest",
    "Wanton",
    "Wantage",
    "Shooting Star",
    "Shoot Flying Hill",
    "Danger Bay",
    "Rapelje",
    "Rappahannock",
    "Rapids",
    "Robbers Roost",
    "Robberson",
    "Feloniuk",
    "Murdoch",
    "Murdock",
    "Murderkill",
    "Homestead",
    "Hominy",
    "Kidnigh",
    "Terrace",
    "Terrell",
    "Terra Cotta",
    "Fugit",
    "Fugate",
    "Susperia",
    "Susquehanna",
    "Charger",
    "Charges Town",
    "Charge Hill",
    "Conviction Oaks",
    "Convent",
    "Convict Lake",
    "Offenbach",
    "Offer",
    "Detroit",
    "Deta",
    "Retainer",
    "Disney",
    "Interlachen",
    "Apple Hend",
    "Extra",
    "Testament",
    "Notice Hill",
    "Late Harvest",
    "Martin Luther King Jr",
    "St. Mary's",
    "O'Neal",
    "Van Arrest-Vale",
    "El Camino Real",
    "La Cienega",
    "Saint-Armand",
    "Mount Arlington",
    "W Ashland",
    "N Main",
    "S 5th",
    "E 42nd",
    "County Road 12A",
    "State Route 9W",
    "US Highway 6/50",
    "FM 1960",
    "Avenue A",
    "Avenue 7E",
    "Calle 4 SO",
    "Paseo 5-B",
    "Seventeen Mile",
    "Army Post",
    "Sight Hill",
    "Insight",
    "Deadlyn Oak",
    "Forest Action",
    "Action Park",
    "Marshal Foch",
    "Sheriff Sale",
    "Custody Ranch",
    "Police Memorial",
    "Prison Farm",
    "Suspension Bridge",
    "Rape Seed Mill",
    "Wanted Acres",
    "Offenders Cove",
]
WATCHED_IN_FIRSTS = {
    "Shoot Flying Hill",
    "Van Arrest-Vale",
    "Conviction Oaks",
    "Convict Lake",
    "Rape Seed Mill",
    "Wanted Acres",
    "Offenders Cove",
}
"""Names that hold a watched word as a whole word: these are looked at, as ever."""
FORMS = (
    "{number} {name} Blvd",
    "{number} {name} St Apt {unit}",
    "{number}-{number} {name} Rd # {unit}",
    "{number} 1/2 {name} Ave, Unit {unit}",
    "{number} N {name} Ln Lot {unit}",
    "PO Box {number}, {name} Pkwy",
)


@pytest.mark.parametrize("name", FIRSTS)
def test_no_ordinary_street_is_taken_for_a_watched_word(name: str) -> None:
    """Hundreds of addresses as people write them: names, numbers, halves, units, directions."""
    for form in FORMS:
        for number, unit in ((1, "1A"), (547, "E5T"), (3307, "4 A B"), (10211, "7-R")):
            street = form.format(number=number, name=name, unit=unit)
            assert found(street) == (name in WATCHED_IN_FIRSTS), street
