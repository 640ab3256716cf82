"""The shipped rulebook as the tests of several rooms use it: loaded once, or copied to be changed."""

import shutil
from functools import cache
from pathlib import Path

from app.rulebook.book import RuleBook, load

ROOT = Path(__file__).parents[2]
FOLDERS = ("rules", "ref_data")


@cache
def shipped() -> RuleBook:
    """The shipped rulebook, loaded once for all tests of a run."""
    return load(ROOT)


def copied(to: Path) -> Path:
    """A copy of the shipped rulebook below `to`, which it returns."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, to / name)
    return to


def edited(to: Path, *edits: tuple[str, str, str]) -> Path:
    """A copy of the shipped rulebook with edits (file, text that stands there once, text instead)."""
    copied(to)
    for name, old, new in edits:
        path = to / name
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
        path.write_text(text.replace(old, new))
    return to
