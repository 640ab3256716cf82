"""Scenario files as pytest collects them: a test for each case and each promise, with its sentence as its name."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.rulebook.files.report import as_text
from app.rulebook.files.source import read_folder
from app.rulebook.language.scenarios import Promise, Scenario
from app.rulebook.problems.problem import Problems
from app.trials.suite import Result, RulebookToTest, case_in_words, load_to_test, run

_SCENARIOS = re.compile(r"^kind:\s*[\"']?scenarios/v1\b", re.MULTILINE)


def is_rulebook(folder: Path) -> bool:
    """Whether a folder holds a rulebook."""
    return (folder / "rules").is_dir() and (folder / "ref_data").is_dir()


class CollectedRulebook:
    """A rulebook that files are collected for; loaded when the first of them is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._loaded: RulebookToTest | None = None
        self._refused: str | None = None

    @property
    def refused(self) -> bool:
        """Whether it cannot be used, which pytest then shows as an error."""
        return self._refused is not None

    def load(self) -> RulebookToTest | None:
        """The rulebook, once loaded. The first time that it cannot be used raises CollectError with all errors; then None."""
        if self._refused is not None:
            return None
        if self._loaded is None:
            problems = Problems()
            self._loaded = load_to_test(self.folder, problems)
            if self._loaded is None:
                errors = [problem for problem in problems.sorted() if problem.severity == "error"]
                self._refused = as_text(errors, read_folder(self.folder, Problems()))
                raise pytest.Collector.CollectError(f"The rulebook in {self.folder} has errors.\n\n{self._refused}")
        return self._loaded


class ScenarioCollection:
    """The plug-in's own hooks, registered only where it was asked for. `only` is the one rulebook meant; None means any."""

    def __init__(self, config: pytest.Config, only: Path | None) -> None:
        self._config = config
        self._only = only
        self._rulebooks: dict[Path, CollectedRulebook] = {}
        self._others: dict[Path, None] = {}
        self._collected = 0
        self._ran = False

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> "ScenarioFile | None":
        """A scenario file below the `rules/` of a rulebook; None for any other file."""
        if file_path.suffix not in {".yaml", ".yml"}:
            return None
        folder = _rulebook_of(file_path)
        if folder is None or not _has_scenarios(file_path):
            return None
        if self._only is not None and not self._only.samefile(folder):
            self._others[folder] = None
            return None
        file: ScenarioFile = ScenarioFile.from_parent(parent, path=file_path)
        file.rulebook = self._rulebooks.setdefault(folder, CollectedRulebook(folder))
        return file

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Counts what was collected, before anything is filtered out."""
        self._collected = sum(isinstance(item, ScenarioItem | PromiseItem) for item in items)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Notes that a scenario or promise ran, in another process too."""
        self._ran = self._ran or report.nodeid.partition("::")[0].endswith((".yaml", ".yml"))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Says it where no scenario was tried, and why: green then says nothing of the rulebook."""
        deselected = terminalreporter.stats.get("deselected", [])
        filtered = sum(isinstance(item, ScenarioItem | PromiseItem) for item in deselected)
        if self._ran or self._collected > filtered:
            return
        why = self._why_none(filtered)
        if why:
            terminalreporter.write_line(f"LENS: no scenario was tried: {why}", yellow=True, bold=True)

    def _why_none(self, filtered: int) -> str:
        """Why no scenario was tried; "" where that was meant, or is told elsewhere."""
        if filtered:
            return f"all {filtered} scenarios and promises were deselected (-k, -m or --deselect)"
        if self._rulebooks:
            refused = any(rulebook.refused for rulebook in self._rulebooks.values())
            return "" if refused else "the files of scenarios are empty"
        looked = ", ".join(self._config.args)
        if self._only is None:
            return f"pytest looked in {looked} and found no rulebook with scenarios; name its folder, e.g. pytest --lens policy/rules"
        if self._config.args_source is pytest.Config.ArgsSource.ARGS and not self._others:
            return ""  # single tests were asked for, not these
        others = f", only of {', '.join(map(self._as_text, self._others))}" if self._others else ""
        return (
            f"pytest looked in {looked} and found no scenarios of {self._as_text(self._only)}, which lens_rulebook names{others}; "
            f"add {self._as_text(self._only / 'rules')} to testpaths, or name it when you call pytest"
        )

    def _as_text(self, path: Path) -> str:
        """A path as short as it can be, seen from where pytest's settings are."""
        root = self._config.rootpath
        return str(path.relative_to(root) if path.is_relative_to(root) else path)


def _rulebook_of(file: Path) -> Path | None:
    """The folder of the rulebook that a file belongs to."""
    return next((folder.parent for folder in file.parents if folder.name == "rules" and is_rulebook(folder.parent)), None)


def _has_scenarios(file: Path) -> bool:
    """Whether a file says that it holds scenarios; one that is named so and does not is a fault, which loading tells."""
    return file.stem.endswith("_test") or _SCENARIOS.search(file.read_text(encoding="utf-8", errors="replace")) is not None


class ScenarioFile(pytest.File):
    """One file of scenarios and promises."""

    rulebook: CollectedRulebook

    def collect(self) -> Iterator["ScenarioItem | PromiseItem"]:
        """A test for each case of each scenario, then one for each promise, in the order of the file."""
        loaded = self.rulebook.load()
        if loaded is None:
            return
        name = self.path.relative_to(self.rulebook.folder).as_posix()
        suite = loaded.book.content.suite
        for scenario in suite.scenarios:
            if scenario.spot.file == name:
                item: ScenarioItem = ScenarioItem.from_parent(self, name=scenario.title)
                item.loaded, item.scenario = loaded, scenario
                yield item
        for promise in suite.promises:
            if promise.spot.file == name:
                promised: PromiseItem = PromiseItem.from_parent(self, name=promise.name)
                promised.loaded, promised.promise = loaded, promise
                yield promised


class NotAsExpected(Exception):
    """A scenario did not come out as expected, or a promise is broken; the text is what pytest shows."""


class ScenarioItem(pytest.Item):
    """One case of a scenario."""

    loaded: RulebookToTest
    scenario: Scenario

    def runtest(self) -> None:
        """Decides the case. Raises NotAsExpected."""
        result = run(self.loaded.book, self.scenario)
        if result.faults:
            raise NotAsExpected(_lines_of_failure(result))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any, **more: Any) -> Any:  # noqa: ANN401 - pytest's own
        """What was expected and what was found; the inside of LENS is shown only where LENS itself fails."""
        return _as_text(excinfo) or super().repr_failure(excinfo, *args, **more)

    def reportinfo(self) -> tuple[Path, int, str]:
        """File, line (from 0) and name."""
        return self.path, self.scenario.place.line - 1, self.name


class PromiseItem(pytest.Item):
    """One promise. It was proved over every possible case when the rulebook was loaded."""

    loaded: RulebookToTest
    promise: Promise

    def runtest(self) -> None:
        """Raises NotAsExpected when the promise is broken."""
        fault = self.loaded.fault_of(self.promise)
        if fault is not None:
            raise NotAsExpected(f"{self.promise.spot}\n  {fault}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any, **more: Any) -> Any:  # noqa: ANN401 - pytest's own
        """A real case in which the promise is broken."""
        return _as_text(excinfo) or super().repr_failure(excinfo, *args, **more)

    def reportinfo(self) -> tuple[Path, int, str]:
        """File, line (from 0) and name."""
        return self.path, self.promise.spot.line - 1, self.name


def _as_text(excinfo: pytest.ExceptionInfo[BaseException]) -> str | None:
    return str(excinfo.value) if isinstance(excinfo.value, NotAsExpected) else None


def _lines_of_failure(result: Result) -> str:
    scenario, answer = result.scenario, result.answer
    lines = [str(scenario.place), *(f"  {fault}" for fault in result.faults)]
    beaten = f"; beaten: {', '.join(answer.beaten)}" if answer.beaten else ""
    lines.append(f"  because {', '.join(answer.because)}{beaten}")
    lines.append(f"  case: {case_in_words(scenario.case)}")
    lines += [f"  {line}" for line in result.notice_lines()]
    return "\n".join(lines)
