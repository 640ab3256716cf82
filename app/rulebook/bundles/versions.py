"""The life of a rulebook: drafted, approved by a second person who was shown what it changes, live, taken back.

Pure: who may do what next follows from what is known of a version and of the one that is live. An approval is for one change,
from the version that was live when it was given to the version approved; when another goes live in between, or when the version is
taken back, it lapses.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, NamedTuple

import msgspec

from app.domain.people import TOLD_APART, same_person
from app.errors import Conflict
from app.rulebook.book import RuleBook
from app.rulebook.files.report import as_json
from app.rulebook.reading.content import HASH_LENGTH

State = Literal["draft", "rejected", "approved", "live", "retired"]
"""`draft`: checked and stored; `rejected`: sent back; `approved`: may be published; `live`: it decides; `retired`: it did once."""

Way = Literal["publish", "rollback", "folder"]
"""How a version came to be live: published by an approver, gone back to, or taken from the folder that a service watches."""

FOLDER: Final = "folder"
"""Who drafted and published what was taken from the folder."""

VERSION = re.compile(f"[0-9a-f]{{{HASH_LENGTH}}}(?:[0-9a-f]{{{64 - HASH_LENGTH}}})?")
"""How a version is named: by its full SHA-256, or by the first 12 digits of it, its label."""

_NAMES_SHOWN = 3
WARNINGS_KEPT = 100
"""Warnings of a version that are kept with it."""
_NAME_LENGTH = 120
FAILED_KEPT = 100
"""Failed scenarios of a version whose names are kept with it; the rest is counted."""
_NAME_KEPT = 300


@dataclass(frozen=True, slots=True)
class Failing:
    """The scenarios of a rulebook that fail: the names of the first, and how many there are."""

    names: tuple[str, ...] = ()
    count: int = 0

    def in_words(self) -> str:
        """A sentence that names the first of them."""
        names = "; ".join(f'"{name[:_NAME_LENGTH]}"' for name in self.names[:_NAMES_SHOWN])
        more = self.count - _NAMES_SHOWN
        rest = f" and {more:,} more" if more > 0 else ""
        count = "1 scenario fails" if self.count == 1 else f"{self.count:,} scenarios fail"
        return f"{count}: {names}{rest}."


NONE_FAIL = Failing()


class VersionState(NamedTuple):
    """What decides about a version's next step. `live` is the version live now, None where none ever was.

    `failing` are the scenarios that failed when it was drafted, `untried` says that it has none at all; `sequence` is that of its
    signed bundle, `newest` the highest of those that were ever live.
    """

    version: str
    drafted_by: str
    approved_by: str | None
    approved_against: str | None
    was_live: bool
    live: str | None
    rejected_by: str | None = None
    failing: Failing = NONE_FAIL
    untried: bool = False
    sequence: int = 0
    newest: int = 0

    @property
    def state(self) -> State:
        """Where it is in its life."""
        if self.version == self.live:
            return "live"
        if self.rejected_by is not None:
            return "rejected"
        if self.approved_by is not None and self.approved_against == self.live:
            return "approved"
        return "retired" if self.was_live else "draft"


def approval_fault(standing: VersionState, by: str, diff_seen: str | None) -> Conflict | None:
    """Why this person may not approve this version now, or None. `diff_seen` is the version the diff shown began at."""
    version, live = standing.version, standing.live
    if version == live:
        return Conflict(f"Rulebook {version} is live already.")
    if same_person(by, standing.drafted_by):
        return Conflict(f"{standing.drafted_by} drafted rulebook {version}; another person must approve it{_told_apart(by)}.")
    if standing.rejected_by is not None:
        return Conflict(f"{standing.rejected_by} sent rulebook {version} back; draft it again with what was asked for.")
    if diff_seen != live:
        seen = f"is from {diff_seen}" if diff_seen else "is from nothing"
        return Conflict(
            f"The diff seen {seen}, but {live or 'nothing'} is live now; look at {_diff(live, version)} and decide again."
        )
    return None


def rejection_fault(standing: VersionState, by: str) -> Conflict | None:
    """Why this person may not send this version back now, or None."""
    version = standing.version
    if version == standing.live:
        return Conflict(f"Rulebook {version} is live; go one step back with a rollback, or publish another.")
    if same_person(by, standing.drafted_by):
        return Conflict(f"{standing.drafted_by} drafted rulebook {version}; another person must look at it{_told_apart(by)}.")
    if standing.rejected_by is not None:
        return Conflict(f"{standing.rejected_by} has sent rulebook {version} back already.")
    return None


NO_SCENARIO = "it has no scenario, so nothing has tried what it decides. Add scenarios to `rules/scenarios/`."
"""Why a rulebook without any scenario does not go live."""


def scenario_fault(version: str, failing: Failing, *, untried: bool) -> Conflict | None:
    """Why a version whose scenarios failed, or which has none, may not go live; None where it may."""
    if untried:
        return Conflict(f"Rulebook {version} does not go live: {NO_SCENARIO}")
    if not failing.count:
        return None
    return Conflict(f"Rulebook {version} does not go live: {failing.in_words()} `lens test` shows what was expected.")


def age_fault(standing: VersionState) -> Conflict | None:
    """Why a signed bundle may not go live by itself, or None: it was made before one that was live."""
    if standing.sequence >= standing.newest:
        return None
    return Conflict(
        f"The bundle of rulebook {standing.version} has sequence {standing.sequence}, and one of sequence {standing.newest} was "
        "live: it is older. To publish it all the same, say why (`older`; on the command line `--older`)."
    )


def _told_apart(by: str) -> str:
    """How people are told apart where `by` acted."""
    if by.startswith("cli "):
        return " (one user id at the command line is one person, whatever --as says)"
    return f" ({TOLD_APART})"


def publication_fault(standing: VersionState) -> Conflict | None:
    """Why this version may not be published now, or None."""
    version, live = standing.version, standing.live
    if standing.rejected_by is not None:
        return Conflict(f"{standing.rejected_by} sent rulebook {version} back; draft it again with what was asked for.")
    if standing.approved_by is None:
        return Conflict(
            f"Rulebook {version} is not approved; a second person approves it after a look at {_diff(live, version)}."
        )
    if standing.approved_against != live:
        return Conflict(
            f"The approval of rulebook {version} has lapsed, since it was not for a change from {live}, or was rolled back; "
            f"approve it again after a look at {_diff(live, version)}."
        )
    return None


def _diff(live: str | None, version: str) -> str:
    return f"the diff {live} to {version}" if live else "its files"


class StepBack(NamedTuple):
    """What a rollback would do: from the live version to the one before. `again`: it was done already, by this very request."""

    to: str
    again: bool


def step_back(named: str, live: str | None, before: str | None, undone: str | None) -> StepBack | Conflict:
    """One step back. `before` was live before `live`; `undone` is what the last publication, if it was a rollback, named.

    `named` is the live version, to be taken back, or just as well the one before it, to be gone back to. Asked once more, it
    changes nothing: so a request whose answer was lost may be repeated.
    """
    if live is not None and named == undone:
        return StepBack(live, again=True)
    if before is None:
        return Conflict(f"No version was live before {live}; publish another one instead.")
    if named in {live, before}:
        return StepBack(before, again=False)
    return Conflict(f"Rulebook {named} is not live; {live} is, and one step back from it is {before}.")


class PastDays(msgspec.Struct, frozen=True):
    """What a version changes of days before today: `changed` cases are decided otherwise than under `against`, the version that is
    live, in `reworded` only words differ, and so many `releases` of the `replayed` newest recorded ones go otherwise. `together` are
    cases of two convictions, each decided as before, of which another outcome stands; in `reworded_by_rows` the row of a state is why
    words differ, such as one that makes its notices test notices.
    """

    against: str
    """The version that it is compared with, which is live."""
    changed: int
    """How many possible cases are decided otherwise."""
    reworded: int
    """How many possible cases differ only in words."""
    releases: int
    """How many of the recorded releases would be decided otherwise."""
    replayed: int
    """How many of the newest recorded releases were decided again."""
    together: int = 0
    """How many cases of two convictions, each decided as before, are decided otherwise."""
    reworded_by_rows: int = 0
    """How many possible cases differ only in words, because of the row of a state."""

    @property
    def cases(self) -> int:
        """How many cases need a reason."""
        return self.changed + self.together + self.reworded_by_rows

    @property
    def words(self) -> str:
        """The same in a sentence or two."""
        if not self.changed and not self.together:
            return f"Days before today change: in {self.reworded_by_rows:,} cases a notice reads otherwise than under {self.against}."
        pairs = f"{self.together:,} cases of two convictions" if self.together else ""
        cases = f"{self.changed:,} cases" if self.changed or not pairs else ""
        reworded = f" In {self.reworded_by_rows:,} more cases a notice reads otherwise." if self.reworded_by_rows else ""
        return (
            f"Days before today change: {' and '.join(filter(None, (cases, pairs)))} are decided otherwise than under "
            f"{self.against}, and so are {self.releases:,} of the {self.replayed:,} newest recorded releases.{reworded}"
        )


class Proofs(msgspec.Struct, frozen=True):
    """What was proved: over how many cases in how many regimes, what falls to each `otherwise`, and of how many values of a
    sensitive fact the reader of a notice is left unsure.
    """

    cases: int
    """How many possible cases were looked at."""
    regimes: int
    """How many periods in which nothing in the rulebook changes."""
    uncovered: tuple[dict[str, Any], ...]
    """What falls to each `otherwise`."""
    possible: tuple[dict[str, Any], ...]
    """How many values of each sensitive fact the reader of a notice is left unsure of."""


class ScenarioRun(msgspec.Struct, frozen=True):
    """The rulebook's own scenarios, run: how many, the names of the first that failed, and how many did."""

    run: int
    """How many scenarios were run."""
    failed: tuple[str, ...]
    """The names of those that failed, the first hundred of them."""
    failed_count: int = 0
    """How many failed. 0 also in what was stored before there was such a count; then `failed` names them all."""

    @property
    def failing(self) -> Failing:
        """Those that failed."""
        return Failing(self.failed[:FAILED_KEPT], max(self.failed_count, len(self.failed)))


def scenario_run(run: int, failed: Sequence[str]) -> ScenarioRun:
    """What is kept of a run in which these scenarios failed."""
    return ScenarioRun(run, tuple(name[:_NAME_KEPT] for name in failed[:FAILED_KEPT]), len(failed))


class CheckResult(msgspec.Struct, frozen=True):
    """What the check of a version found: `problems` as `lens check --format json` tells them (warnings only), proofs, scenarios."""

    problems: tuple[dict[str, Any], ...]
    """The warnings of `lens check`, as its JSON format has them."""
    proofs: Proofs
    """What was proved."""
    scenarios: ScenarioRun
    """How its scenarios came out."""


def check_result(book: RuleBook, trial: ScenarioRun) -> CheckResult:
    """What is kept of the check of a rulebook that can be used."""
    return CheckResult(tuple(as_json(book.warnings[:WARNINGS_KEPT], book.hash)["problems"]), proofs_of(book), trial)


def proofs_of(book: RuleBook) -> Proofs:
    """What was proved of a rulebook that can be used."""
    proved = book.proved
    uncovered = tuple({"rule": found.rule, "cases": found.cases, "example": dict(found.example)} for found in proved.uncovered)
    return Proofs(proved.cases, proved.regimes, uncovered, tuple(asdict(found) for found in proved.possible))
