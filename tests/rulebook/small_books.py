"""Small rulebooks for tests: the shipped one with its tables cut down, so that every single case can be decided one by one."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import product
from pathlib import Path
from typing import NamedTuple

from app.rulebook.comparing.changes import Side, sides
from app.rulebook.comparing.differences import Answered
from app.rulebook.files.source import SourceFile, read_folder
from app.rulebook.language.evaluate import evaluate
from app.rulebook.problems.problem import Problems
from app.rulebook.reading.content import Content, read_content

ROOT = Path(__file__).parents[2]
KEPT = {
    "charges": ("0901", "0902", "0101", "0301", "none", "unknown"),
    "release_reasons": ("OSUP", "BOND", "DEP", "T", "unknown"),
    "holds": ("juvenile", "unknown_flag", "none"),
    "states": ("AZ", "TX", "NE", "MP", "ZZ"),
}


def shipped_files() -> tuple[SourceFile, ...]:
    """The files of the shipped rulebook."""
    return read_folder(ROOT, Problems())


def edited(*edits: tuple[str, str, str]) -> Content:
    """The shipped rulebook with texts replaced (file, found once or more, written instead at the first place)."""
    files = {file.name: file.content for file in shipped_files()}
    for name, found, instead in edits:
        assert found.encode() in files[name], f"{name} has no {found!r}"
        files[name] = files[name].replace(found.encode(), instead.encode(), 1)
    content = read_content(tuple(SourceFile(name, text) for name, text in sorted(files.items())), Problems())
    assert content is not None
    return content


def cut_down(content: Content, **more: tuple[str, ...]) -> Content:
    """The rulebook with only a few rows in its tables; `more` names further rows to keep."""
    tables = {}
    for name, table in content.tables.items():
        kept = {*KEPT.get(name, tuple(table.rows)), *more.get(name, ())}
        sets = {
            key: replace(
                definition,
                listed=None if definition.listed is None else tuple(row for row in definition.listed if row in kept),
                excepted=tuple(row for row in definition.excepted if row in kept),
            )
            for key, definition in table.sets.items()
        }
        rows = {key: row for key, row in table.rows.items() if key in kept}
        changes = tuple(change for change in table.changes if change.row in kept)
        tables[name] = replace(table, rows=rows, sets=sets, changes=changes)
    return replace(content, tables=tables)


class OneCase(NamedTuple):
    """A single case, and what both rulebooks answer; `first` is the first day of its regime."""

    first: date
    values: dict[str, str]
    before: Answered
    after: Answered


def one_by_one(old: Content, new: Content) -> Iterator[OneCase]:
    """What both rulebooks answer in every single case, each decided by itself."""
    for before, after in sides(old, new):
        names = list(before.view.facts)
        for choice in product(*(before.view.domain(name) for name in names)):
            values = dict(zip(names, choice, strict=True))
            yield OneCase(before.view.first, values, _answer(before, values), _answer(after, values))


def _answer(side: Side, values: dict[str, str]) -> Answered:
    eligibility, routing = side.content.decisions()
    return side.answer(values, (evaluate(eligibility, side.view, values), evaluate(routing, side.view, values)))
