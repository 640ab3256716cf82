import itertools
import json
from collections.abc import Iterator
from contextlib import closing

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from app.domain.decision import Answer
from app.domain.times import rfc3339
from app.errors import Conflict, NotFound
from app.store.accepted.releases import Accepted, accept_many, get_release
from app.store.database.engine import Store, open_store, upgrade
from app.store.database.writer import Writer
from app.store.tables.main import MESSAGE
from tests.store.invented import NOON, RULEBOOK, SECRET, accept, acceptance, rows, run


def accepted(result: object) -> Accepted:
    """The result, which is no error."""
    assert isinstance(result, Accepted)
    return result


def answer(result: object) -> Answer:
    """The public decision of a result."""
    return msgspec.json.decode(accepted(result).answer_json, type=Answer)


def test_a_release_and_all_that_follows_from_it_are_stored_together(store: Store) -> None:
    """Release, messages, their first event, their lanes, the audit row."""
    result = accepted(accept(store, acceptance("EX-1"))[0])
    assert (result.kind, result.queued) == ("new", True)
    assert rows(store, "SELECT id, release_id, mode, caller, outcome, as_of, rulebook, accepted_at FROM release") == [
        (1, "EX-1", "normal", "sor", "notify", "2026-11-23", RULEBOOK, NOON)
    ]
    due = NOON + 1800 * 1_000_000
    columns = (
        c
        for c in MESSAGE.c
        if c.name not in {"text", "failures", "maybe_duplicate", "created_at", "changed_at", "refers_to", "not_before"}
    )
    with store.read.connect() as connection:
        messages = [tuple(row) for row in connection.execute(select(*columns).order_by(MESSAGE.c.number))]
    assert messages == [
        (1, 1, "NEW", "departing", "release_state", "AZ", "AZSIR0000", "legacy", "queued", True, 0, due, RULEBOOK),
        (2, 1, "NEW", "receiving", "residence_state", "TX", "TXSIR0000", "legacy", "queued", True, 0, due, RULEBOOK),
    ]
    assert rows(store, "SELECT number, status, at, cause FROM message_event ORDER BY id") == [
        (1, "queued", NOON, "accepted"),
        (2, "queued", NOON, "accepted"),
    ]
    assert rows(store, "SELECT ori, owner, until, token, due, fails FROM lane ORDER BY ori") == [
        ("AZSIR0000", None, 0, 0, 0, 0),
        ("TXSIR0000", None, 0, 0, 0, 0),
    ]
    assert rows(store, "SELECT action, object, outcome FROM audit WHERE actor = 'sor'") == [
        ("accept_release", "release EX-1", "notify")
    ]


def test_the_answer_has_the_real_numbers_and_the_stored_texts(store: Store) -> None:
    """What the caller reads is what is sent."""
    accept(store, acceptance("EX-1"))
    found = answer(accept(store, acceptance("EX-2"))[0])
    assert [message.message_id for message in found.messages] == ["LN00000003", "LN00000004"]
    assert [message.status for message in found.messages] == ["queued", "queued"]
    texts = [str(row[0]) for row in rows(store, "SELECT text FROM message WHERE number > 2 ORDER BY number")]
    assert texts == [message.text for message in found.messages]
    assert texts[0].startswith("AM.VTINS07S0.AZSIR0000.*LN00000003.TXT\nLENS LN00000003 ")


def test_the_same_again_gets_the_same_bytes_and_stores_nothing(store: Store) -> None:
    """A replay is told apart, and nothing is queued twice, whatever the mode it comes in."""
    first = accepted(accept(store, acceptance("EX-1"))[0])
    again = accepted(accept(store, acceptance("EX-1", at=NOON + 5, backfill=True))[0])
    assert again == Accepted("replay", first.answer_json, queued=False)
    assert rows(store, "SELECT count(*) FROM message") == [(2,)]


def test_the_same_id_with_other_content_is_a_conflict(store: Store) -> None:
    """Nothing changes but the audit trail, which says that it was tried."""
    accept(store, acceptance("EX-1"))
    result = accept(store, acceptance("EX-1", content="b"))[0]
    assert isinstance(result, Conflict)
    assert rows(store, "SELECT fingerprint FROM release") == [("a" * 8,)]
    assert rows(store, "SELECT object, outcome FROM audit ORDER BY id DESC LIMIT 1") == [("release EX-1", "conflict")]


def test_the_first_of_several_with_one_id_wins_in_one_transaction(store: Store) -> None:
    """The same content replays it, other content conflicts, and the others of the group are stored."""
    group = [acceptance("EX-1"), acceptance("EX-1"), acceptance("EX-1", content="b"), acceptance("EX-2")]
    results = accept(store, *group)
    assert [getattr(result, "kind", "conflict") for result in results] == ["new", "replay", "conflict", "new"]
    assert accepted(results[0]).answer_json == accepted(results[1]).answer_json
    assert rows(store, "SELECT number, release FROM message ORDER BY number") == [(1, 1), (2, 1), (3, 2), (4, 2)]


def test_a_message_kept_back_is_held_and_a_person_is_asked(store: Store) -> None:
    """Only the other one is to be sent; the work item names the message's state and the message."""
    found = answer(accept(store, acceptance("EX-1", "held"))[0])
    assert [message.status for message in found.messages] == ["queued", "held"]
    assert [(item.id, item.code, item.state, item.status) for item in found.work_items] == [
        (1, "ori-not-confirmed", "TX", "open")
    ]
    assert rows(store, "SELECT number, status, ready FROM message ORDER BY number") == [(1, "queued", 1), (2, "held", 0)]
    assert rows(store, "SELECT id, code, number, due_at FROM work_item") == [
        (1, "ori-not-confirmed", 2, NOON + 1800 * 1_000_000)
    ]


def test_a_review_opens_a_work_item_with_its_rule_and_due_time(store: Store) -> None:
    """And there is no message."""
    found = answer(accept(store, acceptance("EX-1", "review"))[0])
    assert found.messages == ()
    item = found.work_items[0]
    assert (item.id, item.code, item.rule, item.status) == (1, "review", "TEST-2", "open")
    assert (item.opened_at, item.due_at) == ("2026-11-23T12:00:00.000000Z", "2026-11-23T13:00:00.000000Z")


def test_a_backfill_stores_the_decision_and_sends_nothing(store: Store) -> None:
    """Every message is suppressed, also one that would be held; only a review opens its work item, due at no time."""
    results = accept(store, acceptance("EX-1", "held", backfill=True), acceptance("EX-2", "review", backfill=True))
    assert [message.status for message in answer(results[0]).messages] == ["suppressed", "suppressed"]
    assert answer(results[0]).work_items == ()
    assert [(item.code, item.due_at, item.status) for item in answer(results[1]).work_items] == [("review", None, "open")]
    assert accepted(results[0]).queued is False
    assert rows(store, "SELECT DISTINCT status, ready FROM message") == [("suppressed", 0)]
    assert rows(store, "SELECT code, due_at FROM work_item") == [("review", None)]
    assert rows(store, "SELECT mode FROM release") == [("backfill",), ("backfill",)]


def test_the_evidence_is_stored_with_the_decision(store: Store) -> None:
    """What the rules saw, what fired and what was beaten; the body as it came."""
    accept(store, acceptance("EX-1"))
    evidence, body = rows(store, "SELECT evidence_json, body_json FROM release")[0]
    assert json.loads(evidence) == {
        "because": ["TEST-1"],
        "beaten": ["TEST-9"],
        "facts": {"release_reason": "OSUP", "release_state": "AZ"},
    }
    assert body == acceptance("EX-1").body


def test_no_personal_data_reaches_the_audit_trail_or_a_history(store: Store) -> None:
    """The invented name stands in body and text, and nowhere else."""
    accept(store, acceptance("EX-1"), acceptance("EX-2", "held"), acceptance("EX-1", content="b"))
    for table in ("audit", "message_event", "work_item", "lane", "counter"):
        assert SECRET not in str(rows(store, f"SELECT * FROM {table}"))  # noqa: S608 - names above


def test_a_number_of_a_rolled_back_transaction_is_given_again_and_none_is_skipped(store: Store) -> None:
    """Numbers rise in commit order, without a gap that an auditor would have to ask about."""
    with store.write.connect() as connection:
        connection.begin()
        accept_many(connection, [acceptance("EX-0")])
        connection.rollback()
    assert [message.message_id for message in answer(accept(store, acceptance("EX-1"))[0]).messages] == [
        "LN00000001",
        "LN00000002",
    ]


_examples = itertools.count()


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store for all examples of a property; each example has ids of its own."""
    with closing(open_store(f"sqlite:///{tmp_path_factory.mktemp('store') / 'lens.db'}")) as store:
        upgrade(store)
        yield store


@given(groups=st.lists(st.lists(st.tuples(st.integers(1, 4), st.sampled_from("ab")), min_size=1, max_size=6), max_size=4))
def test_whatever_comes_in_whatever_groups_one_release_an_id_is_stored(
    shared_store: Store, groups: list[list[tuple[int, str]]]
) -> None:
    """The first content of an id stands; the same again replays it; other content conflicts; numbers have no gap."""
    example = f"P{next(_examples)}"
    before = rows(shared_store, "SELECT last FROM counter WHERE name = 'message'")[0][0]
    model: dict[str, str] = {}
    for group in groups:
        stands = [model.setdefault(f"{example}-{key}", content) == content for key, content in group]
        results = accept(shared_store, *[acceptance(f"{example}-{key}", content=content) for key, content in group])
        assert [not isinstance(result, Conflict) for result in results] == stands
    stored = "SELECT release_id, substr(fingerprint, 1, 1) FROM release WHERE release_id LIKE :mine ORDER BY 1"
    assert rows(shared_store, stored, mine=f"{example}-%") == sorted(model.items())
    numbers = rows(shared_store, "SELECT number FROM message WHERE number > :before ORDER BY 1", before=before)
    assert [row[0] - before for row in numbers] == list(range(1, 2 * len(model) + 1))


def test_a_release_is_read_back_with_what_became_of_it(store: Store) -> None:
    """The decision as made, statuses and histories as they are now."""
    with Writer(store) as writer:
        writer.do_and_wait(accept_many, acceptance("EX-1", "held"))
    with store.read.connect() as connection:
        found = get_release(connection, "EX-1", caller="sor")
    assert (found.outcome, found.mode, found.accepted_at, found.corrections) == ("notify", "normal", rfc3339(NOON), ())
    assert [message.status for message in found.messages] == ["queued", "held"]
    assert [(event.status, event.cause) for event in found.messages[1].history] == [
        ("held", "kept for a person: ori-not-confirmed")
    ]
    assert [(item.code, item.message_id) for item in found.work_items] == [("ori-not-confirmed", "LN00000002")]
    assert [reason.rule for reason in found.because] == ["TEST-1"]
    assert found.warnings[0].code == "address-blank"


@pytest.mark.parametrize(("release_id", "caller"), [("EX-2", None), ("EX-1", "someone else")])
def test_a_release_of_someone_else_is_not_found(store: Store, release_id: str, caller: str | None) -> None:
    """Whoever may read only its own cannot tell another's from none."""
    accept(store, acceptance("EX-1"))
    with store.read.connect() as connection, pytest.raises(NotFound):
        get_release(connection, release_id, caller)


def test_two_messages_of_one_lane_share_it(store: Store) -> None:
    """A lane is made once, and one that is in use is left as it is."""
    accept(store, acceptance("EX-1"))
    with store.write.begin() as connection:
        connection.exec_driver_sql("UPDATE lane SET token = 7, owner = 'w' WHERE ori = 'AZSIR0000'")
    run(store, accept_many, acceptance("EX-2"), acceptance("EX-3"))
    assert rows(store, "SELECT ori, token, owner FROM lane ORDER BY ori") == [("AZSIR0000", 7, "w"), ("TXSIR0000", 0, None)]
