"""How fast releases are accepted in process, beside the raw speed of the same disk in the same run.

Each release becomes two messages; 64 callers wait for their commit. SQLite with synchronous=FULL, PostgreSQL with fsync.
"""

import asyncio
import itertools
import time
from pathlib import Path

from pysqlite3 import dbapi2

from app.decide.addresses import Addresses
from app.decide.decide import Decider
from app.decide.terms import Terms
from app.domain.surge import Breaker
from app.intake.accept import Intake
from app.intake.guards import Guards
from app.rulebook.book import load
from app.store.database.engine import Store
from app.store.database.writer import Writer
from tests.intake.invented import release

ROOT = Path(__file__).parents[2]
CALLERS = 64
SECONDS = 5.0


def raw_commits(folder: Path, seconds: float, group: int) -> float:
    """Rows of one release's size a second, `group` rows a commit."""
    connection = dbapi2.connect(str(folder / f"raw{group}.db"), isolation_level=None)
    for statement in (
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=FULL",
        "CREATE TABLE row (id INTEGER PRIMARY KEY, body TEXT)",
    ):
        connection.execute(statement)
    body, done, start = "x" * 3000, 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO row (body) VALUES (?)", [(body,)] * group)
        connection.execute("COMMIT")
        done += group
    rate = done / (time.perf_counter() - start)
    connection.close()
    return rate


async def accepted(store: Store, seconds: float) -> tuple[float, float]:
    """Releases accepted a second by CALLERS callers, and the mean size of a group."""
    numbers = itertools.count()
    with Writer(store) as writer:
        decider = Decider(load(ROOT), Terms())
        intake = Intake(
            writer, lambda: decider, lambda: time.time_ns() // 1000, guards=Guards(Breaker(), Addresses(bytes(32), 25))
        )
        end = time.perf_counter() + seconds

        async def caller() -> int:
            done = 0
            while time.perf_counter() < end:
                await intake.accept(release(f"B-{next(numbers)}"), "bench")
                done += 1
            return done

        start = time.perf_counter()
        done = sum(await asyncio.gather(*[caller() for _ in range(CALLERS)]))
        rate, group = done / (time.perf_counter() - start), writer.items / writer.groups
    return rate, group


def test_accept_in_process(tmp_path: Path, store: Store) -> None:
    """Prints releases accepted a second, into each kind of database, beside raw commits of SQLite on the same disk."""
    single, grouped = raw_commits(tmp_path, SECONDS / 3, 1), raw_commits(tmp_path, SECONDS / 3, CALLERS)
    rate, group = asyncio.run(accepted(store, SECONDS))
    print(f"\nraw commits, one row each          {single:8.0f} /s")
    print(f"raw rows, {CALLERS} a commit             {grouped:8.0f} /s")
    print(f"releases into {store.dialect:10} {CALLERS:6}  {rate:8.0f} /s  (2 messages each, {group:.1f} a commit)")
    print(f"releases / raw commits             {rate / single:8.2f}")
