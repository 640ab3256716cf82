"""Watched words in disguise are found, and the streets that people live in are not."""

import re

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
        "1.WARRANT.2",
        "VV4RR4N7",
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
    """Signs for letters, signs between letters, letters set apart, digits at the ends."""
    assert found(street)


@st.composite
def disguised(draw: st.DrawFn) -> str:
    """A watched word or phrase in one of the disguises, between two words of an address."""
    phrase = draw(st.sampled_from(WORDS))
    kind = draw(st.sampled_from(["signs", "two letters", "apart", "between", "ends"]))
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
    ends: st.SearchStrategy[str] = st.text("0123456789.,;:*-_'()#", min_size=1, max_size=4)
    before, behind = draw(ends), draw(ends)
    return f"{before}{phrase}{behind}"


@given(disguised())
def test_every_watched_word_is_found_in_every_disguise(street: str) -> None:
    """One sign for a letter, two letters for one, letters set apart, a sign between them, digits and signs at the ends."""
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


NAMES = """
ADAMS ALEXANDER ALLEN ALVAREZ ANDERSON ANDREWS ARMSTRONG ARNOLD ARRANT ARRANTS AUSTIN BAILEY BAKER
BANKS BARNES BELL BELONY BENNETT BERRY BISHOP BLACK BOYD BRADLEY BROOKS BROWN BRYANT BURNS BURTON
BUTLER CAMPBELL CARPENTER CARR CARROLL CARTER CASTILLO CHAPMAN CHAVEZ CHURAPE CLARK COLE COLEMAN
COLLINS CONDICT COOK COOPER COX CRAPE CRAWFORD CRUZ CUNNINGHAM DANIELS DAVIS DEANER DIAZ DIXON
DRAPE DRAPEAU DRAPEAUX DRAPER DUNCAN DUNN EDWARDS ELLIOTT ELLIS EVANS FARRANT FENDER FERGUSON
FERNANDEZ FIELDS FISHER FLORES FORD FOSTER FOX FRANKLIN FREEMAN GARCIA GARDNER GARZA GEORGE GIBSON
GOMEZ GONZALES GONZALEZ GORDON GRAHAM GRANT GRAPER GRAPES GRAY GREEN GREENE GRIFFIN GUTIERREZ HALL
HAMILTON HANSEN HARPER HARRIS HARRISON HART HARVEY HAWKINS HAYES HENDERSON HENRY HERNANDEZ HICKS
HILL HOLMES HOWARD HOWELL HUDSON HUGHES HUNT HUNTER INTERRANTE JACKSON JAMES JENKINS JOHNSON
JOHNSTON JONES JORDAN KARAPETIAN KARAPETYAN KELLEY KELLY KENNEDY KING KNAPPER KNIGHT LANE LASTRAPE
LASTRAPES LAWRENCE LAWSON LEE LEWIS LITTLE LONG LOPEZ MARDER MARRAPESE MARSHALL MARTIN MARTINEZ
MASON MATTHEWS MCCOY MCDONALD MEYER MILLER MILLS MITCHELL MONTGOMERY MOORE MORALES MORGAN MORRIS
MORRISON MULDER MULDERS MUNDER MURDEN MURPHY MURRAY MYERS NELSON NGUYEN NICHOLS O'MURDOCH OFFNER
OLIVER OLSON ORTIZ OWENS PALMER PARKER PATTERSON PAYNE PEREZ PERKINS PERRY PETERS PETERSON
PHILLIPS PIERCE PORTER POWELL PRICE RAMIREZ RAMOS RAPELYEA RAPER RAPPE RAY REED REYES REYNOLDS
RICE RICHARDS RICHARDSON RILEY RIVERA ROBBERT ROBERIE ROBERTS ROBERTSON ROBINSON RODRIGUEZ ROGERS
ROSE ROSS RUIZ RUSSELL RYAN SANCHEZ SANDERS SCHMIDT SCOTT SCRAPE SHAW SHOOTS SHOTT SIMMONS SIMPSON
SIMS SMITH SNYDER SPENCER STANLEY STEPHENS STEVENS STEWART STONE SULLIVAN TARRANT TARRANTS TAYLOR
THOMAS THOMPSON TORRES TRAPENI TUCKER TURNER VASQUEZ WAGNER WALKER WALLACE WARD WARRAN WARRANTE
WARREN WASHINGTON WATKINS WATSON WEAVER WEBB WELLS WEST WHEELER WHITE WILLIAMS WILLIAMSON WILLIS
WILSON WOOD WOODS WRAPE WRIGHT YOUNG
"""
WATCHED_NAMES = ["RAPE", "MURDERS", "Rape-Sample", "W@RRANT", "RAP3", "VVARRANT", "W.A.R.R.A.N.T", "MURDER2"]


def named(last: str, first: str) -> bool:
    """Whether a release of a person with this name is looked at."""
    document = release_document()
    document["subject"]["name"] = {"last": last, "first": first, "middle": "R", "suffix": "III"}
    return WATCH.found(msgspec.convert(document, Release))


def test_no_surname_is_taken_for_a_watched_word() -> None:
    """The most common ones and those closest to a watched word: alone, doubled up, and after a particle."""
    names = [form.format(name.title()) for name in NAMES.split() for form in ("{}", "{}-Sample", "De {}", "O'{}", "{} Jr.")]
    assert len(names) > 1_000
    assert [name for name in names if named(name, "Ann-Lee") or named("Sample", name)] == []


@pytest.mark.parametrize("last", WATCHED_NAMES)
def test_a_name_with_a_watched_word_is_held(last: str) -> None:
    """Exactly, or in a disguise that no name has by chance."""
    assert named(last, "Ann")


@given(st.text("RAPEFTDMNVW14@3$+?*.- \n", max_size=24))
def test_the_quick_look_misses_nothing(street: str) -> None:
    """Whatever is found with the quick look would be found without it, and the other way round."""
    thorough = Instructions(shipped().content.messages)
    thorough._hint = re.compile(b"")
    document = release_document()
    document["residence"]["street"] = street
    release = msgspec.convert(document, Release)
    assert WATCH.found(release) == thorough.found(release)
