"""Runs something again whenever a file of a rulebook changes."""

from collections.abc import Callable
from pathlib import Path

import typer
from rich.console import Console
from watchfiles import Change, watch

SUFFIXES = (".yaml", ".yml", ".csv")
LOOK_EVERY = 200
"""Milliseconds between two looks at what changed. The watcher itself goes on while something runs, so no change is missed."""
SETTLE = 300
"""Milliseconds in which changes are taken together: an editor may write a file in several steps."""


def run_on_change(folder: Path, run: Callable[[], object], *, keep: bool = False) -> None:
    """Runs once, then after every change of a file in `rules/` or `ref_data/` of `folder`, until Ctrl-C.

    Each time the screen is cleared first, unless `keep` says that what stands there stays.
    """
    tops = [folder / name for name in ("rules", "ref_data") if (folder / name).is_dir()]
    if not tops:
        raise typer.BadParameter(f"there is nothing to watch: {folder} has neither rules/ nor ref_data/", param_hint="DIR")
    console = Console(highlight=False)
    looks = watch(*tops, watch_filter=_is_ours, step=50, debounce=SETTLE, rust_timeout=LOOK_EVERY, yield_on_timeout=True)
    first = True
    try:
        for changes in looks:
            if not first and not changes:
                continue
            if not first and not keep:
                console.clear()
            run()
            if first or not keep:
                console.print("watching; Ctrl-C ends", style="dim")
            first = False
    except KeyboardInterrupt:
        console.print("ended")


def _is_ours(_: Change, path: str) -> bool:
    name = Path(path).name
    return name.endswith(SUFFIXES) and not name.startswith(".")
