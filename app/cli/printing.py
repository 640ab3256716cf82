"""What commands print: documents, tables, times, and texts from elsewhere."""

import sys

import msgspec
from rich.console import Console
from rich.table import Table

_WIDE = 160  # columns, where the output is no terminal
_CONTROLS = {number: " " for number in (*range(32), *range(127, 160)) if chr(number) not in "\n\t"}


def pretty(document: object) -> str:
    """A document as JSON that people can read too."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def print_table(table: Table, none: str = "There are none.") -> None:
    """Prints it, or where it has no rows, that there is nothing."""
    console = Console(width=None if sys.stdout.isatty() else _WIDE)
    console.print(table if table.row_count else none)


def minute(time: str | None) -> str:
    """A time as the store tells it (RFC 3339 in UTC), to the minute."""
    return "-" if time is None else f"{time[:16].replace('T', ' ')} UTC"


def harmless(text: str) -> str:
    """A text from elsewhere that a terminal shows and never obeys: no control character but line breaks is left."""
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_CONTROLS).rstrip()
