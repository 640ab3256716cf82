from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.decide.decide import Decider
from app.domain.surge import HOUR, Breaker, kind_of
from app.errors import Conflict
from app.store.database.writer import Writer
from app.store.desk import surges
from tests.dispatch.outbox_rows import store_in
from tests.intake.surging import Service, ids, outcome
from tests.store.invented import rows

BAND = 9
AGES = 40 * 24 * HOUR  # between two examples, so that none learns from another
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("accept"), st.integers(1, 5)),
        st.tuples(st.just("accept"), st.integers(1, 5)),
        st.tuples(st.just("correct"), st.integers(0, 9), st.sampled_from(["NM", "TX", "AZ"])),
        st.tuples(st.just("cancel"), st.integers(0, 9)),
        st.tuples(st.just("tell")),
        st.tuples(st.just("an hour passes")),
        st.tuples(st.sampled_from(["release", "drop"]), st.booleans()),
        st.tuples(st.just("carry out")),
    ),
    min_size=3,
    max_size=14,
)


class Example:
    """One history: what it has sent, what it may send, and what people decided when."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.first = int(rows(service.store, "SELECT last FROM counter WHERE name = 'message'")[0][0]) + 1
        self.release = int(rows(service.store, "SELECT last FROM counter WHERE name = 'release'")[0][0]) + 1
        self.ids: list[str] = []
        self.decided: Counter[tuple[str, int]] = Counter()
        self.end()  # what an example that failed left behind
        self.decided.clear()
        service.now += AGES

    def step(self, step: tuple[Any, ...]) -> None:
        """Carries out one."""
        service = self.service
        match step:
            case ("accept", count):
                start = self.release + len(self.ids)
                fresh = ids(start, start + count - 1)
                self.ids += fresh
                service.accept(*fresh)
            case ("correct", place, state) if self.ids:
                found = outcome(lambda: service.correct(self.ids[place % len(self.ids)], state))
                assert not isinstance(found, Exception) or isinstance(found, Conflict)
            case ("cancel", place) if self.ids:
                service.cancel(self.ids[place % len(self.ids)])
            case ("tell",):
                run(service, "UPDATE message SET status = 'sent', ready = false WHERE status = 'queued'")
            case ("an hour passes",):
                service.now += HOUR
            case (("release" | "drop") as choice, done):
                self.decide(choice, done=done)
            case ("carry out",):
                service.writer.do_and_wait(surges.carry_out, surges.CarryOut())

    def decide(self, choice: surges.Choice, *, done: bool) -> None:
        """A person decides about the oldest surge; it is carried out at once, or its process comes to an end."""
        service = self.service
        for work_item, kind in rows(
            service.store, "SELECT work_item, kind FROM surge WHERE decision IS NULL ORDER BY 1 LIMIT 1"
        ):
            service.writer.do_and_wait(
                surges.decide, surges.Decide(work_item=work_item, choice=choice, reason="looked at", by="op", at=service.now)
            )
            self.decided[kind, service.now // HOUR] += 1
            if done:
                self.carry_out()

    def carry_out(self) -> None:
        """To the end."""
        while self.service.writer.do_and_wait(surges.carry_out, surges.CarryOut()).more:
            pass

    def end(self) -> None:
        """Whatever waits is dropped."""
        for _ in range(2):  # notices and CANCELs
            self.decide("drop", done=True)
        self.carry_out()

    def check(self) -> None:
        """Whatever happened so far."""
        store = self.service.store
        messages = rows(
            store,
            "SELECT message.number, type, created_at, message.status, surge, decision FROM message"
            " LEFT JOIN surge_hold ON surge_hold.number = message.number LEFT JOIN surge ON work_item = surge"
            " WHERE message.number >= :first ORDER BY message.number",
            first=self.first,
        )
        assert [number for number, *_ in messages] == list(range(self.first, self.first + len(messages))), "one is lost"
        passed: Counter[tuple[str, int]] = Counter()
        for _, kind, at, status, surge, decision in messages:
            if surge is None:
                passed[kind_of(kind), at // HOUR] += 1
                assert status in {"queued", "sent", "cancelled"}
            elif decision is None:
                assert status in {"held", "cancelled"}, "one slipped out before a person decided"
            elif decision == "drop":
                assert status in {"held", "cancelled"}, "one was dropped and sent"
        for where, count in passed.items():
            assert count <= BAND * (1 + self.decided[where]), "more than the band passed"
        open_now = Counter(kind for (kind,) in rows(store, "SELECT kind FROM surge WHERE decision IS NULL"))
        assert all(count == 1 for count in open_now.values()), "two work items for one surge"

    def check_end(self) -> None:
        """When everything is decided and carried out, nothing waits, and each message moved at most once by a decision."""
        store, first = self.service.store, {"first": self.first}
        assert rows(store, "SELECT number FROM message WHERE status = 'held' AND number >= :first", **first) == []
        twice = (
            "SELECT number FROM message_event WHERE number >= :first AND (cause LIKE 'released by%' OR cause LIKE 'dropped by%')"
            " GROUP BY number HAVING count(*) > 1"
        )
        assert rows(store, twice, **first) == []
        gone_on = (
            "SELECT later.number FROM message_event AS gone JOIN message_event AS later"
            " ON later.number = gone.number AND later.id > gone.id WHERE gone.status = 'cancelled' AND gone.number >= :first"
        )
        assert rows(store, gone_on, **first) == [], "a cancelled message went on"
        order = rows(
            store, "SELECT number FROM message_event WHERE number >= :first AND cause LIKE 'released by%' ORDER BY id", **first
        )
        for work_item, held, done in rows(store, "SELECT work_item, held, done FROM surge"):
            assert done <= held
            of = {number for (number,) in rows(store, "SELECT number FROM surge_hold WHERE surge = :id", id=work_item)}
            mine = [number for (number,) in order if number in of]
            assert mine == sorted(mine)
        normal = rows(
            store,
            "SELECT count(*) FROM message LEFT JOIN surge_hold ON surge_hold.number = message.number"
            " WHERE surge IS NULL AND message.number >= :first",
            **first,
        )
        begun = (self.service.now - AGES) // HOUR + 1
        ((counted,),) = rows(store, "SELECT coalesce(sum(messages), 0) FROM hour_count WHERE hour >= :begun", begun=begun)
        assert counted == normal[0][0] + len(order), "what is normal was learned wrongly"


def run(service: Service, statement: str) -> None:
    """Carries out a statement behind the back of everyone."""
    with service.store.write.begin() as connection:
        connection.exec_driver_sql(statement)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, decider: Decider) -> Iterator[Service]:
    """One store for every example; three messages are released or dropped at a time."""
    with (
        pytest.MonkeyPatch.context() as patch,
        closing(store_in(tmp_path_factory.mktemp("surges"))) as store,
        Writer(store) as writer,
    ):
        patch.setattr(surges, "AT_ONCE", 3)
        yield Service(store, writer, decider, Breaker(floor=BAND))


@settings(max_examples=settings().max_examples // 2)
@given(steps=STEPS)
def test_nothing_is_lost_and_no_more_than_the_band_passes(service: Service, steps: list[tuple[Any, ...]]) -> None:
    """However floods, corrections, cancellations, hours, decisions and interrupted processes fall together."""
    example = Example(service)
    for step in steps:
        example.step(step)
        example.check()
    example.end()
    example.check()
    example.check_end()
