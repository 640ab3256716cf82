"""The option `--reason`: why something was done, in one line, for those who read the record later."""

import typer

from app.api.bodies import REASON_LENGTH


def checked_reason(reason: str) -> str:
    """A reason as it is stored, for the option's callback; anything but one printable line is wrong use."""
    if not (0 < len(reason.strip()) <= REASON_LENGTH and reason.isprintable()):
        raise typer.BadParameter(f"one line of 1 to {REASON_LENGTH} printable characters")
    return reason.strip()
