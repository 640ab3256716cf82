from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import TypeVar

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from app.store.database import engine
from app.store.database.engine import Store, open_store, upgrade
from app.store.outbox.outbox import Claim, Turn, claim, turn
from app.store.outbox.tries import AttemptResult
from app.store.statements.rows import insert
from tests.dispatch.outbox_rows import rows, statuses, text_of
from tests.postgresql import PostgreSQL

T = TypeVar("T")
R = TypeVar("R")

REVISIONS = [script.revision for script in reversed(list(ScriptDirectory.from_config(engine._alembic()).walk_revisions()))]
LANES = ("AZSIR0000", "TXSIR0000")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: str) -> Iterator[Store]:
    """A new database without tables, of each kind in turn."""
    if request.param == "sqlite":
        with closing(open_store(f"sqlite:///{tmp_path}/lens.db")) as store:
            yield store
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    with server.database(empty=True) as url, closing(open_store(url)) as store:
        yield store


def tables_of(store: Store, revision: str) -> None:
    """Makes the tables as a former version had them."""
    with store.write.begin() as connection:
        config = engine._alembic()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def backlog(connection: Connection) -> None:
    """What a former version left: one message of each lane sent, two waiting, one that a crash left under way."""
    found = inspect(connection)
    columns = {table: {column["name"] for column in found.get_columns(table)} for table in ("release", "message")}
    release = {"id": 1, "release_id": "OLD-1", "fingerprint": "0", "mode": "normal", "caller": "test", "outcome": "notify"}
    release |= {"as_of": "2026-11-23", "rulebook": "0", "body_json": "{}", "evidence_json": "{}", "answer_json": "{}"}
    _insert(connection, "release", columns["release"], [release | {"accepted_at": 1}])
    messages, events = [], []
    for number, status in enumerate(["sent", "sent", "sending", "sending", "queued", "queued", "queued", "queued"], 1):
        ori = LANES[number % 2]
        message = {
            "number": number,
            "release": 1,
            "type": "NEW",
            "copy": "only",
            "audience": "sib",
            "state": ori[:2],
            "ori": ori,
        }
        message |= {"format": "legacy", "text": text_of(number, ori), "status": status, "ready": status != "sent"}
        messages.append(
            message
            | {"attempts": int(status != "queued"), "failures": 0, "maybe_duplicate": False, "created_at": 1, "changed_at": 1}
        )
        events.append((number, "queued", 1, "accepted"))
    _insert(connection, "message", columns["message"], messages)
    insert(connection, "message_event", ("number", "status", "at", "cause"), events)
    insert(connection, "lane", ("ori", "until", "token", "due", "fails"), [(ori, 0, 1, 0, 0) for ori in LANES])


def _insert(connection: Connection, table: str, columns: set[str], values: Sequence[dict[str, object]]) -> None:
    names = tuple(name for name in values[0] if name in columns)
    insert(connection, table, names, [tuple(row[name] for name in names) for row in values])


def sent_by(store: Store) -> list[tuple[int, bool]]:
    """Sends everything; the numbers in the order they went, each with its flag."""
    sent: list[tuple[int, bool]] = []

    def write(apply: Callable[[Connection, Sequence[T]], Sequence[R]], item: T) -> R:
        with store.write.begin() as connection:
            return apply(connection, [item])[0]

    while batches := write(claim, Claim(worker="w1", room=8, window=16, lease=10**7, horizon=10**12)).batches:
        for batch in batches:
            sent += [(message.number, message.maybe_duplicate) for message in batch.messages]
            verdicts = tuple(AttemptResult(message.number, "sent", "taken") for message in batch.messages)
            write(turn, Turn(worker="w1", ori=batch.ori, token=batch.token, lease=10**7, window=0, verdicts=verdicts))
    return sent


@pytest.mark.parametrize("revision", REVISIONS)
def test_an_upgrade_with_a_backlog_strands_nothing(empty: Store, revision: str) -> None:
    """From every version there ever was: what waited is sent, in order, once, and what was under way is flagged."""
    tables_of(empty, revision)
    with empty.write.begin() as connection:
        backlog(connection)
    upgrade(empty)
    went = sent_by(empty)
    for lane in (0, 1):
        mine = [entry for entry in went if entry[0] % 2 == lane]
        assert mine == [(number, number in {3, 4}) for number in range(3, 9) if number % 2 == lane]
    assert set(statuses(empty).values()) == {"sent"}
    assert rows(empty, "SELECT count(*) FROM message_event WHERE status = 'queued'") == [(8,)]


def test_an_upgrade_counts_the_hours_there_were(empty: Store) -> None:
    """The surge breaker of the new version knows at once what was normal."""
    tables_of(empty, "0005")
    with empty.write.begin() as connection:
        backlog(connection)
    upgrade(empty)
    assert rows(empty, "SELECT kind, hour, messages FROM hour_count") == [("notice", 0, 8)]
