from datetime import date

from app.domain.decision import NUMBER_MARK, Decision, Errand, Notice, Reason, dry_run_answer, tasks
from app.domain.identifiers import DRY_RUN_ID

TEXT = f"AM.VTINS07S0.TXSIR0000.*{NUMBER_MARK}.TXT\nLENS {NUMBER_MARK} NOTICE\n"


def decision(*notices: Notice, errands: tuple[Errand, ...] = ()) -> Decision:
    """A decision to notify."""
    reasons = (Reason("LENS-E10", "Why", ("80 FR 24269",)),)
    return Decision(
        release_id="EX-1",
        outcome="notify",
        as_of=date(2026, 11, 23),
        rulebook="0123456789ab",
        rulebook_sha256="0123456789ab" + "0" * 52,
        because=reasons,
        notices=notices,
        errands=errands,
        warnings=(),
    )


def test_a_number_stands_wherever_it_is_marked() -> None:
    """The header and the body get the same number, and no mark is left."""
    text = Notice(audience="release_state", copy="only", state="TX", ori="TXSIR0000", text=TEXT).numbered("LN00000A7G")
    assert text == "AM.VTINS07S0.TXSIR0000.*LN00000A7G.TXT\nLENS LN00000A7G NOTICE\n"


def test_a_dry_run_uses_no_number() -> None:
    """What is not stored shows dashes for its number, and a held message says so and is a task for a person."""
    held = Notice(
        audience="release_state",
        copy="departing",
        state="AZ",
        ori="AZSIR0000",
        text=TEXT,
        held_because="ori-not-confirmed",
        within=1800,
    )
    sent = Notice(audience="residence_state", copy="receiving", state="TX", ori="TXSIR0000", text=TEXT)
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
    sent = Notice(audience="release_state", copy="departing", state="AZ", ori="AZSIR0000", text=TEXT)
    held = Notice(
        audience="residence_state",
        copy="receiving",
        state="TX",
        ori="TXSIR0000",
        text=TEXT,
        held_because="ori-not-confirmed",
        within=1800,
    )
    found = tasks(decision(sent, held, errands=(Errand("no-ori", "LENS-R50"),)))
    assert found == [
        (Errand("no-ori", "LENS-R50"), None),
        (Errand(code="ori-not-confirmed", rule="", audience="residence_state", state="TX", within=1800), 1),
    ]
