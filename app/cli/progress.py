"""Progress of long work, shown on a terminal and nowhere else."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn

Tell = Callable[[int], None]
"""Tells how many are done."""


@contextmanager
def working(what: str) -> Iterator[None]:
    """Shows `what` goes on, on standard error, where that is a terminal, for as long as the block lasts."""
    with Console(stderr=True).status(what):
        yield


@contextmanager
def advancing(what: str) -> Iterator[Callable[[int, int], None]]:
    """Shows how much of `what` is done, on standard error, where that is a terminal: told as so many of so many."""
    console = Console(stderr=True)
    with Progress(
        TextColumn(what), BarColumn(), TaskProgressColumn(), console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def counting(what: str) -> Iterator[Tell]:
    """Shows a running count of `what` on standard error, where that is a terminal that standard output does not share."""
    console = Console(stderr=True)
    if not console.is_terminal or sys.stdout.isatty():
        yield lambda _: None
        return
    with Progress(SpinnerColumn(), TextColumn("{task.completed:,} " + what), console=console, transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda number: progress.update(task, completed=number)
