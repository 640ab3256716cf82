"""What `make faults` found, for people (Markdown) and for programs (JSON)."""

import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from tests.faults.planned import Figures


class Result(NamedTuple):
    """One fault tried. `words`: what went wrong, or why it could not be tried."""

    name: str
    goal: str
    result: Literal["passed", "FAILED", "not tried"]
    seconds: float
    figures: Figures
    words: str = ""


def write_report(results: Sequence[Result], scale: float, folder: Path) -> None:
    """Writes `report.md` and `report.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_bytes(
        msgspec.json.format(msgspec.json.encode({"scale": scale, "results": [each._asdict() for each in results]}))
    )
    failed = sum(each.result == "FAILED" for each in results)
    machine = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    lines = [
        "# Faults",
        "",
        f"{len(results)} faults, {failed} failed; scale {scale:g}; {time.strftime('%Y-%m-%d %H:%M')}; {machine}.",
        "",
        "| fault | goal | result | s | figures |",
        "|---|---|---|---|---|",
    ]
    for each in results:
        figures = ", ".join(f"{name} {_shown(value)}" for name, value in each.figures.items())
        lines.append(
            f"| {each.name} | {each.goal} | {each.result} | {each.seconds:.0f} | {figures or each.words.strip().splitlines()[-1]} |"
        )
    for each in results:
        if each.result == "FAILED":
            lines += ["", f"## {each.name}", "", "```", each.words, "```"]
    (folder / "report.md").write_text("\n".join(lines) + "\n")


def _shown(value: float | str) -> str:
    return f"{value:,}" if isinstance(value, int | float) else value
