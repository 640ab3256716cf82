"""Reads the CSV files of a rulebook: rows by column name, with their places. Every cell is text, as it stands in the file."""

import csv
import io
import re
from dataclasses import dataclass
from typing import NamedTuple

from app.rulebook.files.source import SourceFile, decoded
from app.rulebook.problems.problem import Problems, Spot

_CELL = re.compile('(?:(?<=,)|^)(?:"(?:[^"]|"")*"|[^,"]*)(?=,|$)')
"""A cell of a line of CSV, with its quotes."""


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One row of a CSV file: its cells by column name, with the place of its first cell and the line as it stands there."""

    cells: dict[str, str]
    spot: Spot
    line: str

    def spot_of(self, column: str) -> Spot:
        """Where the cell of a column stands; for a row that goes over several lines, where the row begins."""
        written = _CELL.finditer(self.line.rstrip("\r\n"))
        for name, match in zip(self.cells, written, strict=False):
            if name == column:
                return Spot(self.spot.file, self.spot.line, match.start() + 1, max(match.end() - match.start(), 1))
        return self.spot


class CsvFile(NamedTuple):
    """A CSV file: its column names and its rows without the faulty ones.

    `lost` are the codes of those left out, `whole` is whether these are all that can be missing.
    """

    heading: tuple[str, ...]
    rows: tuple[CsvRow, ...]
    lost: frozenset[str]
    whole: bool


def read_csv(file: SourceFile, problems: Problems) -> CsvFile:
    """A CSV file (RFC 4180, UTF-8, a heading line). Faulty rows are told and left out."""
    text = decoded(file, problems)
    if text is None:
        return CsvFile((), (), frozenset(), whole=False)
    lines = list(io.StringIO(text, newline=""))
    reader = csv.reader(lines, strict=True)
    line = 1
    rows = []
    lost: list[str | None] = []
    heading: tuple[str, ...] = ()
    try:
        heading = tuple(next(reader, ()))
        line = reader.line_num + 1
        for cells in reader:
            spot, written = Spot(file.name, line, 1, max(len(cells[0]), 1) if cells else 1), lines[line - 1]
            line = reader.line_num + 1
            if len(cells) != len(heading):
                message = f"this row has {len(cells)} cells, the heading has {len(heading)}"
                problems.error("R007", message, spot, help=_cells_help(cells, len(heading)))
                lost.append(dict(zip(heading, cells, strict=False)).get("code") if cells else "")
            else:
                rows.append(CsvRow(dict(zip(heading, cells, strict=True)), spot, written))
        if not heading:
            problems.error(
                "R006", "the file is empty", Spot(file.name), help="begin with a line of column names, or remove the file"
            )
    except csv.Error as error:
        help = "the row that begins here has a quote that is not closed, or one inside a cell: write it twice, inside quotes"
        problems.error("R007", f"this is not CSV: {error}", Spot(file.name, line), help=help)
        lost.append(None)
    return CsvFile(heading, tuple(rows), frozenset(code for code in lost if code), whole=None not in lost)


def _cells_help(cells: list[str], expected: int) -> str:
    found = len(cells)
    if found > expected and not any(cells[expected:]):
        return "take the commas at its end out, or let `lens fmt` do it"
    if not found:
        return "take the blank line out, or let `lens fmt` do it"
    return "put quotes around a cell that has a comma in it" if found > expected else "a cell is missing; leave it empty: `,,`"
