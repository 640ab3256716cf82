"""Work items beside the audit trail: whoever changes one by SQL, or puts one in, is found, whatever LENS itself did with it before."""

from collections.abc import Callable

import msgspec
import pytest
from sqlalchemy import text

from app.domain.surge import Breaker
from app.intake.follow_up import Wording
from app.intake.lift import LiftRequest, lift
from app.store.accepted.lifting import Lift
from app.store.accepted.releases import accept_many
from app.store.database.engine import Store
from app.store.database.reading import look
from app.store.desk.raised import Raised, raise_items
from app.store.desk.surges import Choice, Decide, decide
from app.store.desk.work_items import Assign, Resolve, assign, resolve
from app.store.ledger.audit import AuditEntry, append
from app.store.trail.trail_check import breaks
from app.store.upkeep.escalation import Escalate, escalate
from tests.store.invented import NOON, accept, acceptance, decided, rows, run

WORDING = Wording(lambda _, __: decided("EX-1"), lambda *_: None)


def checked(store: Store) -> list[str]:
    """All that does not hold, without reading contents."""
    return [each.what for each in look(store, breaks)]


def change(store: Store, statement: str) -> None:
    """What somebody does who can write to the database."""
    with store.write.begin() as connection:
        connection.execute(text(statement))


def lift_as(store: Store, name: str) -> None:
    """Somebody lifts the first work item."""
    item = Lift(work_item=1, reason="Counsel has cleared it", by=name, at=NOON + 1, format="legacy")
    run(store, lift, LiftRequest(item, WORDING))


@pytest.fixture
def held(store: Store) -> Store:
    """A release that two people must lift, and a work item that delivery opened."""
    item = acceptance("EX-1", "review")
    accept(store, item._replace(decision=msgspec.structs.replace(item.decision, two_people=True)))
    with store.write.begin() as connection:
        raise_items(connection, NOON, [Raised("network-out", None, "the network is out")])
    assert checked(store) == []
    return store


def do_nothing(_: Store) -> None:
    """The work items stay as they were opened."""


def lift_first(store: Store) -> None:
    """The first of two people lifts it."""
    lift_as(store, "ann")


def lift_twice(store: Store) -> None:
    """Two people lift it."""
    lift_as(store, "ann")
    lift_as(store, "ben")


def reassign(store: Store) -> None:
    """Somebody takes it in hand, and somebody else."""
    run(store, assign, Assign(1, "ann", "op", NOON), Assign(1, "ben", "op", NOON))


def close_item(store: Store) -> None:
    """It is resolved."""
    run(store, resolve, Resolve(1, "done", "op", NOON))


def fall_due(store: Store) -> None:
    """It is found overdue."""
    run(store, escalate, Escalate(10))


CHANGES = (
    "lift = CASE WHEN lift IS NULL THEN 'two_people' END",
    "first_lift_by = CASE WHEN first_lift_by = 'ann' THEN 'cara' ELSE 'ann' END",
    "status = CASE WHEN status = 'open' THEN 'resolved' ELSE 'open' END",
    "code = 'no-ori'",
    "release = NULL",
    "number = 7",
    "due_at = 9223372036854775807",
    "assigned_to = 'x'",
    "resolved_by = 'x'",
    "escalated_at = 9",
)


@pytest.mark.parametrize("act", [do_nothing, lift_first, lift_twice, reassign, close_item, fall_due])
def test_a_work_item_is_as_the_last_row_about_it_tells(held: Store, act: Callable[[Store], None]) -> None:
    """After each thing that LENS does with it, one column that somebody changes by SQL is found, and nothing before that."""
    act(held)
    assert checked(held) == []
    for value in CHANGES:
        with held.write.connect() as connection, connection.begin() as transaction:
            connection.execute(text(f"UPDATE work_item SET {value} WHERE id = 1"))  # noqa: S608 - from above
            found = [each.what for each in breaks(connection)]
            transaction.rollback()
        assert found == ["work item 1 was changed since it told of it"], value


def test_a_work_item_that_delivery_opened_is_covered(held: Store) -> None:
    """Also where no other row tells of it."""
    told = rows(held, "SELECT actor, action, object FROM audit ORDER BY id DESC LIMIT 1")
    assert told == [("lens", "cover_work_items", "1 work item")]
    change(held, "UPDATE work_item SET status = 'resolved' WHERE id = 2")
    assert checked(held) == ["work item 2 was changed since it told of it"]
    change(held, "DELETE FROM work_item WHERE id = 2")
    assert checked(held) == ["it tells of work item 2, which the database no longer has"]


def test_a_second_work_item_for_one_person_cannot_be_put_in_unseen(held: Store) -> None:
    """One that a single person could lift, beside the one that takes two."""
    change(
        held,
        "INSERT INTO work_item (id, code, release, rule, detail, status, opened_at)"
        " SELECT 9, code, release, rule, '', 'open', opened_at FROM work_item WHERE id = 1",
    )
    assert checked(held) == ["no row tells of work item 9"]


def test_work_items_opened_before_they_were_covered_are_let_be(store: Store) -> None:
    """Until LENS does something with one: from then on it is covered."""
    insert = "INSERT INTO work_item (id, code, rule, detail, status, opened_at) VALUES ({}, 'network-out', '', '', 'open', 1)"
    for key in (1, 2):
        change(store, insert.format(key))
    change(store, "UPDATE counter SET last = 2 WHERE name = 'work_item'")
    accept(store, acceptance("EX-1", "review"))
    change(store, "UPDATE work_item SET code = 'no-ori' WHERE id = 2")
    assert checked(store) == []
    run(store, resolve, Resolve(1, "done", "op", NOON))
    change(store, "UPDATE work_item SET status = 'open' WHERE id = 1")
    assert checked(store) == ["work item 1 was changed since it told of it"]


def test_a_row_of_an_earlier_version_ends_what_was_covered(held: Store) -> None:
    """While hosts are upgraded one by one: what that process did has no sum, and is no break."""
    with held.write.begin() as connection:
        connection.execute(text("UPDATE work_item SET assigned_to = 'ann' WHERE id = 1"))
        append(
            connection,
            [AuditEntry(at=NOON, actor="op", action="assign_work_item", target="work item 1", outcome="assigned")],
        )
    assert checked(held) == []


@pytest.mark.parametrize(
    ("choice", "statement", "told"),
    [
        (None, "UPDATE surge SET decision = 'release'", "decided: released, but the work item is open"),
        (None, "UPDATE surge SET decision = 'x'", "decided, but the work item is open"),
        ("drop", "UPDATE surge SET decision = 'release'", "decided: released, but the work item is resolved as rejected"),
        ("release", "UPDATE surge SET decision = 'drop'", "decided: dropped, but the work item is resolved as lifted"),
        ("release", "UPDATE surge SET decision = NULL", "not decided, but the work item is resolved as lifted"),
    ],
)
def test_a_surge_decided_otherwise_than_its_work_item_says_is_told(
    store: Store, choice: Choice | None, statement: str, told: str
) -> None:
    """Messages that a person dropped, or did not look at, would go out, or those released would not."""
    run(store, accept_many, *[acceptance(f"EX-{n}")._replace(breaker=Breaker(floor=1)) for n in range(2)])
    if choice is not None:
        run(store, decide, Decide(work_item=1, choice=choice, reason="looked at", by="op", at=NOON))
    assert checked(store) == []
    change(store, statement)
    assert checked(store)[0] == f"the surge of work item 1 is {told}"


def test_a_surge_that_an_earlier_version_decided_is_let_be(store: Store) -> None:
    """It did not keep how a work item was closed."""
    run(store, accept_many, *[acceptance(f"EX-{n}")._replace(breaker=Breaker(floor=1)) for n in range(2)])
    change(store, "UPDATE surge SET decision = 'drop'")
    change(store, "UPDATE work_item SET status = 'resolved'")
    assert checked(store) == ["work item 1 was changed since it told of it"]
