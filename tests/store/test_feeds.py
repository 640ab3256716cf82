import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec
from sqlalchemy import text

from app.domain.feeds import Feed, Watch
from app.domain.times import SECOND, rfc3339
from app.errors import Conflict
from app.store.accepted.releases import accept_many
from app.store.callers.feeds import (
    Heartbeat,
    HeartbeatAnswer,
    TakenHeartbeat,
    heartbeats,
    list_feeds,
    watch_feeds,
)
from app.store.callers.keys import NewKey, Revoke, create, revoke
from app.store.database.engine import Store
from app.store.database.writer import Writer
from app.store.desk.work_items import Resolve, resolve
from app.store.trail.trail_check import verify
from tests.store.invented import NOON, accept, acceptance, rows, run

HOUR = 3600 * SECOND


def beat(store: Store, told: int, at: int = NOON, caller: str = "sor", sent_at: int | None = None) -> HeartbeatAnswer:
    """One heartbeat, taken."""
    return answer_of(run(store, heartbeats, Heartbeat(caller=caller, told=told, sent_at=sent_at, at=at, next_by=at + HOUR))[0])


def answer_of(heard: TakenHeartbeat) -> HeartbeatAnswer:
    """What it was answered."""
    return msgspec.json.decode(heard.answer_json, type=HeartbeatAnswer)


def items(store: Store, code: str) -> list[tuple[int, str, str]]:
    """Id, status and words of the work items of a code."""
    return [
        (int(key), str(status), str(detail))
        for key, status, detail in rows(
            store, "SELECT id, status, detail FROM work_item WHERE code = :code ORDER BY id", code=code
        )
    ]


def the_feed(store: Store) -> Feed:
    """The only feed."""
    with store.read.connect() as connection:
        (feed,) = list_feeds(connection)
    return feed


def watch(store: Store, now: int) -> list[str]:
    """What one look at the feeds notices."""
    return [each.what for each in run(store, watch_feeds, Watch(now, HOUR))[0]]


def test_counts_that_agree_raise_nothing(store: Store) -> None:
    """The first heartbeat counts from the caller's first release, the next from the one before; other callers' do not count."""
    accept(store, acceptance("F-1"), acceptance("F-2", "nothing"), acceptance("F-3", caller="another"))
    first = beat(store, 2)
    assert first == HeartbeatAnswer(
        caller="sor",
        count=2,
        received=2,
        agrees=True,
        since=None,
        at=rfc3339(NOON),
        next_expected_by=rfc3339(NOON + HOUR),
        work_item=None,
    )
    assert beat(store, 0, NOON + 1).agrees
    accept(store, acceptance("F-4"))
    assert beat(store, 1, NOON + 2).since == rfc3339(NOON + 1)
    assert items(store, "feed-count") == []


def test_what_counts_as_a_release(store: Store) -> None:
    """A backfill does; a replay, a conflict and one that came in the same group twice do not."""
    accept(store, acceptance("F-1"), acceptance("F-1"), acceptance("F-2", backfill=True))
    assert isinstance(accept(store, acceptance("F-1", content="b"))[0], Conflict)
    accept(store, acceptance("F-2", backfill=True))
    assert beat(store, 2).agrees


def test_a_wrong_count_opens_one_work_item(store: Store) -> None:
    """It names both counts and the time between; more differences are added to it while it is open, and none closes it."""
    accept(store, acceptance("F-1"))
    told = beat(store, 3)
    assert (told.agrees, told.received) == (False, 1)
    ((key, status, detail),) = items(store, "feed-count")
    assert (told.work_item, status) == (key, "open")
    assert detail == f"Feed sor told of 3 releases, LENS received 1, from its first release to {rfc3339(NOON)}."
    accept(store, acceptance("F-2"), acceptance("F-3"))
    assert beat(store, 0, NOON + 1).work_item == key
    assert beat(store, 0, NOON + 2).agrees
    ((_, status, more),) = items(store, "feed-count")
    assert status == "open"
    assert more.startswith(detail)
    assert more.endswith("In all it has told of 3, and LENS received 3.")
    assert the_feed(store).differences == 2
    run(store, resolve, Resolve(key, "The answers were lost on the way.", "the operator", NOON))
    assert beat(store, 9, NOON + 3).work_item not in {None, key}
    assert [status for _, status, _ in items(store, "feed-count")] == ["resolved", "open"]


def test_a_heartbeat_that_comes_again_is_taken_once(store: Store) -> None:
    """The same time of sending and the same count give the answer of then; another of either is a new one."""
    accept(store, acceptance("F-1"))
    sent = Heartbeat(caller="sor", told=1, sent_at=NOON - 5, at=NOON, next_by=NOON + HOUR)
    first, again = (run(store, heartbeats, sent._replace(at=at))[0] for at in (NOON, NOON + 7))
    assert (first.kind, again.kind, again.answer_json) == ("new", "replay", first.answer_json)
    assert not beat(store, 1, NOON + 8, sent_at=NOON - 4).agrees
    assert beat(store, 0, NOON + 9, sent_at=NOON - 4).agrees
    assert rows(store, "SELECT count(*) FROM audit WHERE action = 'heartbeat'") == [(3,)]


def test_each_release_is_in_exactly_one_count(store: Store, new_store: Callable[[], Store]) -> None:
    """However accepting and heartbeats interleave, in several processes, no release is missed and none is counted twice."""
    stores = [store, new_store(), new_store()]
    stopping = threading.Event()

    def send(number: int) -> None:
        with Writer(stores[number]) as writer:
            for each in range(40):
                writer.do_and_wait(accept_many, acceptance(f"C-{number}-{each}", "nothing"))

    def count() -> int:
        received = 0
        with Writer(stores[2]) as writer:
            while True:
                last = stopping.is_set()
                received += answer_of(
                    writer.do_and_wait(heartbeats, Heartbeat(caller="sor", told=0, sent_at=None, at=NOON, next_by=NOON))
                ).received
                if last:
                    return received

    with ThreadPoolExecutor(3) as pool:
        counting = pool.submit(count)
        for sending in [pool.submit(send, number) for number in (0, 1)]:
            sending.result()
        stopping.set()
        assert counting.result() == 80
    with store.read.connect() as connection:
        assert verify(connection) is None


def test_a_silent_feed_is_raised_once_and_noted_when_it_is_back(store: Store) -> None:
    """After longer than the limit, once; the work item stays open when the feed is heard again, and says so."""
    assert watch(store, NOON) == []
    beat(store, 0)
    assert watch(store, NOON + HOUR) == []
    assert watch(store, NOON + HOUR + 1) == ["silent"]
    assert watch(store, NOON + 9 * HOUR) == []
    assert the_feed(store).silent_since == NOON
    ((key, status, detail),) = items(store, "feed-silent")
    assert (status, detail) == ("open", f"Feed sor is silent: nothing was heard of it since {rfc3339(NOON)}.")
    beat(store, 0, NOON + 10 * HOUR)
    assert the_feed(store).silent_since is None
    assert items(store, "feed-silent") == [(key, "open", f"{detail} It was heard again at {rfc3339(NOON + 10 * HOUR)}.")]
    assert watch(store, NOON + 12 * HOUR) == ["silent"]
    ((same, _, more),) = items(store, "feed-silent")
    assert (same, more.count("is silent")) == (key, 2)
    actions = rows(store, "SELECT action FROM audit WHERE object = 'feed sor' ORDER BY id")
    assert [action for (action,) in actions] == ["heartbeat", "feed_silent", "feed_back", "heartbeat", "feed_silent"]


def test_a_new_release_proves_life(store: Store) -> None:
    """Releases put silence off and end it, as heartbeats do; a caller that never sent a heartbeat is never silent."""
    accept(store, acceptance("F-0", caller="another", at=NOON - 9 * HOUR))
    beat(store, 0)
    accept(store, acceptance("F-1", at=NOON + HOUR))
    assert watch(store, NOON + 2 * HOUR) == []
    assert watch(store, NOON + 2 * HOUR + 1) == ["silent"]
    accept(store, acceptance("F-2", at=NOON + 3 * HOUR))
    assert watch(store, NOON + 3 * HOUR) == ["back"]
    assert the_feed(store).caller == "sor"


def test_a_feed_ends_when_its_keys_are_revoked(store: Store) -> None:
    """A caller with no key left but revoked ones is watched no longer; one whose key ran out still is, and one with a new key is again."""
    run(store, create, NewKey(name="sor", role="system_of_record", by="tests", at=NOON, expires_at=NOON + 1))
    beat(store, 0)
    assert the_feed(store).caller == "sor"
    run(store, revoke, Revoke("sor", "tests", NOON + HOUR))
    with store.read.connect() as connection:
        assert list_feeds(connection) == ()
    assert watch(store, NOON + 9 * HOUR) == []
    run(store, create, NewKey(name="sor", role="system_of_record", by="tests", at=NOON + HOUR, expires_at=None))
    assert watch(store, NOON + 9 * HOUR) == ["silent"]


def test_of_several_processes_one_raises_it(store: Store, new_store: Callable[[], Store]) -> None:
    """All look at the same moment; there is one work item and one row in the audit trail."""
    beat(store, 0)
    stores = [store, *(new_store() for _ in range(3))]
    together = threading.Barrier(len(stores))

    def look(one: Store) -> int:
        with Writer(one) as writer:
            together.wait(20)
            return len(writer.do_and_wait(watch_feeds, Watch(NOON + 2 * HOUR, HOUR)))

    with ThreadPoolExecutor(len(stores)) as pool:
        assert sorted(pool.map(look, stores)) == [0, 0, 0, 1]
    assert len(items(store, "feed-silent")) == 1
    assert rows(store, "SELECT count(*) FROM audit WHERE action = 'feed_silent'") == [(1,)]


def test_counting_does_not_read_the_releases(store: Store) -> None:
    """The count and the newest release of a caller come from an index, however large the releases are."""
    plan = "EXPLAIN QUERY PLAN " if store.dialect == "sqlite" else "EXPLAIN "
    with store.read.connect() as connection:
        if store.dialect == "postgresql":
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        query = "SELECT count(*), max(id) FROM release WHERE caller = 'sor' AND id > 7"
        assert "release_by_caller" in str(connection.execute(text(plan + query)).all())
