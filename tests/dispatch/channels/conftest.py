"""What tests of the link share: a loop to run in, the standard one and the one production uses."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
import uvloop

Scenario = Callable[[], Awaitable[None]]


@pytest.fixture(params=["asyncio", "uvloop"])
def in_loop(request: pytest.FixtureRequest) -> Callable[[Scenario], None]:
    """Runs a scenario in one of the two event loops, for 20 seconds at the most."""

    async def bounded(scenario: Scenario) -> None:
        async with asyncio.timeout(20):
            await scenario()

    def run(scenario: Scenario) -> None:
        factory = uvloop.new_event_loop if request.param == "uvloop" else None
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(bounded(scenario))

    return run
