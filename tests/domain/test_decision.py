from datetime import date

from app.domain.decision import NUMBER_MARK, Decision, Errand, Notice, Reason, dry_run_answer, tasks
from app.domain.identifiers import DRY_RUN_ID

TEXT = f"AM.VTINS07S0.TXSIR0000.*{NUMBER_MARK}.TXT\nLENS {NUMBER_MARK} NOTICE\n"


def decision(*notices: Notice, errands: tuple[Errand, ...] = ()) -> Decision:
    """A decision to notify."""
    reasons = (Reason("LENS-E10", "Why", ("80 FR 24269",)),)
    return Decision(
        "EX-1", "notify", date(2026, 11, 23), "0123456789ab", "0123456789ab" + "0" * 52, reasons, notices, errands, ()
    )


def test_a_number_stands_wherever_it_is_marked() -> None:
    """The header and the body get the same number, and no mark is left."""
    text = Notice("release_state", "only", "TX", "TXSIR0000", TEXT).numbered("LN00000A7G")
    assert text == "AM.VTINS07S0.TXSIR0000.*LN00000A7G.TXT\nLENS LN00000A7G NOTICE\n"


def test_a_dry_run_uses_no_number() -> None:
    """What is not stored shows dashes for its number, and a held message says so and is a task for a person."""
    held = Notice("release_state", "departing", "AZ", "AZSIR0000", TEXT, held_because="ori-not-confirmed", within=1800)
    sent = Notice("residence_state", "receiving", "TX", "TXSIR0000", TEXT)
    answer = dry_run_answer(decision(held, sent, errands=(Errand("no-ori", "LENS-R50"),)))
    assert [(message.message_id, message.status) for message in answer.messages] == [
        (DRY_RUN_ID, "held"),
        (DRY_RUN_ID, "queued"),
    ]
    assert all(f"*{DRY_RUN_ID}.TXT" in message.text for message in answer.messages)
    assert [(item.code, item.state, item.id, item.status) for item in answer.work_items] == [
        ("no-ori", None, None, "open"),
        ("ori-not-confirmed", "AZ", None, "open"),
    ]


def test_the_task_of_a_held_message_names_its_place() -> None:
    """Errands stand alone; the task of a held notice points at that notice and keeps its limit of time."""
    sent = Notice("release_state", "departing", "AZ", "AZSIR0000", TEXT)
    held = Notice("residence_state", "receiving", "TX", "TXSIR0000", TEXT, held_because="ori-not-confirmed", within=1800)
    found = tasks(decision(sent, held, errands=(Errand("no-ori", "LENS-R50"),)))
    assert found == [
        (Errand("no-ori", "LENS-R50"), None),
        (Errand("ori-not-confirmed", "", "residence_state", "TX", 1800), 1),
    ]
