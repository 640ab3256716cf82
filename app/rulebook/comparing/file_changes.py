"""What changes between the files of two rulebooks, line by line: a new wording or title changes no case, and must be seen too."""

from collections.abc import Iterator, Sequence
from difflib import unified_diff
from typing import Literal

import msgspec

from app.rulebook.files.source import SourceFile

LINES_LIMIT = 20_000
"""Lines of a file at the most whose changes are shown; a longer one is only said to have changed."""


class FileChange(msgspec.Struct, frozen=True):
    """A file that is not the same in both. `diff` is a unified diff; null for a file too long to compare line by line."""

    name: str
    """The path of the file."""
    change: Literal["added", "removed", "changed"]
    """Whether it is new, gone, or not the same."""
    diff: str | None
    """A unified diff; null for a file too long to compare line by line."""


def file_changes(old: Sequence[SourceFile], new: Sequence[SourceFile]) -> tuple[FileChange, ...]:
    """Every file that differs, by name."""
    before = {file.name: file.content for file in old}
    after = {file.name: file.content for file in new}
    return tuple(_changes(before, after))


def _changes(before: dict[str, bytes], after: dict[str, bytes]) -> Iterator[FileChange]:
    for name in sorted(before.keys() | after.keys()):
        was, becomes = before.get(name), after.get(name)
        if was == becomes:
            continue
        change: Literal["added", "removed", "changed"] = "changed"
        if was is None or becomes is None:
            change = "added" if was is None else "removed"
        yield FileChange(name, change, _diff(name, was or b"", becomes or b""))


def _diff(name: str, was: bytes, becomes: bytes) -> str | None:
    old, new = (content.decode(errors="replace").splitlines() for content in (was, becomes))
    if max(len(old), len(new)) > LINES_LIMIT:
        return None
    lines = unified_diff(old, new, f"old/{name}", f"new/{name}", lineterm="")
    return "".join(f"{line}\n" for line in lines)
