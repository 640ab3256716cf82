"""The decider of the shipped rules, and a running writer on a real SQLite file."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.decide.decide import Decider
from app.decide.terms import Terms
from app.rulebook.book import load
from app.store.engine import Store, open_store, upgrade
from app.store.writer import Writer

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def decider() -> Decider:
    """Decides by the rules in this repository."""
    return Decider(load(ROOT), Terms())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An open store with every table."""
    with closing(open_store(f"sqlite:///{tmp_path / 'lens.db'}")) as opened:
        upgrade(opened)
        yield opened


@pytest.fixture
def writer(store: Store) -> Iterator[Writer]:
    """Its writer, running."""
    with Writer(store) as running:
        yield running
