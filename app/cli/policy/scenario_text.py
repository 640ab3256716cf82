"""What testing a rulebook gave, for people at a terminal."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.rulebook.files.report import as_text
from app.rulebook.problems.problem import Problem
from app.trials.coverage import Coverage, EdgeCover, SetCover, WordCover
from app.trials.scenario_report import Report
from app.trials.suite import Failure, case_in_words

SURVIVED = "M001"
"""The code under which a wrong edit that no scenario notices is told."""

ROWS_SHOWN = 12
WIDTH = 120
"""Characters a line of a table at the most where there is no terminal to ask."""


def show_report(report: Report, short: Sequence[str], *, tables: bool) -> None:
    """Prints what failed, with `tables` what is covered, the wrong edits judged, what is `short` of a limit; the sums last."""
    console = Console(soft_wrap=True, highlight=False)
    for failure in report.trial.failures:
        _show_failure(console, failure)
    if tables and report.coverage is not None:
        wide = console if console.is_terminal else Console(width=WIDTH, highlight=False)
        for table in _tables(report.coverage):
            wide.print(table, soft_wrap=False)
    if report.mutants is not None:
        _show_edits(console, report)
    for line in short:
        console.print(Text(line, style="bold red"))
    failed = len(report.trial.failures)
    cases, promises = len(report.trial.results), len(report.trial.promises)
    console.print(f"{_count(cases, 'scenario case')}, {_count(promises, 'promise')}")
    console.print(f"{cases + promises - failed} passed, {failed} failed")


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _show_failure(console: Console, failure: Failure) -> None:
    console.print(Text.assemble(("failed ", "bold red"), failure.name, (f"  {failure.spot}", "dim")))
    for fault in failure.faults:
        console.print(Text(f"    {fault}"))
    if failure.result is not None:
        answer = failure.result.answer
        beaten = f"; beaten: {', '.join(answer.beaten)}" if answer.beaten else ""
        console.print(Text(f"    because {', '.join(answer.because)}{beaten}"))
        console.print(Text(f"    case: {case_in_words(failure.result.scenario.case)}"))
        for line in failure.result.notice_lines():
            console.print(Text(f"    {line}"))


def _show_edits(console: Console, report: Report) -> None:
    files = report.trial.loaded.book.content.files
    for judged in report.survivors():
        problem = Problem(SURVIVED, "warning", f"no scenario notices: {judged.edit}", judged.spot)
        head, _, rest = as_text([problem], files).partition(":")
        advice = f"\n  {judged.advice}" if judged.advice else ""
        add = f"\n  add: {judged.scenario}" if judged.scenario else ""
        console.print(Text.assemble((head, "bold yellow"), ":", rest, advice, add, "\n"))
    verdicts = ", ".join(f"{count:,} {verdict}" for verdict, count in report.verdicts().items())
    console.print(f"{_count(len(report.mutants or ()), 'wrong edit')}: {verdicts}")


def _tables(coverage: Coverage) -> Iterator[Table]:
    yield _rules(coverage)
    yield _conditions(coverage.words)
    yield _sets(coverage.sets)
    yield _dates(coverage.edges)
    yield _states(coverage)
    shares = _table("Covered", "what", "goals", "covered", "")
    for share in coverage.shares():
        style = "bold yellow" if share.covered < share.total else "green"
        shares.add_row(share.kind, f"{share.total:,}", f"{share.covered:,}", Text(f"{share.percent:.1f} %", style=style))
    yield shares


def _table(title: str, *columns: str, right: Sequence[str] = ()) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        numeric = column in {"fired", "beaten", "expected", "held", "alone failed", "goals", "covered", "", *right}
        table.add_column(column, justify="right" if numeric else "left", no_wrap=column in {"rule", "from"})
    return table


def _number(count: int, *, possible: bool = True) -> Text:
    if not possible:
        return Text("-", style="dim")
    return Text(f"{count:,}", style="" if count else "bold yellow")


def _rules(coverage: Coverage) -> Table:
    table = _table("Rules: in how many cases", "rule", "title", "fired", "beaten", "expected")
    for rule in coverage.rules:
        beaten = Text(f"{rule.beaten:,}" if rule.beaten else "")
        expected = _number(rule.expected, possible=rule.possible)
        table.add_row(rule.rule, rule.title, _number(rule.fired, possible=rule.possible), beaten, expected)
    return table


def _conditions(words: Sequence[WordCover]) -> Table:
    table = _table("Conditions: in how many cases each value", "rule", "fact", "value or set", "held", "alone failed")
    for word in words:
        held, failed = _number(word.held, possible=word.can_hold), _number(word.failed, possible=word.can_fail)
        table.add_row(word.rule, word.fact, word.written, held, failed)
    return table


def _sets(sets: Sequence[SetCover]) -> Table:
    table = _table("Sets: rows that decided a case alone", "set", "in", "out", "without a case", right=("in", "out"))
    for cover in sets:
        sides = []
        for seen, missing in ((cover.inside, cover.inside_missing), (cover.outside, cover.outside_missing)):
            style = "bold yellow" if missing else ""
            sides.append(Text(f"{len(seen):,} of {len(seen) + len(missing):,}", style=style))
        lacking = [(name, rows) for name, rows in (("in", cover.inside_missing), ("out", cover.outside_missing)) if rows]
        table.add_row(cover.name, *sides, "; ".join(f"{name}: {_few(rows)}" for name, rows in lacking))
    return table


def _few(rows: Sequence[str]) -> str:
    shown = " ".join(rows[:ROWS_SHOWN])
    return shown + (f" and {len(rows) - ROWS_SHOWN:,} more" if len(rows) > ROWS_SHOWN else "")


def _dates(edges: Sequence[EdgeCover]) -> Table:
    table = _table("Dates: cases at each change", "from", "day before", "that day", "what", right=("day before", "that day"))
    for edge in edges:
        table.add_row(edge.day.isoformat(), _number(edge.before), _number(edge.on), "; ".join(edge.changes))
    return table


def _states(coverage: Coverage) -> Table:
    table = _table("States: in a case with a notice owed", "as the state of", "states", "without a case", right=("states",))
    for name, lacking in (
        ("release", [state.state for state in coverage.states if not state.released_in]),
        ("residence", [state.state for state in coverage.states if not state.lives_in]),
    ):
        table.add_row(name, f"{len(coverage.states) - len(lacking)} of {len(coverage.states)}", _few(lacking))
    pairs = sum(bool(owed) for _, owed in coverage.pairs.values())
    table.add_row("both, in pairs", f"{pairs:,} of {len(coverage.states) ** 2:,}", "")
    return table
