"""What a command says of an error that LENS can explain."""

import sys

from app.errors import LensError, Refused


def complain(error: LensError, place: str = "") -> None:
    """Tells an error on standard error, a fault a line; `place` is what it is about."""
    print(f"lens: {f'{place}: ' if place else ''}{error.detail}", file=sys.stderr)
    for fault in error.faults if isinstance(error, Refused) else ():
        allowed = f"; allowed: {', '.join(fault.allowed)}" if fault.allowed else ""
        print(f"  {fault.pointer or 'the whole'}: {fault.message}{allowed}", file=sys.stderr)
