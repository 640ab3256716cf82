"""What the record keeps of a command: who gave it, and why."""

import getpass

import typer

from app.domain.reason import REASON_LENGTH


def actor() -> str:
    """Who is at the command line, for the audit trail."""
    return f"cli {getpass.getuser()}"[:80]


def checked_reason(reason: str) -> str:
    """A reason as it is stored, for the callback of an option `--reason`; anything but one printable line is wrong use."""
    if not (0 < len(reason.strip()) <= REASON_LENGTH and reason.isprintable()):
        raise typer.BadParameter(f"one line of 1 to {REASON_LENGTH} printable characters")
    return reason.strip()


def line_or_none(text: str | None) -> str | None:
    """The same for an option that may be left out."""
    return None if text is None else checked_reason(text)
