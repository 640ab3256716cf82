"""Databases that wait for the disk, since that is what is measured."""

from collections.abc import Iterator

import pytest

from tests.postgresql import PostgreSQL


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL server that keeps what it committed through a power cut."""
    with PostgreSQL(durable=True) as server:
        yield server
