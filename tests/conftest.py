"""What every test has: a bounded hypothesis profile, no setting from the shell that started pytest, and stores of both kinds."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from app.store.database.engine import Store, open_store, upgrade
from tests.postgresql import PostgreSQL

settings.register_profile("lens", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("deep", parent=settings.get_profile("lens"), max_examples=5000)
settings.load_profile("lens")  # `pytest --hypothesis-profile=deep` for a longer look

for name in [name for name in os.environ if name.startswith("LENS_")]:
    del os.environ[name]

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    # Started in the background: programs that tests start would ignore Ctrl-C as well.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with every table and no row but the counters; made once, copied for each test."""
    file = tmp_path_factory.mktemp("store") / "lens.db"
    with closing(open_store(f"sqlite:///{file}")) as opened:
        upgrade(opened)
    return file


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL server, started for the first test that asks for one. It does not wait for the disk."""
    with PostgreSQL(durable=False) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a new database with every table, of each kind in turn."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "lens.db")
        yield f"sqlite:///{tmp_path / 'lens.db'}"
    else:
        with request.getfixturevalue("postgresql").database() as url:
            yield url


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An open store with every table, on each kind of database in turn."""
    with closing(open_store(database_url)) as opened:
        yield opened


@pytest.fixture
def new_store(database_url: str) -> Iterator[Callable[[], Store]]:
    """Opens the store of this test once more, as another process would."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(open_store(database_url)))
