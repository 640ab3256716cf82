"""The versions of a release: as it was first accepted (version 1), and each correction and cancellation since."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

Kind = Literal["first", "correction", "cancellation"]


class Version(NamedTuple):
    """One version. `rulebook` is the full hash of what decided (of a release accepted before LENS kept it: the label).

    `body` is the content that stood from then on, `at` Micros; messages
    from `first_message` on belong to it.
    """

    version: int
    kind: Kind
    fingerprint: str
    caller: str
    rulebook: str
    body: str
    reason: str | None
    answer: str
    first_message: int
    at: int


def version_of(versions: Sequence[Version], number: int) -> Version:
    """The version that a message (its number) belongs to."""
    return next(version for version in reversed(versions) if version.first_message <= number)
