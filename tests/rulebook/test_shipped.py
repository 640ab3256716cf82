"""The shipped content: the tables are whole, the codes are those of the field, and nothing is left to warn about."""

import re

import pytest

from app.domain.identifiers import ori_problem
from app.rulebook.language.model import Outcome
from tests.rulebook.shipped import shipped

CONTENT = shipped().content
STATES = CONTENT.tables["states"].rows
CHARGES = CONTENT.tables["charges"].rows
REASONS = CONTENT.tables["release_reasons"].rows
SETS = {name: shipped().eligibility[-1].view.sets[name] for name in CONTENT.tables}


def test_nothing_is_wrong_and_nothing_is_odd() -> None:
    """The shipped rulebook loads without a warning."""
    assert shipped().warnings == ()


def test_all_charges_are_there() -> None:
    """464 codes of NCIC's Uniform Offense Classifications, four digits each as text, and the two that stand for none."""
    codes = [code for code in CHARGES if code not in {"none", "unknown"}]
    assert len(codes) == 464
    assert all(re.fullmatch("[0-9]{4}", code) for code in codes)
    assert codes == sorted(codes)
    assert all(CHARGES[code].cells["description"] and CHARGES[code].cells["category"] for code in codes)
    assert CHARGES["0101"].cells["description"] == "TREASON"


@pytest.mark.parametrize(("tier", "count"), [("A", 147), ("X", 2)])
def test_how_many_charges_are_in_a_tier(tier: str, count: int) -> None:
    """The tiers that matter most have the number of codes they are documented with."""
    assert sum(row.cells["tier"] == tier for row in CHARGES.values()) == count


@pytest.mark.parametrize("code", ["0913", "1701", "1702", "4003", "8001", "8100", "8101", "8102"])
def test_status_records_are_never_convictions(code: str) -> None:
    """John Doe, material witnesses, a retired code and records of status never qualify."""
    assert code in SETS["charges"]["never_a_conviction"]
    assert code not in SETS["charges"]["violent_or_serious"]


def test_all_jurisdictions_are_there() -> None:
    """50 states, DC, PR, VI, GU, AS and MP, and ZZ for none of them."""
    codes = set(STATES) - {"ZZ"}
    assert len(codes) == 56
    assert {"DC", "PR", "VI", "GU", "AS", "MP"} < codes


def test_nlets_codes_differ_where_they_do() -> None:
    """Four jurisdictions have another code on Nlets than in the post; no two have the same."""
    nlets = {code: row.cells["nlets"] for code, row in STATES.items() if code != "ZZ"}
    assert {code: other for code, other in nlets.items() if code != other} == {"NE": "NB", "GU": "GM", "AS": "AM", "MP": "MK"}
    assert len(set(nlets.values())) == 56


@pytest.mark.parametrize("state", sorted(set(STATES) - {"ZZ", "AS", "MP"}))
def test_a_state_can_be_told(state: str) -> None:
    """A state on Nlets has a usable address that is its own and generic until the state confirms it, and is live."""
    cells = STATES[state].cells
    assert ori_problem(cells["ori"], {row.cells["nlets"] for row in STATES.values()}) is None
    assert cells["ori"] == f"{cells['nlets']}SIR0000"
    assert (cells["ori_status"], cells["on_nlets"], cells["stage"]) == ("generic", "yes", "live")
    assert state in SETS["states"]["routable"]


@pytest.mark.parametrize("state", ["AS", "MP"])
def test_a_territory_without_a_route(state: str) -> None:
    """American Samoa and the Northern Mariana Islands are not on Nlets: no address, no route."""
    cells = STATES[state].cells
    assert (cells["ori"], cells["ori_status"], cells["on_nlets"]) == ("", "none", "no")
    assert state in SETS["states"]["no_route"]


def test_every_state_is_in_one_set() -> None:
    """Routable, without a route, not joined and unknown share no state and leave none out."""
    found = [state for rows in SETS["states"].values() for state in rows]
    assert sorted(found) == sorted(STATES)


def test_all_release_reasons_are_there() -> None:
    """ICE's 26 release reasons and `unknown`, each in exactly one class."""
    assert len(REASONS) == 27
    found = [reason for rows in SETS["release_reasons"].values() for reason in rows]
    assert sorted(found) == sorted(REASONS)


def test_who_left_the_country_never_counts_as_released_into_it() -> None:
    """Removal, departure and withdrawal are in no class that may lead to a notice."""
    assert {"DEP", "VD", "VDLF", "VDLS", "WILF", "WILS", "WITH"} == SETS["release_reasons"]["left_us"]


def test_all_flags_hold() -> None:
    """Every row of the table of holds but `none` is in the set that stops a notice, also one that nobody knows."""
    assert SETS["holds"]["any_hold"] == set(CONTENT.tables["holds"].rows) - {"none"}
    assert "unknown_flag" in SETS["holds"]["any_hold"]


@pytest.mark.parametrize(
    ("field", "known", "unknown"),
    [("sex", "M", "X"), ("race", "W", "Z"), ("eyes", "BRO", "RED2"), ("hair", "BLK", "WIG"), ("place_of_birth", "MM", "QQ")],
)
def test_descriptive_codes(field: str, known: str, unknown: str) -> None:
    """The NCIC tables of descriptive codes are read, each for its field."""
    assert known in CONTENT.codes.codes[field]
    assert unknown not in CONTENT.codes.codes[field]


def test_place_codes_are_no_state_codes() -> None:
    """As a place of birth NE, AS and MP are countries, so all are among the place codes whatever the table of states says."""
    assert {"NE", "AS", "MP", "YY"} <= CONTENT.codes.codes["place_of_birth"]
    assert len(CONTENT.codes.codes["place_of_birth"]) == 379


def test_every_rule_cites_an_authority() -> None:
    """Each rule says on what it rests, and from which day."""
    for rule in CONTENT.rules().values():
        assert rule.authority
        assert rule.title
        assert isinstance(rule.reply, Outcome) or rule.reply.audience or rule.id == "LENS-R99"


def test_charges_are_sensitive() -> None:
    """The fact of the charge is marked as one that is never shown, whatever the facts file says of it."""
    assert CONTENT.facts["charge_code"].sensitive
    assert CONTENT.tables["charges"].sensitive
