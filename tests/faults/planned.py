"""A fault of the long set, as `make faults` runs and reports it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

Figures = Mapping[str, int | float | str]


class Room(NamedTuple):
    """Where one fault is tried: an empty folder, and how much of it, 1 for all."""

    folder: Path
    scale: float

    def times(self, count: int) -> int:
        """So many of `count`, one at least."""
        return max(1, round(count * self.scale))


class Planned(NamedTuple):
    """One fault. `run` gives its figures and raises AssertionError where the goal is missed, NotHere where it cannot be tried."""

    name: str
    goal: str
    run: Callable[[Room], Figures]


class NotHere(Exception):
    """This machine cannot have the fault; the words say what is missing."""
