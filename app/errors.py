"""The one error tree. Each error has a stable code; `api/requests/problems.py` decides the HTTP status from the class alone.

LensError
├── Refused              the caller's input cannot be taken; carries every fault found
│   ├── NotJson          the body is not one JSON document
│   └── TooLarge         the body is over the limit
├── NotSignedIn          no key, or one that is unknown, expired or revoked
├── NotAllowed           the key's role may not do this
├── NotFound             no such release, message, work item or rulebook
├── Conflict             the request contradicts what is stored
│   └── ReleaseIdTaken   another caller has stored a release under this id
├── Unavailable          a part LENS depends on cannot serve now: try the same again
├── BadSetting           a setting (environment or .env) cannot be used; the program does not start
└── BadRulebook          a rulebook with errors was asked to be used; carries its problems as text
"""

import traceback
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a caller's input.

    `pointer` is an RFC 6901 JSON pointer into the body ("" is the whole body). `message` never repeats the value found,
    since it may be personal. `allowed` lists the values that would do, where there are few enough to say. A fault of a
    rulebook has its place too: `file`, and `line` and `column` from 1.
    """

    pointer: str
    code: str
    message: str
    allowed: tuple[str, ...] | None = None
    file: str | None = None
    line: int | None = None
    column: int | None = None


class LensError(Exception):
    """Something LENS can explain. The docstring of each class is its title for people."""

    code: ClassVar[str] = "error"

    def __init__(self, detail: str = "") -> None:
        self.detail = detail or (type(self).__doc__ or "").splitlines()[0]
        super().__init__(self.detail)


class Refused(LensError):
    """The release or request is not as the contract asks."""

    code = "invalid"

    def __init__(self, faults: tuple[Fault, ...], detail: str = "", *, so: str = "nothing was stored") -> None:
        """`detail` is the whole sentence; without it, that many faults were found, and what follows from them (`so`)."""
        self.faults = faults
        super().__init__(detail or f"{len(faults)} fault{'s' if len(faults) != 1 else ''} found; {so}.")


class NotJson(Refused):
    """The body is not one JSON document."""

    code = "not-json"


class TooLarge(Refused):
    """The body is larger than the limit."""

    code = "too-large"


class NotSignedIn(LensError):
    """Sign in with a valid key."""

    code = "not-signed-in"


class NotAllowed(LensError):
    """This key may not do that."""

    code = "not-allowed"


class NotFound(LensError):
    """There is no such thing."""

    code = "not-found"


class Conflict(LensError):
    """The request contradicts what is stored."""

    code = "conflict"


class ChangedMeanwhile(LensError):
    """What the header If-Match names has changed since it was read; nothing was done."""

    code = "changed-meanwhile"


class ReleaseIdTaken(Conflict):
    """Another caller has stored a release under this release_id; nothing was stored or changed."""

    code = "release-id-taken"


class Unavailable(LensError):
    """LENS cannot do this now; try the same again. Nothing was changed, unless `detail` says that this is not known."""

    code = "unavailable"


class BadSetting(LensError):
    """A setting cannot be used."""

    code = "bad-setting"


class BadRulebook(LensError):
    """The rulebook has errors and is not used."""

    code = "bad-rulebook"


def what_broke(error: BaseException) -> dict[str, object]:
    """An error as the log may hold it: its class and that of its cause, and where it passed through; never its text, which may
    quote what it was working on.
    """
    places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    cause = error.__cause__ or error.__context__
    return {"error": type(error).__name__, "cause": type(cause).__name__ if cause else None, "places": places[-12:]}
