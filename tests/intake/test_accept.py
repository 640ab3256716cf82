import asyncio
import json
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from app.decide.decide import Decider
from app.decide.terms import Terms
from app.domain.decision import dry_run_answer
from app.domain.identifiers import DRY_RUN_ID
from app.domain.release import read_release
from app.domain.times import moment
from app.errors import Conflict, NotJson, Refused
from app.intake.accept import Intake, fingerprint
from app.store.accepted.releases import Accepted
from app.store.database.engine import Store, open_store
from app.store.database.writer import Writer
from tests.intake.invented import NEEDS_A_PERSON, NOT_A_RELEASE, TO_TWO_STATES, document, release

NOON = 1_795_435_200_000_000


@pytest.fixture
def intake(writer: Writer, decider: Decider) -> Intake:
    """The way in, at a fixed time."""
    return Intake(writer, lambda: decider, lambda: NOON)


def count(store: Store, table: str) -> int:
    """Rows of a table."""
    with store.read.connect() as connection:
        return int(connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0)  # noqa: S608 - a name from the test


def test_a_release_is_decided_and_stored_before_the_answer(store: Store, intake: Intake) -> None:
    """Two states are told, in texts that carry their real numbers."""
    accepted = asyncio.run(intake.accept(release("EX-1"), "sor"))
    answer = json.loads(accepted.answer_json)
    assert (accepted.kind, answer["outcome"], answer["as_of"]) == ("new", "notify", "2026-11-23")
    assert [(m["message_id"], m["copy"], m["state"], m["status"]) for m in answer["messages"]] == [
        ("LN00000001", "departing", "AZ", "queued"),
        ("LN00000002", "receiving", "TX", "queued"),
    ]
    for message in answer["messages"]:
        lines = message["text"].split("\n")
        assert lines[0] == f"AM.VTINS07S0.{message['ori']}.*{message['message_id']}.TXT"
        assert lines[1].startswith(f"LENS {message['message_id']} ")
        assert "\0" not in message["text"]
    assert (count(store, "release"), count(store, "message"), count(store, "work_item")) == (1, 2, 0)


@pytest.mark.parametrize("reason", [TO_TWO_STATES, NEEDS_A_PERSON, NOT_A_RELEASE])
@pytest.mark.parametrize("generic", [True, False])
def test_the_answer_is_the_dry_run_with_numbers_and_times(
    writer: Writer, decider: Decider, reason: str, *, generic: bool
) -> None:
    """Deciding without storing says the same, also about what is kept back for a person."""
    strict = Decider(decider.book, Terms(allow_generic_ori=generic))
    raw = release("EX-1", reason)
    dry = json.loads(msgspec.json.encode(dry_run_answer(strict.decide(strict.read(raw), moment(NOON)))))
    stored = json.loads(asyncio.run(Intake(writer, lambda: strict, lambda: NOON).accept(raw, "sor")).answer_json)
    for message in stored["messages"]:
        message["text"] = message["text"].replace(message["message_id"], DRY_RUN_ID)
        message["message_id"] = DRY_RUN_ID
    for item in stored["work_items"]:
        item |= {"id": None, "opened_at": None, "due_at": None}
    assert stored == dry


def test_the_same_again_is_answered_with_the_same_bytes(store: Store, intake: Intake) -> None:
    """However the JSON is laid out the second time."""
    first = asyncio.run(intake.accept(release("EX-1"), "sor"))
    again = dict(reversed(document("EX-1").items()))
    again["subject"] = {**again["subject"], "eyes": None}
    second = asyncio.run(intake.accept(json.dumps(again, indent=2).encode(), "sor"))
    assert second == Accepted("replay", first.answer_json, queued=False)
    assert count(store, "message") == 2


def test_other_content_under_the_same_id_is_a_conflict(store: Store, intake: Intake) -> None:
    """It needs a correction; nothing is stored."""
    asyncio.run(intake.accept(release("EX-1"), "sor"))
    with pytest.raises(Conflict):
        asyncio.run(intake.accept(release("EX-1", last="Other"), "sor"))
    assert count(store, "release") == 1


@pytest.mark.parametrize(("body", "error"), [(b"{", NotJson), (b'{"release_id": "EX-1"}', Refused)])
def test_a_release_that_is_not_as_the_contract_asks_is_not_stored(
    store: Store, intake: Intake, body: bytes, error: type
) -> None:
    """It never comes near the writer."""
    with pytest.raises(error):
        asyncio.run(intake.accept(body, "sor"))
    assert count(store, "release") == 0


def test_a_review_and_a_release_that_concerns_nobody_are_stored_too(store: Store, intake: Intake) -> None:
    """The first asks a person; neither sends."""
    review = json.loads(asyncio.run(intake.accept(release("EX-1", NEEDS_A_PERSON), "sor")).answer_json)
    nothing = json.loads(asyncio.run(intake.accept(release("EX-2", NOT_A_RELEASE), "sor")).answer_json)
    assert (review["outcome"], [item["code"] for item in review["work_items"]]) == ("hold_for_review", ["review"])
    assert (nothing["outcome"], nothing["work_items"]) == ("do_not_notify", [])
    assert (count(store, "release"), count(store, "message"), count(store, "work_item")) == (2, 0, 1)


def test_a_backfill_is_stored_and_sends_nothing(store: Store, intake: Intake) -> None:
    """Each message has its number and text, and status suppressed."""
    accepted = asyncio.run(intake.accept(release("EX-1"), "sor", backfill=True))
    assert {message["status"] for message in json.loads(accepted.answer_json)["messages"]} == {"suppressed"}
    assert not accepted.queued
    assert count(store, "message WHERE ready") == 0


def test_the_dispatcher_is_hinted_at_when_there_is_something_to_send(writer: Writer, decider: Decider) -> None:
    """Once for a new release with messages; not for a replay, a backfill or a review."""
    hints: list[str] = []
    intake = Intake(writer, lambda: decider, lambda: NOON, on_queued=lambda: hints.append("hint"))
    asyncio.run(intake.accept(release("EX-1"), "sor"))
    assert hints == ["hint"]
    asyncio.run(intake.accept(release("EX-1"), "sor"))
    asyncio.run(intake.accept(release("EX-2"), "sor", backfill=True))
    asyncio.run(intake.accept(release("EX-3", NEEDS_A_PERSON), "sor"))
    assert hints == ["hint"]


def test_thirty_two_racing_with_one_id_make_one_release(store: Store, intake: Intake) -> None:
    """Half say the same and get the first one's bytes or a conflict, whichever content came first."""

    async def race() -> list[Accepted | BaseException]:
        sent = [intake.accept(release("EX-1", last="One" if n % 2 else "Two"), "sor") for n in range(32)]
        return await asyncio.gather(*sent, return_exceptions=True)

    results = asyncio.run(race())
    taken = [result for result in results if isinstance(result, Accepted)]
    assert [result.kind for result in taken].count("new") == 1
    assert len(taken) == 16
    assert len({result.answer_json for result in taken}) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 16
    assert (count(store, "release"), count(store, "message")) == (1, 2)


def test_a_swapped_decider_is_used_from_the_next_release_on(store: Store, writer: Writer, decider: Decider) -> None:
    """A rulebook changes between two releases, never within one."""
    in_force = [decider]
    intake = Intake(writer, lambda: in_force[0], lambda: NOON)
    asyncio.run(intake.accept(release("EX-1"), "sor"))
    in_force[0] = Decider(decider.book, Terms(message_format="niem"))
    asyncio.run(intake.accept(release("EX-2"), "sor"))
    with store.read.connect() as connection:
        formats = [tuple(row) for row in connection.execute(text("SELECT DISTINCT release, format FROM message ORDER BY 1"))]
    assert formats == [(1, "legacy"), (2, "niem")]


_words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8).map(lambda word: "A" + word)


def _shuffled(value: Any, draw: st.DrawFn) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {key: _shuffled(value[key], draw) for key in draw(st.permutations(list(value)))}
    return [_shuffled(one, draw) for one in value] if isinstance(value, list) else value


@st.composite
def _layouts(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Two texts of one invented release: keys in another order, empty fields given or left out, spaces, escapes."""
    one = document(last=draw(_words))
    other = _shuffled(one, draw)
    for name in draw(st.sets(st.sampled_from(["eyes", "hair", "height", "weight", "state_id", "alien_number"]))):
        other["subject"][name] = None
    if draw(st.booleans()):
        del other["holds"]
    indent, escaped = draw(st.sampled_from([None, 1])), draw(st.booleans())
    return json.dumps(one).encode(), json.dumps(other, indent=indent, ensure_ascii=escaped).encode()


@given(_layouts())
def test_the_fingerprint_is_of_the_content_not_of_its_layout(layouts: tuple[bytes, bytes]) -> None:
    """The same release, however it is written, is the same."""
    one, other = layouts
    assert fingerprint(read_release(one, {})) == fingerprint(read_release(other, {}))


@given(_words, _words)
def test_the_fingerprint_tells_two_contents_apart(one: str, other: str) -> None:
    """Any difference counts."""
    prints = {fingerprint(read_release(release(last=last), {})) for last in (one, other)}
    assert len(prints) == len({one, other})


CHILD = """
import asyncio, itertools, os, sys
from pathlib import Path
import structlog
from app.decide.decide import Decider
from app.decide.terms import Terms
from app.intake.accept import Intake
from app.rulebook.book import load
from app.store.database.engine import open_store
from app.store.database.writer import Writer
from tests.intake.invented import release

async def caller(intake, numbers):
    for number in numbers:
        await intake.accept(release(f"K-{number}"), "sor")
        os.write(1, f"K-{number}\\n".encode())

async def main():
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    decider = Decider(load(Path()), Terms())
    with Writer(open_store(sys.argv[1])) as writer:
        intake = Intake(writer, lambda: decider, lambda: 1_795_435_200_000_000)
        numbers = itertools.count()
        await asyncio.gather(*[caller(intake, numbers) for _ in range(16)])

asyncio.run(main())
"""


@pytest.mark.parametrize("kill_after", [1, 120])
def test_a_kill_under_load_loses_nothing_acknowledged(database_url: str, kill_after: int) -> None:
    """Sixteen callers, kill -9 in the midst: every acknowledged release is there, each with both of its messages."""
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", CHILD, database_url], cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        acknowledged = [process.stdout.readline().strip() for _ in range(kill_after)]
        process.send_signal(signal.SIGKILL)
        acknowledged += process.stdout.read().split("\n")[:-1]
    with closing(open_store(database_url)) as store, store.read.connect() as connection:
        query = "SELECT r.release_id, count(m.number) FROM release r LEFT JOIN message m ON m.release = r.id GROUP BY r.id"
        stored = {row[0]: row[1] for row in connection.execute(text(query))}
        assert set(acknowledged) <= set(stored)
        assert set(stored.values()) == {2}
