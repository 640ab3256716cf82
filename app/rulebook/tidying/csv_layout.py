"""Keeps CSV files tidy: the same bytes for the same cells, so that what differs after a spreadsheet has saved a file is what was meant.

A spreadsheet writes its own line ends, quotes, a byte order mark, and commas for columns and rows that it once had. All of that is
taken back; the columns stand as the table names them. Cells and the order of rows stay as they are, digit for digit.
"""

import csv
import io
from collections.abc import Sequence

from app.errors import BadRulebook
from app.rulebook.files.csv_rows import read_csv
from app.rulebook.files.source import Mapping, Scalar, SourceFile, decoded, read_yaml
from app.rulebook.problems.problem import Problems

_Rows = list[list[str]]
_NEEDS_QUOTES = frozenset('",\r\n')


def tidied_csv(file: SourceFile, columns: Sequence[str] | None, problems: Problems) -> bytes | None:
    """What a CSV file is when tidy; None where it cannot be read, which is told. `columns` are those of its table, where known.

    Raises BadRulebook where it would not say the same.
    """
    text = decoded(file, problems)
    rows = _rows_of(text) if text is not None else None
    if text is None:
        return None
    if not rows or any(len(row) != len(rows[0]) for row in rows):
        read_csv(file, problems)  # tells what is wrong
        return None
    content = _written(_in_order(rows, columns)).encode()
    if _cells(_rows_of(content.decode())) != _cells(rows):
        raise BadRulebook(f"{file.name} would not say the same when tidied, so it is left as it is")
    return content


def columns_by_csv(files: Sequence[SourceFile]) -> dict[str, tuple[str, ...]]:
    """The columns of each CSV file that a table takes its rows from, in the order in which the table names them."""
    found = {}
    for file in files:
        tree = read_yaml(file, Problems()) if not file.name.endswith(".csv") else None
        top = {key.text: value for key, value in tree.items} if isinstance(tree, Mapping) else {}
        rows_from, columns = top.get("rows_from"), top.get("columns")
        if isinstance(rows_from, Scalar) and isinstance(columns, Mapping):
            folder = file.name.rpartition("/")[0]
            name = f"{folder}/{rows_from.text}" if folder else rows_from.text
            found[name] = ("code", *(key.text for key, _ in columns.items))
    return found


def _rows_of(text: str) -> _Rows | None:
    """The rows without those that have nothing in them, and without columns that have neither name nor cells; None for no CSV."""
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if any(row)]
    except csv.Error:
        return None
    width = max((_used(row) for row in rows), default=0)
    return [row[:width] for row in rows]


def _used(row: list[str]) -> int:
    """How many cells a row has up to the last that is not empty."""
    return max((place for place, cell in enumerate(row, 1) if cell), default=0)


def _in_order(rows: _Rows, columns: Sequence[str] | None) -> _Rows:
    heading = rows[0]
    if columns is None or sorted(heading) != sorted(columns):
        return rows
    places = [heading.index(name) for name in columns]
    return [[row[place] for place in places] for row in rows]


def _written(rows: _Rows) -> str:
    return "".join(",".join(map(_cell, row)) + "\n" for row in rows)


def _cell(text: str) -> str:
    """A cell, in quotes only where it needs them."""
    if not set(text) & _NEEDS_QUOTES:
        return text
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


def _cells(rows: _Rows | None) -> list[frozenset[tuple[str, str]]]:
    """What a file says: the cells of each row by their columns."""
    return [frozenset(zip(rows[0], row, strict=True)) for row in rows] if rows else []
