"""What changes between two rulebooks, in the form asked for."""

from collections.abc import Callable
from typing import Annotated, Literal

import typer

from app.cli.printing import pretty
from app.rulebook.comparing.change_report import Compared, as_json, as_markdown, as_text
from app.rulebook.comparing.change_report_html import as_html

Form = Annotated[
    Literal["text", "json", "markdown", "html"], typer.Option("--format", help="For people, programs or a review.")
]
"""The option `--format`."""

_FORMS: dict[str, Callable[[Compared], str]] = {
    "text": as_text,
    "json": lambda compared: pretty(as_json(compared)),
    "markdown": as_markdown,
    "html": as_html,
}


def shown(compared: Compared, form: str) -> str:
    """The whole of it, in one of the forms of the option."""
    return _FORMS[form](compared)
