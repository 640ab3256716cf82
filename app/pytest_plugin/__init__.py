"""A pytest plug-in that runs the scenarios of a rulebook, in LENS's own repository or in any that holds `rules/` and `ref_data/`.

It does nothing unless asked, with `pytest --lens` or `lens_rulebook = DIR` in pytest's settings; until then it does not even load
the rest of LENS, since pytest loads this for every suite run where LENS is installed.
"""

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--lens` and `lens_rulebook`."""
    group = parser.getgroup("lens", "scenarios of a LENS rulebook")
    group.addoption(
        "--lens", action="store_true", help="Run the scenarios of every rulebook found where pytest looks for tests."
    )
    parser.addini("lens_rulebook", "Run the scenarios of the rulebook in this folder; relative to the file of this setting.")


def pytest_configure(config: pytest.Config) -> None:
    """Lets scenario files be collected, where that was asked for. Raises UsageError when there is no such rulebook."""
    setting = config.getini("lens_rulebook")
    every = config.getoption("lens")
    if not setting and not every:
        return
    from app.pytest_plugin.collection import ScenarioCollection, is_rulebook  # noqa: PLC0415 - see above

    only = None
    if setting:
        only = (config.inipath.parent if config.inipath else config.rootpath) / setting
        if not is_rulebook(only):
            raise pytest.UsageError(f"lens_rulebook: {only} does not hold rules/ and ref_data/")
    config.pluginmanager.register(ScenarioCollection(config, None if every else only), "lens-scenarios")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Says how scenarios are asked for, where nobody has and nothing at all ran in a rulebook's folder."""
    asked = config.getini("lens_rulebook") or config.getoption("lens")
    if asked or terminalreporter.stats:
        return
    places = [Path(str(config.invocation_params.dir), arg.partition("::")[0]) for arg in config.args]
    if any(
        (folder / "rules").is_dir() and (folder / "ref_data").is_dir() for place in places for folder in (place, *place.parents)
    ):
        terminalreporter.write_line(
            "LENS: scenarios run only where they are asked for: pytest --lens, or the setting lens_rulebook = DIR"
        )
