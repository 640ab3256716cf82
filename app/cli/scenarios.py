"""`lens test`: runs a rulebook's scenarios."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from app.decide.suite import Result, run_all
from app.rulebook.book import load

app = typer.Typer()


@app.command("test")
def run_scenarios(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Folder with rules/ and ref_data/.")] = Path(),
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="For people or for programs.")] = "text",
) -> None:
    """Run the scenarios of a rulebook. Exit code 1 when one fails.

    Example: lens test .
    """
    results = run_all(load(folder))
    failed = [result for result in results if result.faults]
    if form == "json":
        answer = {"scenarios": len(results), "failed": len(failed), "failures": [_failure(result) for result in failed]}
        print(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode())
    else:
        _show(results, failed)
    if failed:
        raise typer.Exit(1)


def _failure(result: Result) -> dict[str, object]:
    spot = result.scenario.spot
    return {"name": result.scenario.title, "file": spot.file, "line": spot.line, "faults": list(result.faults)}


def _show(results: list[Result], failed: list[Result]) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for result in failed:
        console.print(Text.assemble(("failed", "bold red"), f" {result.scenario.title}  ({result.scenario.spot})"))
        for fault in result.faults:
            console.print(f"    {fault}", markup=False)
        console.print(f"    because {list(result.answer.because)}, beaten {list(result.answer.beaten)}", markup=False)
    console.print(f"{len(results) - len(failed)} passed, {len(failed)} failed")
