"""CSV files after a spreadsheet has saved them: the same cells give the same bytes, and none is lost."""

import csv
import io
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rulebook.files.csv_rows import read_csv
from app.rulebook.files.source import SourceFile
from app.rulebook.problems.problem import Problems
from app.rulebook.tidying.csv_layout import columns_by_csv, tidied_csv
from tests.rulebook.shipped import ROOT

COLUMNS = ("code", "name", "tier")
SHIPPED = sorted((ROOT / "ref_data").glob("*.csv"))
CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff", exclude_categories=["Cs"]), max_size=8)
ROWS = st.lists(st.tuples(CELL.filter(bool), CELL, CELL), min_size=1, max_size=8)


def tidy(content: bytes, columns: tuple[str, ...] | None = COLUMNS) -> bytes:
    """A file when tidy; it must be one that can be read."""
    problems = Problems()
    found = tidied_csv(SourceFile("ref_data/x.csv", content), columns, problems)
    assert found is not None, problems.found
    return found


def rows_of(content: bytes) -> list[dict[str, str]]:
    """The cells as a table reads them."""
    problems = Problems()
    found = read_csv(SourceFile("ref_data/x.csv", content), problems)
    assert problems.found == []
    return [row.cells for row in found.rows]


def saved(rows: Sequence[tuple[str, ...]], *, quoting: int, ends: str, encoding: str, spare: int) -> bytes:
    """Rows as a spreadsheet saves them: its quotes, line ends and byte order mark, and columns and rows that it once had."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=quoting, lineterminator=ends)  # type: ignore[arg-type]
    writer.writerows([*row, *[""] * spare] for row in rows)
    if spare:
        writer.writerow([""] * (3 + spare))
    return out.getvalue().encode(encoding)


@given(
    ROWS,
    st.permutations([0, 1, 2]),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    st.sampled_from(["\r\n", "\n"]),
    st.sampled_from(["utf-8", "utf-8-sig"]),
    st.integers(0, 2),
)
def test_however_it_was_saved_the_bytes_are_the_same(
    rows: list[tuple[str, str, str]], order: list[int], quoting: int, ends: str, encoding: str, spare: int
) -> None:
    """Quotes, line ends, a byte order mark, spare commas and the order of columns make no difference; all cells stay; twice is once."""
    all_rows = [COLUMNS, *rows]
    plain = tidy(saved(all_rows, quoting=csv.QUOTE_ALL, ends="\n", encoding="utf-8", spare=0))
    turned = [tuple(row[place] for place in order) for row in all_rows]
    content = tidy(saved(turned, quoting=quoting, ends=ends, encoding=encoding, spare=spare))
    assert content == plain
    assert tidy(content) == content
    assert rows_of(content) == [dict(zip(COLUMNS, row, strict=True)) for row in rows]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_shipped_tables_are_tidy(path: object) -> None:
    """A table as shipped is as a spreadsheet's save becomes again."""
    content = (ROOT / "ref_data" / str(path)).read_bytes()
    rows = [tuple(row) for row in csv.reader(io.StringIO(content.decode(), newline=""))]
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    assert tidy(out.getvalue().encode("utf-8-sig"), None) == content


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'code,name,tier\n0101,"A,B\n', "R007"),
        (b"code,name,tier\n0101,A\n", "R007"),
        (b"code,name,tier\r\n0101,A,B,C\r\n", "R007"),
        (b"", "R006"),
        ("code,name,tier\n0101,Mu\u00f1oz,A\n".encode("latin-1"), "R002"),
        (b"<<<<<<< HEAD\ncode,name,tier\n=======\n>>>>>>> other\n", "R002"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(content: bytes, code: str) -> None:
    """What a table could not read is no matter of layout: it is told and left alone."""
    problems = Problems()
    assert tidied_csv(SourceFile("ref_data/x.csv", content), COLUMNS, problems) is None
    assert [problem.code for problem in problems.found][:1] == [code]


def test_digits_stay_as_they_are() -> None:
    """A zero in front, a date and a long number are cells like any other: what a spreadsheet has lost is not made up."""
    content = b'code,name,tier\n0101," 1E5 ",2026-01-02\n101,00,12345678901234567890\n'
    assert tidy(content) == content.replace(b'" 1E5 "', b" 1E5 ")


def test_the_columns_of_each_table_are_known() -> None:
    """Columns come from the file that names the CSV file; others keep their own order."""
    files = [SourceFile(f"ref_data/{path.name}", path.read_bytes()) for path in (ROOT / "ref_data").glob("*.*")]
    assert columns_by_csv(files)["ref_data/charges.csv"][:2] == ("code", "category")
    assert tidy(b"tier,code\r\nA,1\r\n", None) == b"tier,code\nA,1\n"
