from collections.abc import Iterator

import pytest

from app.decide.decide import Decider
from tests.api.serving import Service, serving, the_decider


@pytest.fixture(scope="session")
def decider() -> Decider:
    """The shipped rulebook's decider, loaded once."""
    return the_decider()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, decider: Decider) -> Iterator[Service]:
    """A running API for the tests of one file."""
    with serving(tmp_path_factory.mktemp("service"), decider) as running:
        yield running
