"""What the record keeps of a command: who gave it, and why."""

import os
import pwd

import typer

from app.domain.reason import REASON_LENGTH, WORDED, is_worded

_ACCOUNT_LENGTH = 14
"""Characters of an account's name that are kept: so that what `--as` says has room beside it."""


def actor() -> str:
    """Who is at the command line, for the audit trail: the user id of this process, and the system's own name for it.

    What the environment says (LOGNAME, USER) anybody may set, so it is not asked.
    """
    uid = os.getuid()
    try:
        account = pwd.getpwuid(uid).pw_name
    except KeyError:
        account = "no name"
    return f"cli uid {uid} ({account[:_ACCOUNT_LENGTH]})"


def checked_reason(reason: str) -> str:
    """A reason as it is stored, for the callback of an option `--reason`; anything but one printable line is wrong use."""
    if not (0 < len(reason.strip()) <= REASON_LENGTH and reason.isprintable()):
        raise typer.BadParameter(f"one line of 1 to {REASON_LENGTH} printable characters")
    if not is_worded(reason):
        raise typer.BadParameter(WORDED)
    return reason.strip()


def line_or_none(text: str | None) -> str | None:
    """The same for an option that may be left out."""
    return None if text is None else checked_reason(text)
