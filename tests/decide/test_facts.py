from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.decide.facts import FactFinder
from app.domain.release import Release
from tests.domain.releases import RELEASES, Document, release_document
from tests.rulebook.shipped import shipped

FINDER = FactFinder(shipped().content.facts, shipped().content.tables)
HOLDS = list(shipped().content.tables["holds"].rows)


def found(document: Document) -> tuple[dict[str, str], tuple[tuple[str, str], ...], list[str]]:
    """The facts of a release, its convictions, and the codes of what was not known."""
    values, unknown = FINDER.find(msgspec.convert(document, Release, strict=False))
    return values.shared, values.convictions, [caution.code for caution in unknown]


def test_the_facts_of_a_release() -> None:
    """Each fact has the value that the release states."""
    assert found(release_document()) == (
        {"release_reason": "OSUP", "stay_ended": "yes", "hold": "none", "release_state": "AZ", "residence_state": "TX"},
        (("0902", "convicted"),),
        [],
    )


def test_what_is_missing() -> None:
    """No conviction, no hold and no residence have values of their own, and are nothing unknown."""
    shared, convictions, unknown = found(release_document(convictions=[], residence=None, holds=[]))
    assert (shared["residence_state"], shared["hold"], convictions, unknown) == ("ZZ", "none", (("none", "not_stated"),), [])


def test_what_is_unknown_is_told_once() -> None:
    """Codes that no table has become the rows that stand for them, each kind told once."""
    document = release_document(
        holds=["new_flag", "other_flag"],
        convictions=[{"charge_code": "9998", "status": "convicted"}, {"charge_code": "9999", "status": "convicted"}],
    )
    document["stay"]["reason"] = "NEWC"
    shared, convictions, unknown = found(document)
    assert (shared["hold"], shared["release_reason"], convictions) == ("unknown_flag", "unknown", (("unknown", "convicted"),))
    assert unknown == ["unknown-release-reason", "unknown-hold", "unknown-charge-code"]


def test_the_same_conviction_counts_once() -> None:
    """Two convictions that the rules cannot tell apart are one, in the order first stated."""
    convictions = [
        {"charge_code": "1201", "status": "pending"},
        {"charge_code": "0902", "status": "convicted", "convicted_on": "2001-02-03"},
        {"charge_code": "1201", "status": "pending", "convicted_on": None},
    ]
    assert found(release_document(convictions=convictions))[1] == (("1201", "pending"), ("0902", "convicted"))


@given(st.lists(st.sampled_from([*HOLDS, "new_flag"]), max_size=5))
def test_of_several_holds_the_first_in_the_table_stands(holds: list[str]) -> None:
    """Whatever the order they are stated in, the row that comes first stands for all; an unknown one outweighs `none`."""
    rows = ["unknown_flag" if hold == "new_flag" else hold for hold in holds] or ["none"]
    assert found(release_document(holds=holds))[0]["hold"] == min(rows, key=HOLDS.index)


@given(RELEASES)
def test_every_fact_is_a_value_of_its_table(document: Document) -> None:
    """Whatever the release, the rules see values that the tables have, and nothing else."""
    shared, convictions, _ = found(document)
    view = shipped().eligibility[-1].view
    assert all(value in view.domain(name) for name, value in shared.items())
    assert all(code in view.domain("charge_code") and status in view.domain("charge_status") for code, status in convictions)


@pytest.mark.parametrize("pointer", ["/stay/state", "/residence/state"])
def test_states_that_may_be_named(pointer: str) -> None:
    """Both states must be in the table, which `decide` asks of whoever reads a release."""
    allowed: dict[str, Any] = FINDER.allowed_states()
    assert set(allowed[pointer]) == set(shipped().content.tables["states"].rows)
