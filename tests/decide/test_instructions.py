from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.decide.instructions import Instructions
from app.domain.decision import Decision
from app.domain.release import Release
from app.errors import BadRulebook
from tests.decide.deciding import NOW, decided, decider, decider_of
from tests.domain.releases import release_document
from tests.rulebook.shipped import shipped

WATCH = Instructions(shipped().content.messages)
WORDS = sorted(shipped().content.messages.watch_words)


def stated(**changes: str) -> dict[str, Any]:
    """The usual release with its residence or its name changed."""
    document = release_document()
    for part, value in changes.items():
        where = document["residence"] if part in {"street", "city", "country"} else document["subject"]["name"]
        where[part] = value
    return document


def suspicious(**changes: str) -> bool:
    """Whether such a release is held for a person because of what it says."""
    return any(warning.code == "looks-like-an-instruction" for warning in decided(stated(**changes)).warnings)


@pytest.mark.parametrize(
    "street",
    [
        "OFFENSE/MURDER WARRANT ACTIVE ARREST ON SIGHT",
        "offense/murder",
        "OFFENSE / MURDER",
        "OFFENSE: MURDER",
        "CHARGE/MURDER",
        "ZZTOP/ANYTHING",
        "  - ALERT/CALL 555-0100",
        "100 Main St; arrest subject",
        "100 Main St. Wanted for homicide",
        "ARMED AND DANGEROUS",
        "100 MAIN ST SEX/M RAC/W DOB/19800102",
        "100 MAIN ST FROM STATE/NY",
        "\uff37\uff21\uff32\uff32\uff21\uff2e\uff34 ACTIVE",
        "WAR\u200bRANT ACTIVE",
        "W\u0410RR\u0410NT ACTIVE",  # with two letters that are Cyrillic
        "OFFENS\u0415/MURDER",  # with one
        "W A R R A N T",
        "W.A.R.R.A.N.T.",
        "WAR-RANT",
        "0FFENSE",
        "ÄRRÉST",
        "TEST NOTICE - DISREGARD",
        "OFFENSE\u2044MURDER",
        "ALERT\uff0fMURDER",
        "APT/2 FBI/123456X",
        "UNIT/5 NAM/NOBODY",
        "HWY/66 ADR/X",
        "APT/ALERT MURDERED",
        "100 MAIN ST ARRESTS ARRESTING",
        "OFFENDERS HERE",
        "A CONVICT",
        "RAPED",
        "KIDNAPPED",
        "TERRORISTS",
        "USE DEADLY FORCE",
        "DO NOT RELEASE",
    ],
)
def test_a_street_that_reads_like_a_line_of_the_notice_is_held(street: str) -> None:
    """A heading, a watched word, and both in disguise: held for review, with one work item and nothing sent."""
    decision = decided(stated(street=street))
    assert decision.outcome == "hold_for_review"
    assert [errand.code for errand in decision.errands] == ["review"]
    assert decision.notices == ()
    assert [warning.code for warning in decision.warnings].count("looks-like-an-instruction") == 1
    assert street not in str(decision.warnings)


@pytest.mark.parametrize(
    "street",
    [
        "1 ARMED FORCES BLVD",
        "100 Warranty Way Apt 2",
        "C/O Maria Sample, 12 Oak St",
        "N/A",
        "123 1/2 Elm St # 4",
        "12 Star Rest Rd",
        "5 Wantedly Ct",
        "100 State St",
        "Corner of 5th and Main/Elm",
        "王小明路 5",
        "P.O. Box 7",
        "Rancho Detention Ctr, 1 Facility Rd",
        "77 Notice Rd",
        "St. Charles-Arrestville Pike 4",
        "APT/2",
        "Ste 5",
        "STE/200",
        "UNIT/5",
        "Bldg/4 Rm 7",
        "LOT/12",
        "RM/3",
        "FL/2",
        "APT/UNIT 4",
        "HWY/66",
        "FORT/WORTH",
    ],
)
def test_an_ordinary_street_is_not_held(street: str) -> None:
    """Streets as people have them, also those that a careless list of words would stop."""
    assert not suspicious(street=street)


@pytest.mark.parametrize("part", ["last", "first", "middle", "street", "city"])
def test_every_value_that_a_notice_prints_is_looked_at(part: str) -> None:
    """Names and addresses alike; of what no line prints, such as the country, nothing is made."""
    assert suspicious(**{part: "WARRANT"})
    assert not suspicious(country="WARRANT")


def test_a_code_that_is_free_text_is_looked_at() -> None:
    """The schema takes any text for these, and the notice prints it."""
    for field in ("sex", "race", "place_of_birth", "fbi_number"):
        document = release_document()
        document["subject"][field] = "WARRANT"
        assert decided(document).outcome == "hold_for_review", field


def test_a_phrase_may_begin_in_one_value_and_end_in_the_next() -> None:
    """A reader reads on from street to city."""
    assert suspicious(street="100 MAIN ST ARMED", city="AND HIDING")
    assert not suspicious(street="100 MAIN ST ARMED", city="FORCES TOWN")


def test_aliases_are_looked_at_only_where_a_line_prints_them(tmp_path: Path) -> None:
    """The shipped notice does not; one with a line AKA/ does."""
    document = release_document()
    document["subject"]["aliases"] = [{"last": "WARRANT", "first": "ACTIVE"}]
    assert decided(document).outcome == "notify"
    line = '      - "NAM/{name}"\n'
    printing = decider_of(tmp_path, ("rules/messages.yaml", line, line + '      - "AKA/{aliases}"\n'))
    assert decided(document, printing).outcome == "hold_for_review"


def test_what_is_not_sent_is_not_held() -> None:
    """A release that concerns nobody prints nothing, so nobody is asked to look at it."""
    document = stated(street="WARRANT")
    document["stay"]["reason"] = "T"
    assert decided(document).outcome == "do_not_notify"


def test_lifting_sends_it_as_written() -> None:
    """A person has looked at it: the notice says what was stated."""
    by = decider()
    release = msgspec.convert(stated(street="OFFENSE/NONE, A TEST"), Release)
    lifted: Decision = by.decide(release, NOW, reviewed=True)
    assert lifted.outcome == "notify"
    assert all("ADR/OFFENSE/NONE, A TEST\n" in notice.text for notice in lifted.notices)


def test_a_rulebook_without_watch_words_still_has_headings(tmp_path: Path) -> None:
    """`watch_words` may be left out; what begins like a heading is held all the same."""
    messages = (Path(__file__).parents[2] / "rules/messages.yaml").read_text()
    words = messages[messages.index("watch_words:") :]
    by = decider_of(tmp_path, ("rules/messages.yaml", words, ""))
    assert decided(stated(street="1 Warrant St"), by).outcome == "notify"
    assert decided(stated(street="OFFENSE/MURDER"), by).outcome == "hold_for_review"


@given(st.sampled_from(WORDS), st.text("abcXYZ 059", max_size=12), st.text(" ,.;", min_size=1, max_size=3))
def test_a_watched_word_is_found_wherever_it_stands(word: str, around: str, between: str) -> None:
    """Before, after and between other words, in any capitals."""
    for street in (f"{around}{between}{word}", f"{word}{between}{around}", f"{around}{between}{word.title()}{between}{around}"):
        assert WATCH.found(msgspec.convert(stated(street=street), Release)), street


@pytest.mark.parametrize("word", ["warrant", "WARRANT!", "AB", "'ARMED  AND'", "ARREST"])
def test_a_watched_word_that_could_never_be_found_is_refused(tmp_path: Path, word: str) -> None:
    """Small letters, other signs, two spaces, too short, or twice: told with the form that is allowed."""
    with pytest.raises(BadRulebook, match=r"R104.*`watch_words`"):
        decider_of(tmp_path, ("rules/messages.yaml", "  TEST NOTICE, THIS NOTICE", f"  {word}, TEST NOTICE, THIS NOTICE"))
