"""What a message's own words may tell: nothing of the crime, and no order; plain wordings of a notice pass."""

from dataclasses import replace

import pytest

from app.rulebook.language.model import TemplateLine
from app.rulebook.problems.problem import Problems
from app.rulebook.proving.telling_words import check_words_told
from tests.rulebook.shipped import shipped


def told_of(text: str, *more_parts: str | tuple[str]) -> set[str]:
    """The codes of what is told when the shipped notice has this line besides."""
    content = shipped().content
    messages, problems = content.messages, Problems()
    notice = messages.templates["NOTICE"]
    line = TemplateLine(parts=(text, *more_parts), only=None, spot=notice.spot)
    templates = {"NOTICE": replace(notice, lines=(*notice.lines, line))}
    check_words_told(replace(messages, templates=templates), content.facts, content.tables, problems)
    return {problem.code for problem in problems.found}


@pytest.mark.parametrize(
    "line",
    [
        "CONVICTED OF HOMICIDE.",
        "Sexual assault, see criminal history",
        "SEX OFFENSES ON RECORD",
        "PRIOR: CARJACKING",
        "OFFENSE/RAPE",
        "WEAPON OFFENSE",
    ],
)
def test_a_line_that_names_a_charge_is_an_error(line: str) -> None:
    """Whole names of charges and categories, in any letters, one or many."""
    assert told_of(line) == {"R274"}


@pytest.mark.parametrize(
    "line", ["CONVICTED OF A VIOLENT OFFENSE. ARREST ON SIGHT.", "SUBJECT IS WANTED", "PERSON IS DANGEROUS", "DETAIN {name}"]
)
def test_a_line_that_reads_like_an_order_is_a_warning(line: str) -> None:
    """A watched word that the message need not say."""
    assert told_of(line) == {"R354"}


@pytest.mark.parametrize(
    "line",
    [
        "LATE NOTICE - SENT AFTER THE RELEASE",
        "TEST NOTICE - TAKE NO ACTION",
        "NO ENFORCEMENT ACTION ON THIS NOTICE ALONE.",
        "THE OFFENSE IS NOT SHOWN. SEE CRIMINAL HISTORY.",
        "ANSWER TO YOUR INQUIRY",
        "US IMMIGRATION AND CUSTOMS ENFORCEMENT",
        "INFORMATION ONLY. FOLLOW STATE LAW AND LOCAL POLICY.",
        "RELEASED FROM FEDERAL CUSTODY",
        "THE CIVIL RIGHTS OF THE PERSON ARE TO BE RESPECTED",
        "FOR PUBLIC SAFETY AND HEALTH OFFICES",
    ],
)
def test_plain_words_of_a_notice_pass(line: str) -> None:
    """Nothing is told of a caveat in other words."""
    assert told_of(line) == set()


def test_a_field_does_not_join_words() -> None:
    """Words on both sides of a field are not one name."""
    assert told_of("SEX ", ("sex",), " OFFENSE") == set()
