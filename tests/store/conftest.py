"""A real SQLite store in a file, with its tables."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.store.engine import Store, open_store, upgrade


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with every table and no row but the counters; made once, copied for each test."""
    file = tmp_path_factory.mktemp("store") / "lens.db"
    with closing(open_store(f"sqlite:///{file}")) as store:
        upgrade(store)
    return file


@pytest.fixture
def store(tmp_path: Path, empty_database: Path) -> Iterator[Store]:
    """An open store with every table."""
    shutil.copy(empty_database, tmp_path / "lens.db")
    with closing(open_store(f"sqlite:///{tmp_path / 'lens.db'}")) as opened:
        yield opened
