"""`lens test`: runs a rulebook's scenarios and proves its promises; says what they cover and which wrong edits they would miss."""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from app.cli.policy.check import show_problems
from app.cli.policy.named_books import existing
from app.cli.policy.scenario_text import show_report
from app.cli.policy.schema import renew
from app.cli.printing import pretty
from app.rulebook.files.report import as_json as problems_as_json
from app.rulebook.files.report import as_text
from app.rulebook.files.source import SourceFile, read_folder
from app.rulebook.problems.problem import Problem, Problems
from app.rulebook.reading.content import content_hash
from app.trials.coverage import Share, cover
from app.trials.mutation import Judge, Judged
from app.trials.scenario_report import Report, as_json
from app.trials.scenario_report_html import as_html, refused_as_html
from app.trials.scenario_report_junit import as_junit, refused_as_junit
from app.trials.suite import RulebookToTest, load_to_test, try_all

app = typer.Typer(add_completion=False)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a run is to do and to tell."""

    coverage: bool
    mutation: bool
    fail_under: float | None
    junit: Path | None
    html: Path | None
    form: Literal["text", "json"]


@app.command("test")
def run_scenarios(  # noqa: PLR0913, PLR0917 - an argument for each option
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with rules/ and ref_data/.")] = Path(),
    coverage: Annotated[bool, typer.Option("--coverage", help="Tell what the scenarios cover.")] = False,
    fail_under: Annotated[
        float | None,
        typer.Option(
            metavar="PERCENT",
            min=0,
            max=100,
            help="Fail when rules, conditions, sets, dates or states are covered less than this, each for itself.",
        ),
    ] = None,
    mutation: Annotated[
        bool,
        typer.Option("--mutation", help="Try every small wrong edit; fail when no scenario notices one. Takes a minute or so."),
    ] = False,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write JUnit XML, for a CI server.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page with all of it, coverage included.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Run again whenever a file of the rulebook changes.")] = False,
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="For people or for programs.")] = "text",
) -> None:
    """Run the scenarios of a rulebook and prove its promises. Exit code 1 when one fails.

    Example: lens test . --coverage --html report.html
    """
    existing(folder)
    for path, option in ((junit, "--junit"), (html, "--html")):
        if path is not None and not path.parent.is_dir():
            raise typer.BadParameter(f"there is no folder {path.parent}", param_hint=option)
    wanted = RunOptions(coverage=coverage, mutation=mutation, fail_under=fail_under, junit=junit, html=html, form=form)
    if watch:
        from app.cli.watching import run_on_change  # noqa: PLC0415 - a watcher is not loaded for a single run

        run_on_change(folder, lambda: _run_again(folder, wanted))
    elif not run_once(folder, wanted):
        raise typer.Exit(1)


def _run_again(folder: Path, wanted: RunOptions) -> None:
    """Tests the rulebook once, after the schemas that an editor has of it are made anew."""
    renew(folder)
    run_once(folder, wanted)


def run_once(folder: Path, wanted: RunOptions) -> bool:
    """Tests the rulebook once and tells all that was asked for. Whether nothing failed."""
    problems = Problems()
    started = time.perf_counter()
    loaded = load_to_test(folder, problems)
    if loaded is None:
        _refuse(problems.sorted(), read_folder(folder, Problems()), wanted)
        return False
    trial = try_all(loaded)
    covered = cover(loaded.book, trial.results) if wanted.coverage or wanted.html or wanted.fail_under is not None else None
    seconds = time.perf_counter() - started
    mutants = tuple(_judge_mutants(loaded)) if wanted.mutation else None
    report = Report(trial=trial, at=datetime.now(UTC), seconds=seconds, coverage=covered, mutants=mutants)
    if wanted.junit is not None:
        wanted.junit.write_bytes(as_junit(report))
    if wanted.html is not None:
        wanted.html.write_text(as_html(report), encoding="utf-8")
    short = _short_of(report, wanted.fail_under)
    if wanted.form == "json":
        print(pretty(as_json(report)))
        print("".join(f"{line}\n" for line in short), end="", file=sys.stderr)
    else:
        show_report(report, short, tables=wanted.coverage)
    return not (trial.failures or report.survivors() or short)


def _judge_mutants(loaded: RulebookToTest) -> Iterator[Judged]:
    """Every wrong edit, judged; how far it is, is shown on a terminal."""
    console = Console(stderr=True)
    with console.status("Trying wrong edits") as status:
        for number, judged in enumerate(Judge(loaded.book.content).all(), start=1):
            status.update(f"Trying wrong edits: {number:,}, {judged.spot.file}")
            yield judged


def _short_of(report: Report, percent: float | None) -> list[str]:
    if percent is None or report.coverage is None:
        return []
    short = [share for share in report.coverage.shares() if share.covered * 100 < percent * share.total]
    return [f"not enough covered: {_share(share)}; asked for {percent:g} %" for share in short]


def _share(share: Share) -> str:
    return f"{share.kind} {share.percent:g} % ({share.covered:,} of {share.total:,})"


def _refuse(found: tuple[Problem, ...], files: tuple[SourceFile, ...], wanted: RunOptions) -> None:
    """Tells why a rulebook cannot be tested, in every form asked for, so that no old report is taken for a new one."""
    errors = as_text([problem for problem in found if problem.severity == "error"], files)
    now = datetime.now(UTC)
    if wanted.junit is not None:
        wanted.junit.write_bytes(refused_as_junit(errors, now))
    if wanted.html is not None:
        wanted.html.write_text(refused_as_html(errors, now), encoding="utf-8")
    if wanted.form == "json":
        print(pretty(problems_as_json(found, content_hash(files))))
    else:
        show_problems(found, files, content_hash(files))
