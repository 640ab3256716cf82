import asyncio

import pytest
from sqlalchemy import text

from app.decide.decide import Decider
from app.decide.terms import Terms
from app.errors import Conflict, NotFound, Refused, ReleaseIdTaken
from app.intake.lift import lift_hold
from app.store.accepted.bodies import Decided, bodies, decided_last
from app.store.database.engine import Store
from app.store.database.writer import Writer
from app.store.ledger.messages import Requeue, requeue
from tests.intake.following_up import World, decided, living_in
from tests.store.invented import NOON, rows

ONE, TWO, THREE = "LN00000001", "LN00000002", "LN00000003"
AZ, TX, NM = "AZSIR0000", "TXSIR0000", "NMSIR0000"


@pytest.fixture
def world(store: Store, writer: Writer, decider: Decider) -> World:
    """A store, the shipped rules, and a network."""
    return World(store, writer, decider)


def told(world: World) -> None:
    """Arizona and Texas have been told."""
    world.accept(living_in("TX"))
    world.send()


def body_lines(text: str) -> list[str]:
    """The lines after the header and the first."""
    return text.splitlines()[2:4]


def test_who_was_told_is_corrected_and_who_is_concerned_no_longer_gets_a_cancel(world: World) -> None:
    """Moved from Texas to New Mexico: a CORRECTION, a CANCEL in the words of then, a NEW; each in its lane."""
    told(world)
    followed = world.correct(living_in("NM"))
    assert (followed.kind, followed.queued) == ("new", True)
    found = decided(followed)
    assert [(m.type, m.copy, m.state, m.status) for m in found.messages] == [
        ("CORRECTION", "departing", "AZ", "queued"),
        ("CANCEL", "receiving", "TX", "queued"),
        ("NEW", "receiving", "NM", "queued"),
    ]
    world.send()
    assert world.arrived == {AZ: [1, 3], TX: [2, 4], NM: [5]}
    assert body_lines(world.last_text(AZ)) == ["TYPE/CORRECTION COPY/DEPARTING STATE/AZ ALSO SENT TO/NM", f"REFERS TO/{ONE}"]
    assert body_lines(world.last_text(TX)) == ["TYPE/CANCEL COPY/RECEIVING STATE/TX ALSO SENT TO/AZ", f"REFERS TO/{TWO}"]
    assert "CTY/EL PASO STA/TX ZIP/79901" in world.last_text(TX)
    assert "CTY/DEMING STA/NM" in world.last_text(AZ)
    assert "REFERS TO" not in world.last_text(NM)


def test_what_is_recorded_is_what_stands(world: World, store: Store) -> None:
    """For a replay a release is what it was corrected to last; one that was cancelled is none."""
    for release_id in ("EX-1", "EX-2", "EX-3"):
        world.accept(living_in("TX", release_id))
    world.correct(living_in("NM", "EX-2"), "EX-2")
    world.correct(living_in("AZ", "EX-2"), "EX-2")
    world.cancel("EX-3")
    with store.read.connect() as connection:
        found = list(bodies(connection))
    assert found == [living_in("TX", "EX-1"), living_in("AZ", "EX-2")]


def test_what_was_not_sent_is_cancelled_and_never_sent(world: World, store: Store) -> None:
    """Nobody was told, so all is NEW; the history and the audit trail say why."""
    world.accept(living_in("TX"))
    world.correct(living_in("NM"))
    assert world.messages() == [
        ("NEW", "AZ", "cancelled", None),
        ("NEW", "TX", "cancelled", None),
        ("NEW", "AZ", "queued", None),
        ("NEW", "NM", "queued", None),
    ]
    assert world.stored().messages[0].history[-1].cause == "overtaken by a correction by sor"
    world.send()
    assert world.arrived == {AZ: [3], NM: [4]}
    assert rows(store, "SELECT action, outcome FROM audit WHERE actor = 'sor' ORDER BY id") == [
        ("accept_release", "notify"),
        ("correct_release", "notify"),
    ]


def test_a_history_never_runs_backwards_in_time(world: World, store: Store) -> None:
    """A cancellation that waited while a dispatcher tried the message is written as later than that try."""
    world.accept(living_in("TX"))
    later = NOON + 60 * 60_000_000
    with store.write.begin() as connection:
        connection.execute(text("UPDATE message SET changed_at = :later"), {"later": later})
        connection.execute(text("UPDATE message_event SET at = :later"), {"later": later})
    world.cancel()
    for message in world.stored().messages:
        times = [event.at for event in message.history]
        assert [event.status for event in message.history] == ["queued", "cancelled"]
        assert times == sorted(times)
        assert message.changed_at == times[-1]


def test_two_quick_corrections_refer_to_what_was_told(world: World) -> None:
    """The first correction never left, so the second refers to the first notice; a third, after it left, to the second."""
    told(world)
    world.correct(living_in("NM"))
    world.correct(living_in("AZ"))
    assert world.messages()[2:] == [
        ("CORRECTION", "AZ", "cancelled", ONE),
        ("CANCEL", "TX", "cancelled", TWO),
        ("NEW", "NM", "cancelled", None),
        ("CORRECTION", "AZ", "queued", ONE),
        ("CANCEL", "TX", "queued", TWO),
    ]
    world.send()
    world.correct(living_in("TX"))
    assert world.messages()[7:] == [("CORRECTION", "AZ", "queued", "LN00000006"), ("CORRECTION", "TX", "queued", "LN00000007")]
    world.send()
    assert body_lines(world.last_text(TX))[1] == "REFERS TO/LN00000007"


def test_what_is_under_way_is_followed_in_its_lane(world: World) -> None:
    """It may be out, so a CANCEL follows. Where no word came of the try it is tried again before that; where it was refused, not."""
    world.accept(living_in("TX"))
    world.take()
    found = decided(world.cancel())
    assert [(m.type, m.state) for m in found.messages] == [("CANCEL", "AZ"), ("CANCEL", "TX")]
    world.settle(lambda number: "refused" if number == 1 else "arrived unheard")
    assert [message[2] for message in world.messages()] == ["cancelled", "queued", "queued", "queued"]
    world.send()
    assert world.arrived == {AZ: [3], TX: [2, 2, 4]}


def test_the_same_again_sends_nothing(world: World, store: Store) -> None:
    """The content that stands gives the answer of then, whoever sent it first: release, correction or cancellation."""
    told(world)
    assert world.correct(living_in("TX")).kind == "replay"
    first = world.correct(living_in("NM"))
    again = world.correct(living_in("NM"))
    assert (again.kind, again.answer_json, again.queued) == ("replay", first.answer_json, False)
    ended = world.cancel()
    again = world.cancel()
    assert (again.kind, again.answer_json) == ("replay", ended.answer_json)
    assert rows(store, "SELECT count(*) FROM release_version") == [(2,)]
    with store.read.connect() as connection:
        stands = Decided(living_in("NM").decode(), world.decider.book.sha256)  # until it was cancelled
        assert (decided_last(connection, "EX-1"), decided_last(connection, "EX-2")) == (stands, None)
    with pytest.raises(Conflict, match="cancelled"):
        world.correct(living_in("TX"))
    assert world.accept(living_in("TX")).outcome == "notify"


def test_a_repetition_held_up_does_not_undo_a_newer_correction(world: World, store: Store) -> None:
    """It came in before what stands now, and has stood before: refused. Said later, the same content is a correction again."""
    told(world)
    world.correct(living_in("NM"))
    world.correct(living_in("TX"))
    with pytest.raises(Conflict, match="overtook"):
        world.correct(living_in("NM"), before=1)
    assert rows(store, "SELECT outcome FROM audit WHERE action = 'correct_release' ORDER BY id")[-1] == ("conflict",)
    assert world.correct(living_in("NM")).kind == "new"


def test_a_clock_set_back_refuses_no_correction(world: World) -> None:
    """Back to what stood earlier, asked for after the answer to the one before: which is newer is not asked of the clock."""
    told(world)
    world.correct(living_in("NM"))
    world.now -= 3_600_000_000
    assert world.correct(living_in("TX")).kind == "new"
    world.send()
    assert "CTY/EL PASO STA/TX ZIP/79901" in world.last_text(AZ)


def test_a_cancellation_takes_back_what_was_told(world: World) -> None:
    """Each is told whom else; a state cancelled before is left alone; the release shows both."""
    told(world)
    world.correct(living_in("NM"))
    world.send()
    found = decided(world.cancel())
    assert (found.outcome, found.because) == ("do_not_notify", ())
    assert [(m.type, m.state) for m in found.messages] == [("CANCEL", "AZ"), ("CANCEL", "NM")]
    assert "ALSO SENT TO/NM" in found.messages[0].text
    assert "CTY/DEMING" in found.messages[0].text
    shown = world.stored().corrections
    assert [(c.version, c.kind, c.by, c.outcome, c.reason) for c in shown] == [
        (2, "correction", "sor", "notify", None),
        (3, "cancellation", "sor", "do_not_notify", "wrong person"),
    ]
    assert shown[1].messages == ("LN00000006", "LN00000007")


def test_what_stood_as_told_stays_until_a_person_has_looked(world: World) -> None:
    """A correction that needs a person sends nothing; lifted, it corrects who was told and cancels who is not concerned."""
    told(world)
    found = decided(world.correct(living_in("NM", holds=["juvenile"])))
    assert (found.outcome, found.messages, [item.code for item in found.work_items]) == ("hold_for_review", (), ["review"])
    world.send()
    assert world.arrived == {AZ: [1], TX: [2]}
    asyncio.run(
        lift_hold(
            writer=world.writer,
            decider=world.decider,
            work_item=found.work_items[0].id or 0,
            reason="checked",
            caller="op",
            clock=world.clock,
        )
    )
    assert [(m.type, m.state, m.refers_to) for m in world.stored().messages[2:]] == [
        ("CORRECTION", "AZ", ONE),
        ("CANCEL", "TX", TWO),
        ("NEW", "NM", None),
    ]


def test_work_items_that_no_longer_apply_are_closed(world: World) -> None:
    """What still applies stays open and is not asked for twice; a review is asked for anew."""
    first = world.accept(living_in(None))
    assert [item.code for item in first.work_items] == ["no-residence-state"]
    second = decided(world.correct(living_in(None, holds=["juvenile"])))
    third = decided(world.correct(living_in(None, holds=["juvenile", "asylum"])))
    assert [item.id for item in (*second.work_items, *third.work_items)] == [2, 3]
    fourth = decided(world.correct(living_in(None)))
    fifth = decided(world.correct(living_in(None, convictions=[{"charge_code": "0902", "status": "convicted"}])))
    assert [item.id for item in (*fourth.work_items, *fifth.work_items)] == [4, 4]
    world.correct(living_in("TX"))
    assert {(item.status, item.reason) for item in world.stored().work_items} == {("resolved", "superseded by a correction")}


def test_a_held_message_is_cancelled_with_its_work_item(store: Store, writer: Writer, decider: Decider) -> None:
    """It was never sent, and lifting it later sends nothing."""
    world = World(store, writer, Decider(decider.book, Terms(allow_generic_ori=False)))
    world.accept(living_in("TX"))
    world.cancel()
    assert world.messages() == [("NEW", "AZ", "cancelled", None), ("NEW", "TX", "cancelled", None)]
    with pytest.raises(Conflict):
        asyncio.run(lift_hold(writer=writer, decider=world.decider, work_item=1, reason="late", caller="op", clock=world.clock))


def test_a_backfilled_release_stays_silent(world: World, store: Store) -> None:
    """Its corrections and its cancellation are stored and send nothing, and ask nobody to do anything."""
    world.accept(living_in(None), backfill=True)
    assert {m.status for m in decided(world.correct(living_in("NM"))).messages} == {"suppressed"}
    assert decided(world.cancel()).messages == ()
    world.send()
    assert (world.arrived, rows(store, "SELECT count(*) FROM work_item")) == ({}, [(0,)])


def test_a_message_that_was_overtaken_is_not_sent_again(world: World) -> None:
    """Thrown away by the network after its correction it stays away; refused, it cannot be requeued; a CANCEL is sent again."""
    told(world)
    world.correct(living_in("NM"))
    world.send()
    world.thrown_away(1)
    world.thrown_away(4)
    assert [message[2] for message in world.messages()] == ["cancelled", "sent", "sent", "waiting_for_state", "sent"]
    world.send()
    assert world.arrived == {AZ: [3], TX: [2, 4], NM: [5]}
    change = "UPDATE message SET status = 'rejected' WHERE number IN (2, 3)"
    with world.store.write.begin() as connection:
        connection.exec_driver_sql(change)
    with pytest.raises(Conflict, match="overtaken"):
        world.writer.do_and_wait(requeue, Requeue(TWO, "again", "op", world.now))
    assert world.writer.do_and_wait(requeue, Requeue(THREE, "again", "op", world.now)).status == "queued"


def test_who_may_follow_up_what(world: World) -> None:
    """A release that is not there is not found, another's is refused as taken; another release's content is refused."""
    told(world)
    with pytest.raises(NotFound):
        world.cancel("EX-2", "sor")
    with pytest.raises(ReleaseIdTaken):
        world.cancel("EX-1", "another")
    with pytest.raises(Refused) as refused:
        world.correct(living_in("TX", "EX-2"))
    assert [fault.pointer for fault in refused.value.faults] == ["/release_id"]
    assert world.stored().corrections == ()
