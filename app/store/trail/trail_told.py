"""What the rows of the audit trail tell of, gathered while they are read, and whether it is there."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

from app.store.ledger.audit import OPENED
from app.store.trail.trail_marks import Marks

_EARLY, _NOW = 1, 2

CHANGE_ITEMS = frozenset(
    {
        "lift_hold",
        "reject_hold",
        "resolve_work_item",
        "assign_work_item",
        "escalate_work_item",
        "release_surge",
        "drop_surge",
    }
)
"""Actions that change the work item that they name."""


class Told:
    """What the trail tells of, and what is there."""

    def __init__(self, connection: Connection) -> None:
        self._there = {
            "release": _ids(connection, "SELECT id FROM release"),
            "message": _ids(connection, "SELECT number FROM message"),
            "work_item": _ids(connection, "SELECT id FROM work_item"),
        }
        self._versions = {f"{release}.{version}" for release, version in connection.execute(text(_VERSIONS))}
        self._told = {"release": Marks(), "message": Marks(), "work_item": Marks()}
        self._told_versions: set[str] = set()
        self._early: set[tuple[str, Any]] = set()
        self.settled = Marks()
        """How many statuses each message had when the trail covered its history last."""
        self.small: dict[str, tuple[int, str]] = {}
        """For each row of a table of few rows, the row of the trail that told of it last, and its sum."""
        self.items: dict[int, tuple[int, str]] = {}
        """The same for each work item, by its id."""
        self.pauses: dict[tuple[str, str], int] = {}
        """Lanes that a person paused and nobody resumed, by what the trail calls them, with the row that tells of it."""
        self.first_item: int | None = None
        """The first work item whose opening was covered: from there on the trail tells of each."""

    def tell(self, table: str, key: str, *, early: bool) -> bool:
        """Marks a row of another table as told of, by a row of an earlier version or not. Returns whether it is there."""
        if table == "release_version":
            self._told_versions.add(key)
            return key in self._versions
        if not key.isdecimal():  # no number of ours: the row was changed by hand, which its hash tells
            return True
        told = self._told[table]
        told[int(key)] = max(told[int(key)], _EARLY if early else _NOW)
        return bool(self._there[table][int(key)])

    def tell_pause(self, row: int, action: str, lane: str, source: str) -> None:
        """Keeps that a person paused a lane, or forgets it where one resumed it."""
        if action == "pause_lane":
            self.pauses[lane, source] = row
        elif action == "resume_lane":
            self.pauses.pop((lane, source), None)

    def cover_item(self, row: int, key: str, total: str) -> None:
        """Keeps the sum of a work item that a row of the trail has."""
        if not key.isdecimal():
            return
        number = int(key)
        self.items[number] = row, total.removeprefix(OPENED)
        if total.startswith(OPENED):
            self.first_item = number if self.first_item is None else min(self.first_item, number)

    def forget_item(self, target: str, covers: Mapping[str, str]) -> None:
        """Drops the sum of the work item that an earlier version changed, whose rows have none."""
        key = target.removeprefix("work item ")
        if f"work_item {key}" not in covers and key.isdecimal():
            self.items.pop(int(key), None)

    def knows_item(self, key: int) -> bool:
        """Whether the trail tells of a work item, or need not, since it was opened before the trail covered any."""
        before = self.first_item is None or key < self.first_item
        return before or bool(self._told["work_item"][key])

    def tell_early(self, action: str, target: str, outcome: str, version: object) -> None:
        """Marks the release, or the version of one, that a row of an earlier version tells of; such rows name no row ids."""
        if outcome == "conflict":
            return
        if action == "accept_release":
            self._early.add((target, None))
        elif action in {"correct_release", "cancel_release"}:
            self._early.add((target, version))

    def knows_release(self, key: int, release_id: str) -> bool:
        """Whether the trail tells of a release."""
        return bool(self._told["release"][key]) or (f"release {release_id}", None) in self._early

    def knows_version(self, key: str, release_id: str, version: int) -> bool:
        """Whether the trail tells of a correction or cancellation."""
        return key in self._told_versions or (f"release {release_id}", version) in self._early

    def knows_message(self, number: int) -> bool:
        """Whether the trail tells of a message."""
        return bool(self._told["message"][number])

    def expects_history(self, number: int) -> bool:
        """Whether the trail must cover the history of a message, once it is at rest."""
        return self._told["message"][number] == _NOW or bool(self.settled[number])


_VERSIONS = "SELECT release, version FROM release_version"


def _ids(connection: Connection, statement: str) -> Marks:
    marks = Marks()
    with connection.execute(text(statement), execution_options={"yield_per": 10_000}) as found:
        for (key,) in found:
            marks[key] = 1
    return marks
