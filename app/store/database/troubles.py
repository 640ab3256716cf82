"""What goes wrong with the database: of what kind it is, and how it is told, without a value of any row."""

from typing import Literal

from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, OperationalError

from app.store.database.own_file import LOST_WORDS

_BUSY, _LOCKED = 5, 6
_SQLITE_DOWN = {
    3: "no permission",
    7: "out of memory",
    8: "read-only",
    10: "I/O error",
    11: "damaged",
    13: "disk full",
    14: "cannot be opened",
    26: "damaged",
}
_SQLITE_IN_FULL = {1032: LOST_WORDS}
"""What an extended code of the driver says more exactly."""
_POSTGRES_TRANSIENT = ("08", "40001", "40P01", "55P03", "57P")
_POSTGRES_ABORTED = ("22", "23", "25", "40", "55")
_POSTGRES_DOWN = ("53", "58", "25006", "XX")

Trouble = Literal["transient", "down", "refused"]
"""`transient`: the same may work in a moment; `down`: not before someone or something mends it; `refused`: never."""


def trouble(error: DBAPIError) -> Trouble:
    """What kind of failure of the database this is."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        primary = code & 0xFF
        return "transient" if primary in {_BUSY, _LOCKED} else "down" if primary in _SQLITE_DOWN else "refused"
    state = getattr(error.orig, "sqlstate", None) or ""
    lost = error.connection_invalidated or (not state and isinstance(error, OperationalError))
    if lost or state.startswith(_POSTGRES_TRANSIENT):
        return "transient"
    return "down" if state.startswith(_POSTGRES_DOWN) else "refused"


def rolled_back(error: DBAPIError) -> bool:
    """Whether a commit that failed so is known to have changed nothing; after a lost connection it is not known."""
    if getattr(error.orig, "sqlite_errorcode", None) is not None:
        return True
    state = getattr(error.orig, "sqlstate", None) or ""
    return state.startswith(_POSTGRES_ABORTED) and not error.connection_invalidated


def cause(error: DBAPIError) -> str:
    """What went wrong, in words that hold no value: a driver's own text can quote a whole row, so it is never shown."""
    return driver_cause(error.orig)


def driver_cause(error: BaseException | None) -> str:
    """The same of an error that came from the driver itself."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        if code in _SQLITE_IN_FULL:
            return _SQLITE_IN_FULL[code]
        return _SQLITE_DOWN.get(code & 0xFF, str(getattr(error, "sqlite_errorname", code)))
    state = getattr(error, "sqlstate", None)
    return f"SQLSTATE {state}" if state else type(error).__name__


def forget_values(context: ExceptionContext) -> None:
    """PostgreSQL's own words quote the row that failed; they end here, before anything can log or show them."""
    error = context.original_exception
    if isinstance(context.sqlalchemy_exception, DBAPIError):
        error.args = (f"{type(error).__name__} (SQLSTATE {getattr(error, 'sqlstate', None)})",)
        context.sqlalchemy_exception.args = error.args
