import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from app.store.audit import verify
from app.store.engine import Store, open_store
from app.store.releases import Accepted, accept_many
from app.store.writer import Writer
from tests.store.invented import acceptance, rows

TABLES = {"release": 1, "message": 2, "message_event": 2, "work_item": 1}
"""What one accepted release of the invented kind leaves in each table."""


def test_a_kill_between_any_two_steps_loses_nothing_acknowledged_and_leaves_nothing_half(
    tmp_path: Path, sqlite_template: Path
) -> None:
    """Before every statement and commit of two acceptances; afterwards the same file serves on."""
    shutil.copy(sqlite_template, tmp_path / "lens.db")
    command = [sys.executable, "-m", "tests.store.crash_points", str(tmp_path)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.splitlines()
    assert len(lines) > 20
    ends = []
    for line in lines:
        point, *acknowledged = line.split()
        with closing(open_store(f"sqlite:///{tmp_path / f'{point}.db'}")) as store:
            ends.append((len(acknowledged), whole(store, acknowledged)))
            serves_on(store)
    assert ends[0] == (0, 0)
    assert (0, 1) in ends or (1, 1) in ends
    assert ends[-1] == (2, 2)


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
