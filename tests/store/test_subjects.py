import json

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event

from app.intake.follow_up import FollowUpRequest, Wording, follow_up
from app.store.accepted.follow_up import FollowUp
from app.store.accepted.release_rows import Acceptance
from app.store.accepted.releases import accept_many
from app.store.database.engine import Store
from app.store.desk.subjects import Learn, digest_of, learn, releases_of
from tests.dispatch.outbox_rows import change
from tests.store.invented import NOON, acceptance, decided, rows, run

ONE, OTHER = "12345678A", "987654321"


def having(release_id: str, number: str | None) -> Acceptance:
    """A release whose subject has this FBI number."""
    body = json.dumps({"release_id": release_id, "subject": {"name": {"last": "INVENTED"}, "fbi_number": number}})
    return acceptance(release_id)._replace(body=body)


def store_releases(store: Store, *numbers: str | None) -> None:
    """Accepts a release for each number, EX-1 and on."""
    start = int(rows(store, "SELECT count(*) FROM release")[0][0]) + 1
    run(store, accept_many, *[having(f"EX-{start + place}", number) for place, number in enumerate(numbers)])


def learn_all(store: Store, limit: int = 2) -> int:
    """Takes up everything; in how many steps."""
    steps = 1
    while run(store, learn, Learn(limit))[0]:
        steps += 1
    return steps


def found(store: Store, *numbers: str) -> list[int]:
    """The releases that are found by these numbers."""
    with store.read.connect() as connection:
        return releases_of(connection, numbers)


def corrected(release_id: str, number: str) -> FollowUpRequest:
    """A correction of a release's FBI number."""
    body = json.dumps({"release_id": release_id, "subject": {"fbi_number": number}})
    wording = Wording(lambda _, __: decided(release_id, "nothing"), lambda *_: None)
    item = FollowUp(
        release_id=release_id,
        kind="correction",
        fingerprint=number * 7,
        body=body,
        reason=None,
        by="sor",
        own=True,
        at=NOON,
        format="legacy",
    )
    return FollowUpRequest(item, wording)


def test_releases_of_a_subject_are_found_newest_first(store: Store) -> None:
    """Whatever the size of the steps; one without a number is found by none."""
    store_releases(store, ONE, OTHER, None, ONE, "")
    assert found(store, ONE) == []
    assert learn_all(store) == 3
    assert (found(store, ONE), found(store, OTHER), found(store, ONE, OTHER)) == ([4, 1], [2], [4, 2, 1])
    assert found(store, "99999999") == found(store) == []


def test_what_comes_later_is_taken_up_later(store: Store) -> None:
    """A step with nothing to do changes nothing, and each release is taken up once."""
    learn_all(store)
    store_releases(store, ONE)
    learn_all(store)
    secret = rows(store, "SELECT secret FROM subject_index")
    learn_all(store)
    store_releases(store, ONE)
    learn_all(store)
    assert found(store, ONE) == [2, 1]
    assert rows(store, "SELECT secret FROM subject_index") == secret


def test_a_correction_of_the_number_is_found_by_both(store: Store) -> None:
    """A state may quote what it was told first. Several corrections may begin at one message, and each is taken up."""
    store_releases(store, ONE, ONE, ONE)
    run(store, follow_up, corrected("EX-1", OTHER))
    learn_all(store)
    run(store, follow_up, corrected("EX-2", OTHER), corrected("EX-3", OTHER), corrected("EX-1", "7654321"))
    assert len(rows(store, "SELECT DISTINCT first_message FROM release_version")) == 1
    learn_all(store)
    assert found(store, ONE) == found(store, OTHER) == [3, 2, 1]
    assert found(store, "7654321") == [1]


def test_a_digest_alone_finds_nothing(store: Store) -> None:
    """Another subject with the same digest is not taken for this one."""
    store_releases(store, ONE, OTHER)
    learn_all(store)
    change(store, "UPDATE subject_digest SET digest = (SELECT digest FROM subject_digest WHERE release = 1)")
    assert (found(store, ONE), found(store, OTHER)) == ([1], [])


def test_a_number_stands_nowhere_but_in_the_body(store: Store) -> None:
    """Neither it nor a digest that tells it: two stores have other digests, and a digest has 24 bits."""
    store_releases(store, ONE)
    learn_all(store)
    digest = rows(store, "SELECT digest FROM subject_digest")[0][0]
    assert 0 <= digest < 2**24
    assert ONE not in str(rows(store, "SELECT * FROM subject_digest, subject_index"))
    assert len({digest_of(f"{secret:064x}", ONE) for secret in range(40)}) > 35


@given(st.text(alphabet="0123456789ABCDEFGHJKLMNPRTVWX", min_size=1, max_size=9))
def test_a_digest_is_the_same_each_time(number: str) -> None:
    """Of one number under one secret."""
    assert digest_of("ab" * 32, number) == digest_of("ab" * 32, number)


def test_accepting_costs_no_statement_more(store: Store) -> None:
    """Nothing about subjects is written while a release is accepted."""
    seen: list[str] = []
    event.listen(store.write, "before_cursor_execute", lambda *words: seen.append(words[2]))
    store_releases(store, ONE)
    assert not [statement for statement in seen if "subject" in statement]


def test_a_body_that_cannot_be_read_stops_nothing(store: Store) -> None:
    """It is found by no number, and what is behind it is taken up."""
    run(store, accept_many, acceptance("EX-1")._replace(body="[]"), acceptance("EX-2")._replace(body="{"), having("EX-3", ONE))
    learn_all(store)
    assert found(store, ONE) == [3]
