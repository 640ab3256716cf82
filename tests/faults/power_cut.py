"""The power is cut: a real service works while everything it does to its disk is recorded; then each instant can be cut.

What the service had answered by that instant is in the same record, in the same order, so "acknowledged" is exact.
"""

import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec
from sqlalchemy import text

from app.store.audit import verify
from app.store.engine import is_current, open_store
from tests.cli.programs import LENS, Program, client, release, until
from tests.faults.checker import check
from tests.faults.disk import Disk, Record, read_records, recorder
from tests.faults.records import Arrival, Told, stored_in, told_by

WEAK = (sys.executable, "-m", "tests.faults.weak_sync")
"""The service with synchronous=NORMAL."""

CALLERS = 8
_ANSWER = re.compile(rb"HTTP/1\.1 201 .*?content-length: ([0-9]+)\r\n.*?\r\n\r\n", re.DOTALL)


class Cut(NamedTuple):
    """One instant: what was acknowledged by then, what a power cut then leaves of it, and what is wrong with that."""

    acknowledged: int
    lost: int
    violations: Sequence[str]


def live(folder: Path, releases: int, program: Sequence[str] = LENS) -> list[Record]:
    """A service starts on an empty disk, accepts releases from several callers and sends them all into its spool; its deeds."""
    root = folder / "disk"
    root.mkdir(parents=True)
    settings = {
        "LD_PRELOAD": str(recorder(folder)),
        "LENS_DISK_ROOT": str(root),
        "LENS_DISK_LOG": str(folder / "records"),
        "LENS_DATABASE_URL": f"sqlite:///{root}/var/lens.db",
        "LENS_SPOOL_DIR": str(root / "gateway/spool"),
    }
    with Program(folder, ["serve", "--port", "0"], settings, program) as running, client(running.url()) as api:

        def post(number: int) -> None:
            assert api.post("/v1/releases", content=release(f"CUT-{number}")).status_code == 201

        with ThreadPoolExecutor(CALLERS) as callers:
            list(callers.map(post, range(releases)))
        until(lambda: len(list((root / "gateway/spool/out").glob("*.am"))) == 2 * releases)
    return read_records(folder / "records")


def cuts(records: Sequence[Record], folder: Path, count: int, rng: Random) -> Iterator[Cut]:
    """Cuts the power at `count` instants, from just before the first answer on."""
    first = next(place for place, record in enumerate(records) if record.kind == "N" and b"HTTP/1.1 201 " in record.data)
    places = sorted(rng.randint(first, len(records)) for _ in range(count))
    disk, done = Disk(folder / "disk"), 0
    for number, place in enumerate(places):
        disk.follow(records[done:place])
        done = place
        left = folder / f"cut-{number}"
        disk.cut(rng, left)
        yield _judge(answered(records[:place]), left)


def answered(records: Sequence[Record]) -> list[Told]:
    """What the service had acknowledged: every whole answer 201 that it had sent."""
    streams: dict[int, bytearray] = defaultdict(bytearray)
    for record in records:
        if record.kind == "N":
            streams[record.file] += record.data
    told: list[Told] = []
    for stream in streams.values():
        for head in _ANSWER.finditer(stream):
            body = bytes(stream[head.end() : head.end() + int(head[1])])
            if len(body) == int(head[1]):
                told += told_by(msgspec.json.decode(body))
    return told


def _judge(told: Sequence[Told], left: Path) -> Cut:
    """What is left is opened as the next start would, and held against what was acknowledged."""
    if not (left / "var/lens.db").is_file():
        lost = len({each.release_id for each in told})
        return Cut(lost, lost, ["LOST: the database"] if told else [])
    with closing(open_store(f"sqlite:///{left}/var/lens.db")) as store:
        if not is_current(store):
            lost = len({each.release_id for each in told})
            return Cut(lost, lost, ["LOST: the tables"] if told else [])
        stored = stored_in(store)
        with store.read.connect() as connection:
            damage = [str(row[0]) for row in connection.execute(text("PRAGMA integrity_check")) if row[0] != "ok"]
            broken = verify(connection)
    violations = [f"DAMAGED: {words}" for words in damage] + ([f"AUDIT: {broken}"] if broken else [])
    violations += check(told, spooled(left / "gateway/spool/out"), stored, finished=False).violations
    acknowledged = {each.release_id for each in told}
    return Cut(len(acknowledged), len(acknowledged - set(stored.releases)), violations)


def spooled(folder: Path) -> list[Arrival]:
    """What a gateway would find: every file under its own name, in the order of their numbers."""
    files = sorted(folder.glob("*.am"))
    return [_arrival(file.stem, file.read_bytes()) for file in files]


def _arrival(name: str, content: bytes) -> Arrival:
    words = content.decode(errors="replace").replace("\r\n", "\n")
    ori = words.split(".")[2] if words.count(".") > 1 else ""
    return Arrival(name, ori, words, "kept", acked=True)
