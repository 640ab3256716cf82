from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from app.decide.decide import Decider
from tests.api.serving import Service, serving, the_decider


@pytest.fixture(scope="session")
def decider() -> Decider:
    """The shipped rulebook's decider, loaded once."""
    return the_decider()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, decider: Decider) -> Iterator[Service]:
    """A running API for the tests of one file, on each kind of database in turn."""
    with ExitStack() as stack:
        more = {}
        if request.param == "postgresql":
            more["database_url"] = stack.enter_context(request.getfixturevalue("postgresql").database())
        yield stack.enter_context(serving(tmp_path_factory.mktemp("service"), decider, **more))
