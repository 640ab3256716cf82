"""The decider of the shipped rules, and a running writer."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.decide.decide import Decider
from app.decide.terms import Terms
from app.rulebook.book import load
from app.store.database.engine import Store
from app.store.database.writer import Writer

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def decider() -> Decider:
    """Decides by the rules in this repository."""
    return Decider(load(ROOT), Terms())


@pytest.fixture
def writer(store: Store) -> Iterator[Writer]:
    """Its writer, running."""
    with Writer(store) as running:
        yield running
