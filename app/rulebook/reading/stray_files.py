"""Files that nothing uses: whoever put one into the rulebook believes that it counts."""

from collections.abc import Collection, Mapping, Sequence

from app.rulebook.files.source import Mapping as Keys
from app.rulebook.files.source import Node, Scalar, SourceFile
from app.rulebook.language.model import Fact, Table
from app.rulebook.problems.problem import Problems, Spot, did_you_mean
from app.rulebook.reading.facts import CODE_TABLES, FACTS


def check_csv_files(files: Sequence[SourceFile], table_files: Sequence[tuple[str, Node]], problems: Problems) -> None:
    """Tells each CSV file that no table names in `rows_from`."""
    named = set(CODE_TABLES)
    for name, node in table_files:
        folder = name.rpartition("/")[0]
        named |= {f"{folder}/{csv_name}" for csv_name in _rows_from(node)}
    if not named <= {file.name for file in files}:
        return  # a table names one that is not there, and is told: it may mean any of these
    for file in files:
        if file.name.endswith(".csv") and file.name not in named:
            help = "name it in `rows_from` of the table that it belongs to, beside it, or take it out"
            problems.error("R008", "no table names this file, so nothing reads it", Spot(file.name), help=help)


def _rows_from(node: Node) -> list[str]:
    if not isinstance(node, Keys):
        return []
    return [value.text for key, value in node.items if key.text == "rows_from" and isinstance(value, Scalar)]


def check_tables_used(tables: Mapping[str, Table], facts: Mapping[str, Fact], problems: Problems) -> None:
    """Tells each table whose rows are the values of no fact, so that no rule can use them."""
    used: Collection[str] = {fact.table for fact in facts.values() if fact.table}
    if len(facts) < len(FACTS):
        return
    for table in tables.values():
        if table.name and table.name not in used:
            message = f"no fact has the rows of the table `{table.name}`, so no rule can use it"
            help = "put its rows into a table that facts.yaml names, or take the file out"
            problems.error("R008", message, table.spot, help=help, label=did_you_mean(table.name, used))
