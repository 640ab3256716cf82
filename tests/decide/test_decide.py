"""Decisions and their words: the contract's worked example to the letter, and any release against a reading by hand."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.decide.decide import Decider
from app.decide.terms import Terms
from app.domain.decision import Decision
from tests.decide import by_hand
from tests.decide.deciding import ID, NOW, decided, decider, decider_of, texts
from tests.domain.releases import LIKELY, RELEASES, Document, release_document
from tests.rulebook.shipped import ROOT, shipped

RECEIVING = """\
AM.VTINS07S0.TXSIR0000.*LN00000A7G.TXT
LENS LN00000A7G ICE RELEASE NOTICE - INFORMATION ONLY
TYPE/NEW COPY/RECEIVING STATE/TX ALSO SENT TO/AZ
NO ENFORCEMENT ACTION MAY BE BASED SOLELY ON THIS NOTICE.
FOLLOW LOCAL PROCEDURES. MAY BE FORWARDED AS NEEDED.
NAM/DOE, JOHN A
SEX/M RAC/W DOB/19800102 POB/MM
FBI/12345678A
RELEASED/20261123 FROM STATE/AZ
RESIDENCE AS STATED BY SUBJECT - NOT VERIFIED
ADR/100 MAIN ST APT 2
CTY/EL PASO STA/TX ZIP/79901
OFFENSE NOT SHOWN. QUERY CRIMINAL HISTORY BY FBI NUMBER.
QUESTIONS: ICE LESC 802-872-6050 OR NLETS AM TO VTINS07S0
"""

EXAMPLES = [
    json.loads(line) for line in (ROOT / "docs" / "examples" / "releases.ndjson").read_text().splitlines() if line.strip()
]


def test_the_worked_example() -> None:
    """The release of the contract's example gives its text, and the other state the same with four words changed."""
    decision = decided(release_document())
    assert [notice.copy for notice in decision.notices] == ["departing", "receiving"]
    departing = RECEIVING.replace("TXSIR0000", "AZSIR0000").replace(
        "RECEIVING STATE/TX ALSO SENT TO/AZ", "DEPARTING STATE/AZ ALSO SENT TO/TX"
    )
    assert texts(decision) == [departing, RECEIVING]
    assert [(reason.rule, reason.authority) for reason in decision.because] == [
        ("LENS-E10", ("80 FR 24269",)),
        ("LENS-R10", ("LENS overview",)),
        ("LENS-R30", ("LENS overview",)),
    ]
    assert (decision.outcome, decision.as_of, decision.rulebook) == ("notify", date(2026, 11, 23), shipped().hash)
    assert (decision.errands, decision.warnings, decision.beaten) == ((), (), ())
    assert [notice.within for notice in decision.notices] == [1800, 1800]


def lines_of(document: Document, by: Decider | None = None, now: datetime = NOW) -> list[list[str]]:
    """The lines of each text a release leads to."""
    return [text.splitlines() for text in texts(decided(document, by, now))]


def with_residence(**parts: str | None) -> Document:
    """The usual release with another residence."""
    return release_document(residence={"state": None} | parts)


def test_the_same_state() -> None:
    """Living where he is released: one message, told to nobody else."""
    (lines,) = lines_of(with_residence(state="AZ", street="1 A St Apt 1", city="Mesa", zip="85201"))
    assert lines[0] == "AM.VTINS07S0.AZSIR0000.*LN00000A7G.TXT"
    assert lines[2] == "TYPE/NEW COPY/ONLY STATE/AZ ALSO SENT TO/NONE"
    assert decided(with_residence(state="AZ")).beaten == ("LENS-R10",)


def test_nebraska_is_nb() -> None:
    """On the network Nebraska is NB, in its ORI and in both texts; its own postal code stands in the address."""
    departing, receiving = lines_of(with_residence(state="NE", street="1 A St", city="Omaha", zip="68102"))
    assert receiving[0] == "AM.VTINS07S0.NBSIR0000.*LN00000A7G.TXT"
    assert receiving[2] == "TYPE/NEW COPY/RECEIVING STATE/NB ALSO SENT TO/AZ"
    assert departing[2] == "TYPE/NEW COPY/DEPARTING STATE/AZ ALSO SENT TO/NB"
    assert "CTY/OMAHA STA/NE ZIP/68102" in receiving


@pytest.mark.parametrize("residence", [None, {"state": None}, {"state": None, "street": " ", "country": "Mexico"}])
def test_a_residence_that_is_not_stated(residence: Document | None) -> None:
    """One message says so in one line, and a person must ask; no state is guessed."""
    decision = decided(release_document(residence=residence))
    (text,) = texts(decision)
    lines = text.splitlines()
    assert lines[2] == "TYPE/NEW COPY/DEPARTING STATE/AZ ALSO SENT TO/NONE"
    assert lines[lines.index("RESIDENCE AS STATED BY SUBJECT - NOT VERIFIED") + 1] == "ADR/NOT STATED"
    assert not any(line.startswith("CTY/") for line in lines)
    assert [(errand.code, errand.rule, errand.state, errand.within) for errand in decision.errands] == [
        ("no-residence-state", "LENS-R40", "ZZ", 3600)
    ]


def test_a_residence_abroad_with_a_city() -> None:
    """A city without a state is shown as stated, and the state as not stated."""
    (lines,) = lines_of(with_residence(city="Ciudad Juárez", country="Mexico"))
    assert "CTY/CIUDAD JUAREZ STA/NOT STATED ZIP/NOT STATED" in lines
    assert "ADR/NOT STATED" in lines


def test_what_is_missing_is_said() -> None:
    """Each field that is missing or blank has its words."""
    (lines, _) = lines_of(release_document(subject={"name": {"last": "Doe", "first": " "}, "sex": " ", "race": None}))
    assert lines[5:8] == ["NAM/DOE", "SEX/U RAC/U DOB/NOT AVAILABLE POB/YY", "FBI/NOT AVAILABLE"]


@pytest.mark.parametrize(("hours", "late"), [(0, False), (24, False), (24 + 1 / 3600, True), (24 * 365, True), (-5, False)])
def test_late(hours: float, *, late: bool) -> None:
    """Accepted more than a day after the release, the notice says so in its second body line; a second less, and it does not."""
    released = datetime(2026, 11, 23, 17, 30, tzinfo=UTC)
    for lines in lines_of(release_document(), now=released + timedelta(hours=hours)):
        assert (lines[2] == "LATE NOTICE") == late
        assert ("LATE NOTICE" in lines) == late


def test_late_is_a_setting() -> None:
    """After how long a notice is late is one of the service's terms."""
    by = decider(Terms(late_after=60.0))
    assert all(lines[2] == "LATE NOTICE" for lines in lines_of(release_document(), by))


def test_a_state_on_trial(tmp_path: Path) -> None:
    """Only the state in stage `testing` gets the pilot's line, first below the number, also when the notice is late."""
    by = decider_of(
        tmp_path,
        (
            "ref_data/states.yaml",
            "changes: []",
            "changes: [{row: TX, from: 2026-10-01, set: {stage: testing}, authority: {cite: Memo}}]",
        ),
    )
    departing, receiving = lines_of(release_document(), by, NOW + timedelta(days=3))
    assert departing[2] == "LATE NOTICE"
    assert receiving[2:4] == ["TEST NOTICE - PILOT OPERATION", "LATE NOTICE"]
    before = release_document()
    before["stay"]["released_at"] = "2026-09-30T23:59:00-07:00"
    assert all("TEST NOTICE - PILOT OPERATION" not in lines for lines in lines_of(before, by))


def test_an_ori_from_a_day_on(tmp_path: Path) -> None:
    """A state's new ORI is used for releases from its day on, and the day is the facility's."""
    change = 'changes: [{row: TX, from: 2026-11-24, set: {ori: "TX0110000", ori_status: confirmed}, authority: {cite: Letter}}]'
    by = decider_of(tmp_path, ("ref_data/states.yaml", "changes: []", change))
    after = release_document()
    after["stay"]["released_at"] = "2026-11-24T00:00:00+10:00"
    assert [lines[0].split(".")[2] for lines in lines_of(release_document(), by)] == ["AZSIR0000", "TXSIR0000"]
    assert [lines[0].split(".")[2] for lines in lines_of(after, by)] == ["AZSIR0000", "TX0110000"]


def test_as_of_another_day() -> None:
    """A release can be decided as of another day: before the first one nothing is owed; its own date stays in the text."""
    release = decider().read(json.dumps(release_document()).encode())
    before = decider().decide(release, NOW, date(2015, 5, 31))
    assert (before.outcome, before.as_of, before.notices) == ("do_not_notify", date(2015, 5, 31), ())
    assert "RELEASED/20261123" in texts(decider().decide(release, NOW, date(2015, 6, 1)))[0]


def test_an_unconfirmed_address_is_held() -> None:
    """Where generic addresses are not allowed, a message to one is made and held, with a task for a person."""
    decision = decided(release_document(), decider(Terms(allow_generic_ori=False)))
    assert [notice.held_because for notice in decision.notices] == ["ori-not-confirmed", "ori-not-confirmed"]
    assert texts(decision) == texts(decided(release_document()))


def test_a_text_over_the_limit_is_never_cut(tmp_path: Path) -> None:
    """A state for which the text is too long is not told but asked about, and the other's notice does not name it."""
    long = "100 " + "Main " * 20 + "St Apt 2"
    document = with_residence(state="TX", street=long, city="El Paso", zip="79901")
    by = decider_of(tmp_path / "both", ("rules/messages.yaml", "max_characters: 14400", "max_characters: 500"))
    decision = decided(document, by)
    assert decision.notices == ()
    assert [(errand.code, errand.rule, errand.state) for errand in decision.errands] == [
        ("message-too-long", "LENS-R10", "AZ"),
        ("message-too-long", "LENS-R30", "TX"),
    ]
    assert decision.outcome == "notify"


def test_one_state_has_no_room(tmp_path: Path) -> None:
    """Where only one state's text is too long (it has a line more), the other is told, and not that the first was told too."""
    longest = max(len(text.partition("\n")[2]) for text in texts(decided(release_document()))) + 2
    by = decider_of(
        tmp_path,
        (
            "ref_data/states.yaml",
            "changes: []",
            "changes: [{row: TX, from: 2026-10-01, set: {stage: testing}, authority: {cite: Memo}}]",
        ),
        ("rules/messages.yaml", "max_characters: 14400", f"max_characters: {longest}"),
    )
    decision = decided(release_document(), by)
    assert [(notice.state, notice.copy) for notice in decision.notices] == [("AZ", "departing")]
    assert "ALSO SENT TO/NONE" in texts(decision)[0]
    assert [(errand.code, errand.state) for errand in decision.errands] == [("message-too-long", "TX")]


def test_a_hold_is_reviewed() -> None:
    """A flag that stops a notice leads to a review that names its rule, and to no text at all."""
    decision = decided(release_document(holds=["none", "juvenile"]))
    assert (decision.outcome, decision.notices) == ("hold_for_review", ())
    assert [(errand.code, errand.rule, errand.within) for errand in decision.errands] == [("review", "LENS-E30", 86_400)]
    assert decision.beaten == ("LENS-E10",)


def test_the_message_key_and_the_origin() -> None:
    """Both are terms of the service and stand in the header."""
    by = decider(Terms(origin_ori="VTINS0000", message_key="AML"))
    assert lines_of(release_document(), by)[0][0] == "AML.VTINS0000.AZSIR0000.*LN00000A7G.TXT"


def test_a_lost_character_is_said_once() -> None:
    """Fields in which a character became `?` are named in one caution, sorted, and their values are not."""
    document = with_residence(state="TX", street="улица 1 Apt 2", city="El Paso", zip="79901")
    document["subject"]["name"]["last"] = "王"
    decision = decided(document)
    (caution,) = [caution for caution in decision.warnings if caution.code == "character-replaced"]
    assert caution.message == "characters with no ASCII form were written ? in: name, street"
    assert all("NAM/?, JOHN A" in text for text in texts(decision))


def against_by_hand(document: Document, decision: Decision, *, late: bool) -> None:
    """Holds a decision against the reading by hand."""
    reading = by_hand.read(document, ID, late=late)
    assert decision.outcome == reading.outcome
    assert [reason.rule for reason in decision.because] == reading.because
    found = [
        by_hand.Message(notice.audience, notice.copy, notice.ori, text)
        for notice, text in zip(decision.notices, texts(decision), strict=True)
    ]
    assert found == reading.messages
    assert [(errand.code, errand.rule, errand.state or "") for errand in decision.errands] == reading.work_items


@given(LIKELY, st.booleans())
@example(EXAMPLES[0], False)  # noqa: FBT003
def test_any_release_is_decided_as_a_person_reads_the_rules(document: Document, late: bool) -> None:  # noqa: FBT001
    """Outcome, rules, texts and tasks are those of the rules read by hand."""
    released = decider().read(json.dumps(document).encode()).stay.instant
    now = released + timedelta(hours=25 if late else 1)
    against_by_hand(document, decided(document, now=now), late=late)


@given(RELEASES)
def test_any_release_at_all_is_decided(document: Document) -> None:
    """Also one with odd dates and codes, as a person reads the rules."""
    released = decider().read(json.dumps(document).encode()).stay.instant
    against_by_hand(document, decided(document, now=released), late=False)


@pytest.mark.parametrize("document", EXAMPLES, ids=[document["release_id"] for document in EXAMPLES])
def test_the_examples_are_decided_as_a_person_reads_the_rules(document: Document) -> None:
    """Each of the example releases, accepted now, is decided as the rules read by hand decide it."""
    against_by_hand(document, decided(document), late=True)


def test_deciding_again_gives_the_same() -> None:
    """The same release, rulebook and moment give the same decision, to the last byte."""
    for document in EXAMPLES[:10]:
        assert decided(document) == decided(document)


@given(RELEASES)
def test_the_evidence_has_nothing_personal(document: Document) -> None:
    """What is kept of the inputs are facts of the tables: no name, date of birth, address, number or free text."""
    released = decider().read(json.dumps(document).encode()).stay.instant
    facts = decided(document, now=released).facts
    view = shipped().eligibility[-1].view
    assert set(facts) == {"release_reason", "stay_ended", "hold", "release_state", "residence_state", "convictions"}
    assert all(value in view.domain(name) for name, value in facts.items() if name != "convictions")
    pairs = facts["convictions"]
    assert isinstance(pairs, tuple)
    assert all(code in view.domain("charge_code") and status in view.domain("charge_status") for code, status in pairs)
