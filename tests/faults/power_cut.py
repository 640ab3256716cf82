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

from app.store.database.engine import is_current, open_store
from app.store.trail.trail_check import verify
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


def live(folder: Path, releases: int, program: Sequence[str] = LENS, switch: str | None = None) -> list[Record]:
    """A service starts on an empty disk, accepts releases from several callers and sends them all into its spool, or to a
    `switch` (`host:port`); its deeds.
    """
    root = folder / "disk"
    root.mkdir(parents=True)
    settings = {
        "LD_PRELOAD": str(recorder(folder)),
        "LENS_DISK_ROOT": str(root),
        "LENS_DISK_LOG": str(folder / "records"),
        "LENS_DATABASE_URL": f"sqlite:///{root}/var/lens.db",
        "LENS_SPOOL_DIR": str(root / "gateway/spool"),
        "LENS_CHANNEL": "spool" if switch is None else "tcp",
        "LENS_SWITCH_ADDRESS": switch,
    }
    with Program(folder, ["serve", "--port", "0"], settings, program) as running, client(running.url()) as api:

        def post(number: int) -> None:
            assert api.post("/v1/releases", content=release(f"CUT-{number}")).status_code == 201

        with ThreadPoolExecutor(CALLERS) as callers:
            list(callers.map(post, range(releases)))
        until(lambda: len(api.get("/v1/messages?limit=1&status=queued").json()["items"]) == 0)
        until(lambda: len(api.get("/v1/messages?limit=1&status=sending").json()["items"]) == 0)
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
        said = streams(records[:place])
        came = [*spooled(left / "gateway/spool/out"), *sent_over(said)]
        yield _judge(answered(said), came, left)


def streams(records: Sequence[Record]) -> list[bytearray]:
    """What the service had sent on each of its sockets."""
    found: dict[int, bytearray] = defaultdict(bytearray)
    for record in records:
        if record.kind == "N":
            found[record.file] += record.data
    return list(found.values())


def answered(said: Sequence[bytearray]) -> list[Told]:
    """What it had acknowledged: every whole answer 201."""
    told: list[Told] = []
    for stream in said:
        for head in _ANSWER.finditer(stream):
            body = bytes(stream[head.end() : head.end() + int(head[1])])
            if len(body) == int(head[1]):
                told += told_by(msgspec.json.decode(body))
    return told


def sent_over(said: Sequence[bytearray]) -> list[Arrival]:
    """What had left for the network over tcp: every whole frame of a message. It may have arrived, so it counts as if it had."""
    came = []
    for stream in said:
        place = 0
        while stream.startswith(b"\0\0") and place + 4 <= len(stream):
            end = place + 4 + int.from_bytes(stream[place : place + 4])
            if stream[place + 4 :].startswith(b"AM.") and end <= len(stream):
                payload = bytes(stream[place + 4 : end])
                came.append(_arrival(payload.split(b".")[3].decode().removeprefix("*"), payload))
            place = end
    return came


def _judge(told: Sequence[Told], came: Sequence[Arrival], left: Path) -> Cut:
    """What is left is opened as the next start would, and held against what was acknowledged and what came."""
    acknowledged = {each.release_id for each in told}
    if not (left / "var/lens.db").is_file():
        return Cut(len(acknowledged), len(acknowledged), ["LOST: the database"] if told else [])
    with closing(open_store(f"sqlite:///{left}/var/lens.db")) as store:
        if not is_current(store):
            return Cut(len(acknowledged), len(acknowledged), ["LOST: the tables"] if told else [])
        stored = stored_in(store)
        with store.read.connect() as connection:
            damage = [str(row[0]) for row in connection.execute(text("PRAGMA integrity_check")) if row[0] != "ok"]
            broken = verify(connection)
    violations = [f"DAMAGED: {words}" for words in damage] + ([f"AUDIT: {broken}"] if broken else [])
    violations += check(told, came, stored, finished=False).violations
    return Cut(len(acknowledged), len(acknowledged - set(stored.releases)), violations)


def spooled(folder: Path) -> list[Arrival]:
    """What a gateway would find: every file under its own name, in the order of their numbers."""
    files = sorted(folder.glob("*.am"))
    return [_arrival(file.stem, file.read_bytes()) for file in files]


def _arrival(name: str, content: bytes) -> Arrival:
    words = content.decode(errors="replace").replace("\r\n", "\n")
    ori = words.split(".")[2] if words.count(".") > 1 else ""
    return Arrival(name, ori, words, "kept", acked=True)
