"""Faults of whole services over HTTP: everything at once, a database that crashes, a disk that is full, a database that is read-only."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx

from app.store.database.engine import open_store
from tests.cli.programs import Program, client, release, until
from tests.faults.backlog import database
from tests.faults.checker import assert_sound
from tests.faults.long_deliveries import Kind
from tests.faults.mixed import Plan, run_mixed
from tests.faults.planned import Figures, NotHere, Planned, Room
from tests.faults.power_cut import spooled
from tests.faults.records import answers_of, stored_in
from tests.postgresql import PostgreSQL

RELEASES = 10_000


def everything(kind: Kind, room: Room) -> Figures:
    """Every kind of fault, again and again."""
    releases = room.times(RELEASES)
    with database(kind, room.folder) as (url, _, server):
        return run_mixed(Plan(releases, 100, seed=4), room.folder, url, server)


def one_kind(fault: str, times: int, kind: Kind, room: Room) -> Figures:
    """One kind of fault alone, under load."""
    with database(kind, room.folder) as (url, _, server):
        return run_mixed(Plan(20 * room.times(times), 20, kinds=(fault,), odds={}), room.folder, url, server)


@contextmanager
def small_disk(folder: Path, size: str = "48m") -> Iterator[Path]:
    """A file system of its own, in memory."""
    if os.geteuid() != 0:
        raise NotHere("mounting a small disk needs root; `make test` has a limit on file sizes in its stead")
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(disk)], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def disk_full(room: Room) -> Figures:
    """A real file system is filled to its last byte while releases come in, and given room again."""
    with small_disk(room.folder) as disk:
        settings = {"LENS_DATABASE_URL": f"sqlite:///{disk}/lens.db", "LENS_SPOOL_DIR": str(disk / "spool")}
        ballast, answers = disk / "ballast", Answers()
        with Program(room.folder, ["serve", "--port", "0"], settings) as program, client(program.url()) as api:
            for number in range(room.times(10)):
                answers.post(api, f"FULL-{number}-before", 5)
                _fill(ballast)
                until(lambda: answers.post(api, f"FULL-{number}-during", 5) == 503)  # noqa: B023
                ballast.unlink()
                until(lambda: answers.post(api, f"FULL-{number}-after", 1) == 201)  # noqa: B023
            answers.repeat(api)
            until(lambda: not api.get("/v1/messages?limit=1&status=queued").json()["items"])
            until(lambda: not api.get("/v1/messages?limit=1&status=sending").json()["items"])
        store = open_store(settings["LENS_DATABASE_URL"])
        figures = assert_sound(answers_of(answers.bodies), spooled(disk / "spool/out"), stored_in(store))
        store.close()
    return {"times full": room.times(10), "answers 503": answers.refused, **figures}


class Answers:
    """What was answered. Any answer but 200, 201 and 503 fails; what was not acknowledged is asked again at the end."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.refused = 0
        self._left: list[str] = []

    def post(self, api: httpx.Client, name: str, count: int) -> int:
        """Posts so many releases, new ones each time; the last status."""
        status = 0
        for _ in range(count):
            status = self._one(api, f"{name}-{len(self.bodies)}-{self.refused}")
        return status

    def _one(self, api: httpx.Client, release_id: str) -> int:
        answer = api.post("/v1/releases", content=release(release_id))
        assert answer.status_code in {200, 201, 503}, answer.text
        if answer.status_code == 503:
            self.refused += 1
            self._left.append(release_id)
        else:
            self.bodies.append(answer.content)
        return answer.status_code

    def repeat(self, api: httpx.Client) -> None:
        """What was refused is sent again, as callers do."""
        left, self._left = self._left, []
        for release_id in left:
            assert self._one(api, release_id) in {200, 201}


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue


def read_only(room: Room) -> Figures:
    """PostgreSQL takes no writes for a while, as a standby would not."""
    answers = Answers()
    with database("postgresql", room.folder) as (url, store, server):
        assert server is not None
        settings = {"LENS_DATABASE_URL": url, "LENS_SPOOL_DIR": str(room.folder / "spool")}
        with Program(room.folder, ["serve", "--port", "0"], settings) as program, client(program.url()) as api:
            for number in range(room.times(10)):
                answers.post(api, f"READ-{number}-before", 5)
                _set(server, "on")
                until(lambda: answers.post(api, f"READ-{number}-during", 1) == 503)  # noqa: B023
                _set(server, "off")
                until(lambda: answers.post(api, f"READ-{number}-after", 1) == 201)  # noqa: B023
            answers.repeat(api)
            until(lambda: not api.get("/v1/messages?limit=1&status=queued").json()["items"])
            until(lambda: not api.get("/v1/messages?limit=1&status=sending").json()["items"])
        figures = assert_sound(answers_of(answers.bodies), spooled(room.folder / "spool/out"), stored_in(store))
    return {"times read-only": room.times(10), "answers 503": answers.refused, **figures}


def _set(server: PostgreSQL, value: str) -> None:
    server.run(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
    server.run("SELECT pg_reload_conf()")


FAULTS = (
    Planned(
        "everything at once, sqlite",
        "acknowledged = delivered, extras flagged, histories explain themselves",
        partial(everything, "sqlite"),
    ),
    Planned("everything at once, postgresql", "the same, on two services and a dispatcher", partial(everything, "postgresql")),
    Planned(
        "PostgreSQL immediate restart", "0 lost, 0 duplicate releases", partial(one_kind, "crash_database", 10, "postgresql")
    ),
    Planned("kill -9 of services, sqlite", "0 lost, extras flagged", partial(one_kind, "kill", 20, "sqlite")),
    Planned("kill -9 of services, postgresql", "0 lost, extras flagged", partial(one_kind, "kill", 20, "postgresql")),
    Planned("disk full", "0 false acknowledgements; 503; resumes", disk_full),
    Planned("database read-only", "0 false acknowledgements; 503; resumes", read_only),
)
