"""Scenario files as pytest collects them: a test for each case and each promise, with its sentence as its name."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.decide.suite import Loaded, Result, case_in_words, load_to_test, run
from app.rulebook.problems import Problems
from app.rulebook.report import as_text
from app.rulebook.scenarios import Promise, Scenario
from app.rulebook.source import read_folder

_SCENARIOS = re.compile(r"^kind:\s*[\"']?scenarios/v1\b", re.MULTILINE)


def is_rulebook(folder: Path) -> bool:
    """Whether a folder holds a rulebook."""
    return (folder / "rules").is_dir() and (folder / "ref_data").is_dir()


class Rulebook:
    """A rulebook that files are collected for; loaded when the first of them is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._loaded: Loaded | None = None
        self._refused: str | None = None

    def load(self) -> Loaded | None:
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

    def __init__(self, only: Path | None) -> None:
        self._only = only
        self._rulebooks: dict[Path, Rulebook] = {}

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> "ScenarioFile | None":
        """A scenario file below the `rules/` of a rulebook; None for any other file."""
        if file_path.suffix not in {".yaml", ".yml"}:
            return None
        folder = self._folder(file_path)
        if folder is None or not _has_scenarios(file_path):
            return None
        file: ScenarioFile = ScenarioFile.from_parent(parent, path=file_path)
        file.rulebook = self._rulebooks.setdefault(folder, Rulebook(folder))
        return file

    def _folder(self, file: Path) -> Path | None:
        """The folder of the rulebook that a file belongs to."""
        for folder in file.parents:
            if folder.name == "rules" and is_rulebook(folder.parent):
                return folder.parent if self._only is None or self._only.samefile(folder.parent) else None
        return None


def _has_scenarios(file: Path) -> bool:
    """Whether a file says that it holds scenarios; one that is named so and does not is a fault, which loading tells."""
    return file.stem.endswith("_test") or _SCENARIOS.search(file.read_text(encoding="utf-8", errors="replace")) is not None


class ScenarioFile(pytest.File):
    """One file of scenarios and promises."""

    rulebook: Rulebook

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

    loaded: Loaded
    scenario: Scenario

    def runtest(self) -> None:
        """Decides the case. Raises NotAsExpected."""
        result = run(self.loaded.book, self.scenario)
        if result.faults:
            raise NotAsExpected(_told(result))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any, **more: Any) -> Any:  # noqa: ANN401 - pytest's own
        """What was expected and what was found; the inside of LENS is shown only where LENS itself fails."""
        return _shown(excinfo) or super().repr_failure(excinfo, *args, **more)

    def reportinfo(self) -> tuple[Path, int, str]:
        """File, line (from 0) and name."""
        return self.path, self.scenario.place.line - 1, self.name


class PromiseItem(pytest.Item):
    """One promise. It was proved over every possible case when the rulebook was loaded."""

    loaded: Loaded
    promise: Promise

    def runtest(self) -> None:
        """Raises NotAsExpected when the promise is broken."""
        fault = self.loaded.fault_of(self.promise)
        if fault is not None:
            raise NotAsExpected(f"{self.promise.spot}\n  {fault}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any, **more: Any) -> Any:  # noqa: ANN401 - pytest's own
        """A real case in which the promise is broken."""
        return _shown(excinfo) or super().repr_failure(excinfo, *args, **more)

    def reportinfo(self) -> tuple[Path, int, str]:
        """File, line (from 0) and name."""
        return self.path, self.promise.spot.line - 1, self.name


def _shown(excinfo: pytest.ExceptionInfo[BaseException]) -> str | None:
    return str(excinfo.value) if isinstance(excinfo.value, NotAsExpected) else None


def _told(result: Result) -> str:
    scenario, answer = result.scenario, result.answer
    lines = [str(scenario.place), *(f"  {fault}" for fault in result.faults)]
    beaten = f"; beaten: {', '.join(answer.beaten)}" if answer.beaten else ""
    lines.append(f"  because {', '.join(answer.because)}{beaten}")
    lines.append(f"  case: {case_in_words(scenario.case)}")
    lines += [f"  {line}" for line in result.notice_lines()]
    return "\n".join(lines)
