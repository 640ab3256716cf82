from collections.abc import Iterator
from contextlib import closing
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.decide.decide import Decider
from app.domain.identifiers import message_number
from app.errors import Conflict
from app.store.database.writer import Writer
from tests.dispatch.outbox_rows import store_in
from tests.intake.following_up import HOMES, Fate, World, living_in

LIVES = [*HOMES, None]
FATES = st.sampled_from(["taken", "taken", "refused", "lost", "arrived unheard"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("correct"), st.sampled_from(LIVES), st.sampled_from(["OSUP", "OSUP", "OSUP", "T", "REMV"])),
        st.tuples(st.just("take")),
        st.tuples(st.just("settle"), st.lists(FATES, min_size=4, max_size=4)),
        st.tuples(st.just("throw away"), st.integers(0, 5)),
        st.tuples(st.just("cancel")),
    ),
    max_size=10,
)
names = (f"EX-{place}" for place in count(1))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, decider: Decider) -> Iterator[World]:
    """One store for every example; each has a release of its own and ends with empty lanes."""
    with closing(store_in(tmp_path_factory.mktemp("laws"))) as store, Writer(store) as writer:
        yield World(store, writer, decider)


def body(release_id: str, state: str | None, reason: str) -> bytes:
    """A release of someone who lives there, released for that reason."""
    stay = {"ended": True, "released_at": "2026-11-23T10:30:00-05:00", "reason": reason, "state": "AZ"}
    return living_in(state, release_id, stay=stay)


def settle(world: World, fates: list[Fate]) -> None:
    """Each message in hand meets one of these fates."""
    world.settle(lambda number: fates[number % len(fates)])


def walk(world: World, release_id: str, steps: list[tuple[Any, ...]]) -> None:
    """Carries out the steps, then lets everything that is left go out."""
    for step in steps:
        match step:
            case ("correct", state, reason):
                try:
                    world.correct(body(release_id, state, reason), release_id)
                except Conflict:
                    assert world.stored(release_id).corrections[-1].kind == "cancellation"
            case ("cancel",):
                world.cancel(release_id)
            case ("take",):
                world.take()
            case ("settle", fates):
                settle(world, fates)
            case ("throw away", place):
                sent = [m for m in world.stored(release_id).messages if m.status == "sent"]
                if sent:
                    world.thrown_away(message_number(sent[place % len(sent)].message_id) or 0)
    world.send()


@settings(max_examples=settings().max_examples // 4)  # each waits for the disk some thirty times
@given(first=st.sampled_from(LIVES), steps=STEPS)
def test_every_state_was_told_last_what_holds(world: World, first: str | None, steps: list[tuple[Any, ...]]) -> None:
    """However corrections, cancellations, tries and the network's words fall together; and what was cancelled stays away."""
    world.arrived, release_id = {}, next(names)
    world.accept(body(release_id, first, "OSUP"))
    walk(world, release_id, steps)
    release = world.stored(release_id)
    for message in release.messages:
        assert "cancelled" not in [event.status for event in message.history[:-1]], "a cancelled message went on"
    outcome, ids = release.outcome, {message.message_id for message in release.messages}
    if release.corrections:
        outcome, ids = release.corrections[-1].outcome, set(release.corrections[-1].messages)
    holds = {
        message.ori: message.text for message in release.messages if message.message_id in ids and message.type != "CANCEL"
    }
    told = {ori: world.last_text(ori) for ori, numbers in world.arrived.items() if numbers}
    assert all(numbers == sorted(numbers) for numbers in world.arrived.values()), "a follow-up came before what it follows"
    if outcome == "hold_for_review":
        assert not any(message_id in text for text in told.values() for message_id in ids), "sent before a person looked"
    else:
        assert holds.items() <= told.items(), "a state concerned was not told, or not told last what holds"
        assert all("TYPE/CANCEL " in told[ori] for ori in told.keys() - holds.keys()), "a state still stands as told"
