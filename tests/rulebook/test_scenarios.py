"""The scenarios of the shipped rulebook: one test a case, with its sentence for a name."""

import pytest

from app.rulebook.language.scenarios import Scenario
from app.trials.suite import run
from tests.rulebook.shipped import shipped


@pytest.mark.parametrize(
    "scenario", [pytest.param(scenario, id=scenario.title) for scenario in shipped().content.suite.scenarios]
)
def test_scenario(scenario: Scenario) -> None:
    """What the scenario expects is what the rulebook answers."""
    assert run(shipped(), scenario).faults == ()


def test_scenarios_have_names_of_their_own() -> None:
    """No two cases of a file have the same sentence, so that a failure names one."""
    titles = [(scenario.file, scenario.title) for scenario in shipped().content.suite.scenarios]
    assert len(set(titles)) == len(titles)
