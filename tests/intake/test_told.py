"""What counts as told, and what is overtaken: the tables of docs/how-to/correct-a-release.md."""

import pytest
from sqlalchemy import text

from app.decide.decide import Decider
from app.domain.statuses import READY, Status
from app.store.database.engine import Store
from app.store.database.writer import Writer
from tests.intake.following_up import World, living_in

AZ, TX, NM = "AZSIR0000", "TXSIR0000", "NMSIR0000"
UNSENT = ("held", "queued", "waiting_for_state", "rejected", "dead")
TAKEN = ("sending", "sent", "presumed_delivered", "held_by_network")


@pytest.fixture
def world(store: Store, writer: Writer, decider: Decider) -> World:
    """A store, the shipped rules, and a network."""
    return World(store, writer, decider)


def put(world: World, number: int, status: str, *, maybe_duplicate: bool = False) -> None:
    """Brings a message into a status, as the dispatcher and the network would."""
    change = "UPDATE message SET status = :s, ready = :r, attempts = 1, maybe_duplicate = :d WHERE number = :n"
    with world.store.write.begin() as connection:
        values = {"s": status, "r": status in READY, "d": maybe_duplicate, "n": number}
        connection.execute(text(change), values)


@pytest.mark.parametrize("status", UNSENT)
def test_what_no_network_has_is_cancelled_and_nothing_follows_it(world: World, status: str) -> None:
    """Nobody was told, so there is nothing to take back."""
    world.accept(living_in("AZ"))
    put(world, 1, status)
    world.cancel()
    assert world.messages() == [("NEW", "AZ", "cancelled", None)]


@pytest.mark.parametrize("status", UNSENT)
def test_what_a_network_may_have_keeps_its_course_and_is_followed(world: World, status: str) -> None:
    """The outcome of a try is unknown: somebody may have read it."""
    world.accept(living_in("AZ"))
    put(world, 1, status, maybe_duplicate=True)
    world.cancel()
    assert world.messages() == [("NEW", "AZ", status, None), ("CANCEL", "AZ", "queued", "LN00000001")]


@pytest.mark.parametrize("status", TAKEN)
def test_what_is_out_or_on_its_way_is_followed(world: World, status: str) -> None:
    """Whether the network has it, keeps it for the state, or is being handed it just now."""
    world.accept(living_in("AZ"))
    put(world, 1, status)
    world.cancel()
    assert world.messages() == [("NEW", "AZ", status, None), ("CANCEL", "AZ", "queued", "LN00000001")]


@pytest.mark.parametrize("status", sorted({*Status} - {*UNSENT, *TAKEN}))
def test_what_ended_before_stays_as_it_was(world: World, status: str) -> None:
    """Cancelled already, or never meant to be sent."""
    world.accept(living_in("AZ"))
    put(world, 1, status)
    before = len(world.stored().messages[0].history)
    world.cancel()
    assert world.messages() == [("NEW", "AZ", status, None)]
    assert len(world.stored().messages[0].history) == before


@pytest.mark.parametrize("given_up", ["dead", "rejected"])
def test_a_cancel_that_was_given_up_takes_nothing_back(world: World, given_up: str) -> None:
    """The state may still believe what it was told: the next follow-up tells it again, in the words it knows."""
    world.accept(living_in("TX"))
    world.send()
    world.correct(living_in("NM"))
    put(world, 4, given_up, maybe_duplicate=True)
    world.send()
    world.correct(living_in("AZ"))
    world.send()
    assert [message for message in world.messages() if message[1] == "TX"] == [
        ("NEW", "TX", "sent", None),
        ("CANCEL", "TX", given_up, "LN00000002"),
        ("CANCEL", "TX", "sent", "LN00000004"),
    ]
    assert "CTY/EL PASO STA/TX" in world.last_text(TX)


def away_and_back(world: World) -> None:
    """He would live in Texas, then in New Mexico, of which both were told, then in Texas after all, which waits to be sent."""
    world.accept(living_in("TX"))
    world.send()
    world.correct(living_in("NM"))
    world.send()
    world.correct(living_in("TX"))


def test_a_cancel_holds_until_another_message_follows_it(world: World) -> None:
    """Thrown away, it is sent again, however often the release was revised since; a follow-up that never left changes nothing."""
    away_and_back(world)
    world.cancel()
    assert [message[2:] for message in world.messages() if message[1] == "TX"] == [
        ("sent", None),
        ("sent", "LN00000002"),
        ("cancelled", "LN00000004"),
    ]
    world.thrown_away(4)
    world.send()
    assert world.arrived[TX] == [2, 4]


def test_a_cancel_that_another_message_followed_is_not_sent_again(world: World) -> None:
    """It would come after what holds."""
    away_and_back(world)
    world.send()
    world.thrown_away(4)
    world.send()
    assert [message[2] for message in world.messages() if message[1] == "TX"] == ["sent", "cancelled", "sent"]
    assert world.arrived[TX][-1] != 4


def test_a_notice_of_a_revised_release_is_not_sent_again(world: World) -> None:
    """Also where nothing follows it yet, because a person is to look first."""
    world.accept(living_in("TX"))
    world.send()
    world.correct(living_in("NM", holds=["juvenile"]))
    world.thrown_away(1)
    world.send()
    assert [message[2] for message in world.messages()] == ["cancelled", "sent"]
