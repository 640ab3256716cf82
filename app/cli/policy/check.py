"""`lens check`: every fault of a rulebook, all at once."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.text import Text

from app.cli.policy.named_books import existing
from app.cli.printing import pretty
from app.rulebook.book import Proved, load_with_problems
from app.rulebook.files.report import as_json, as_sarif, as_text, case_words
from app.rulebook.files.source import SourceFile, read_folder
from app.rulebook.problems.problem import Problem, Problems
from app.rulebook.reading.content import content_hash

app = typer.Typer(add_completion=False)

_COLOURS = {"error": "bold red", "warning": "bold yellow"}


@app.command()
def check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with rules/ and ref_data/.")] = Path(),
    form: Annotated[
        Literal["text", "json", "sarif"], typer.Option("--format", help="For people, programs or code review.")
    ] = "text",
) -> None:
    """Check a rulebook: every fault with its place, what is allowed and how to mend it. Exit code 1 when there is an error.

    Example: lens check . --format json
    """
    existing(folder)
    problems = Problems()
    files = read_folder(folder, Problems())
    book = load_with_problems(folder, problems, datetime.now(UTC).date())
    found = problems.sorted()
    name = content_hash(files)
    if form == "json":
        print(pretty(as_json(found, name, problems.more)))
    elif form == "sarif":
        print(pretty(as_sarif(found, version("lens"), problems.more)))
    else:
        show_problems(found, files, name, problems.more)
        if book is not None:
            print("\n".join(_lines_of_proofs(book.proved)))
    if problems.has_errors:
        raise typer.Exit(1)


def show_problems(found: tuple[Problem, ...], files: tuple[SourceFile, ...], name: str, more: int = 0) -> None:
    """Prints problems for people, each with its place, and whether the rulebook called `name` is usable."""
    console = Console(soft_wrap=True, highlight=False)
    for problem in found:
        text = as_text([problem], files)
        head, _, rest = text.partition(":")
        console.print(Text.assemble((head, _COLOURS[problem.severity]), ":", rest, "\n"))
    if more:
        console.print(f"and {_count(more, 'more problem')} not shown: fix these first\n")
    errors = sum(problem.severity == "error" for problem in found)
    warnings = len(found) - errors
    verdict = "is not usable" if errors else "is usable"
    console.print(f"rulebook {name} {verdict}: {_count(errors, 'error')}, {_count(warnings, 'warning')}")
    sys.stdout.flush()


def _lines_of_proofs(proved: Proved) -> Iterator[str]:
    """What the proofs found besides faults, a line each."""
    yield f"proved over {proved.cases:,} cases in {_count(proved.regimes, 'regime')} of days"
    for found in proved.uncovered:
        example = f", e.g. {case_words(found.example)}" if found.cases else ""
        yield f"{found.rule} answers what no rule does: {found.cases:,} cases{example}"
    for possible in proved.possible:
        yield (
            f"whoever reads {possible.message} ({possible.copy}) leaves {possible.values} values of {possible.fact} possible, at the least"
        )


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
