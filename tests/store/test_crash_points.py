import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.store.accepted.releases import Accepted, accept_many
from app.store.database.engine import Store, open_store
from app.store.database.writer import Writer
from app.store.desk import surges
from app.store.trail.trail_check import verify
from tests.store.crash_points import FBI_NUMBER, NAMES, flood_or_release, take_one
from tests.store.invented import accept, acceptance, rows

TABLES = {"release": 1, "message": 2, "message_event": 2, "work_item": 1}
"""What one accepted release of the invented kind leaves in each table."""


def test_a_kill_between_any_two_steps_loses_nothing_acknowledged_and_leaves_nothing_half(
    tmp_path: Path, sqlite_template: Path
) -> None:
    """Before every statement and commit of two acceptances; afterwards the same file serves on."""
    shutil.copy(sqlite_template, tmp_path / "lens.db")
    ends = []
    for file, acknowledged in crashed(tmp_path, "accept"):
        with closing(open_store(file)) as store:
            ends.append((len(acknowledged), whole(store, acknowledged)))
            serves_on(store)
    assert ends[0] == (0, 0)
    assert (0, 1) in ends or (1, 1) in ends
    assert ends[-1] == (2, 2)


def crashed(folder: Path, work: str) -> Iterator[tuple[str, list[str]]]:
    """The URL of the store that was left at each point, and what had been acknowledged by then."""
    command = [sys.executable, "-m", "tests.store.crash_points", str(folder), work]
    lines = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.splitlines()
    assert len(lines) > 20
    for line in lines:
        point, *acknowledged = line.split()
        yield f"sqlite:///{folder / f'{point}.db'}", acknowledged


def whole(store: Store, acknowledged: list[str]) -> int:
    """How many releases are stored: each whole, and at least those acknowledged."""
    stored = [row[0] for row in rows(store, "SELECT release_id FROM release ORDER BY id")]
    assert stored[: len(acknowledged)] == acknowledged
    counts = {table: rows(store, f"SELECT count(*) FROM {table}")[0][0] for table in TABLES}  # noqa: S608 - names above
    assert counts == {table: count * len(stored) for table, count in TABLES.items()}
    audit = rows(store, "SELECT count(*) FROM audit WHERE action = 'accept_release'")
    assert audit == [(len(stored),)]
    return len(stored)


def serves_on(store: Store) -> None:
    """The same requests again are answered, and nothing is there twice."""
    with Writer(store) as writer:
        for name in ("EX-1", "EX-2"):
            assert isinstance(writer.do_and_wait(accept_many, acceptance(name, "held")), Accepted)
    assert whole(store, ["EX-1", "EX-2"]) == 2
    with store.read.connect() as connection:
        assert verify(connection) is None


def test_a_kill_between_any_two_steps_loses_no_inquiry_and_opens_none_twice(tmp_path: Path, sqlite_template: Path) -> None:
    """Before every statement and commit of taking in two AMs; handed over again, each is there once, with what it is about."""
    shutil.copy(sqlite_template, tmp_path / "lens.db")
    body = f'{{"subject": {{"fbi_number": "{FBI_NUMBER}"}}}}'
    with closing(open_store(f"sqlite:///{tmp_path / 'lens.db'}")) as store:
        accept(store, acceptance("A")._replace(body=body), acceptance("B")._replace(body=body))
    stored = "SELECT source, work_item.release FROM inbound JOIN work_item ON work_item.inbound = inbound.id ORDER BY source"
    ends = []
    for url, acknowledged in crashed(tmp_path, "arrive"):
        with closing(open_store(url)) as store:
            left = rows(store, stored)
            assert [row[0] for row in left][: len(acknowledged)] == acknowledged
            ends.append((len(acknowledged), len(left)))
            with Writer(store) as writer:
                assert [take_one(writer, name) for name in NAMES] == ["matched", "matched"]
            assert rows(store, stored) == [("EX-1", 2), ("EX-2", 2)]
            counts = [rows(store, f"SELECT count(*) FROM {table}")[0][0] for table in ("inbound", "work_item")]  # noqa: S608
            assert counts == [2, 2]
            assert rows(store, "SELECT inbound, release FROM inbound_release ORDER BY 1, 2") == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert ends[0] == (0, 0)
    assert ends[-1] == (2, 2)


def test_a_kill_between_any_two_steps_lets_nothing_slip_and_leaves_nothing_held(
    tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before every statement and commit of a flood and of its release; whoever comes next brings it to its end, once."""
    monkeypatch.setattr(surges, "AT_ONCE", surges.AT_ONCE)  # the work sets it
    shutil.copy(sqlite_template, tmp_path / "lens.db")
    queued = "SELECT number FROM message_event WHERE status = 'queued' ORDER BY id"
    for url, acknowledged in crashed(tmp_path, "surge"):
        with closing(open_store(url)) as store:
            held = rows(store, "SELECT count(*) FROM message_event WHERE status = 'held'")
            assert rows(store, "SELECT coalesce(sum(held), 0) FROM surge") == held
            assert rows(store, "SELECT count(*) FROM surge_hold") == held
            assert len(acknowledged) < 1 or held == [(2,)]
            assert len(acknowledged) < 2 or len(rows(store, queued)) == 4
            with Writer(store) as writer:
                for name in NAMES:
                    flood_or_release(writer, name)
            assert rows(store, queued) == [(number,) for number in range(1, 5)]
            assert rows(store, "SELECT count(*) FROM message WHERE ready") == [(4,)]
            assert rows(store, "SELECT messages FROM hour_count") == [(4,)]
