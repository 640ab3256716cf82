"""The versions of a release: as it was first accepted (version 1), and each correction and cancellation since."""

from collections.abc import Sequence
from typing import Literal

import msgspec
from sqlalchemy import Connection, func, select

from app.domain.decision import Answer, Outcome, Reason
from app.domain.times import Timestamp, rfc3339
from app.domain.versions import Version
from app.store.ledger.sums import VERSION_COLUMNS, sum_of
from app.store.statements.rows import insert
from app.store.tables.main import RELEASE, RELEASE_VERSION

_COLUMNS = (*Version._fields[:5], "body_json", "reason", "answer_json", "first_message", "at")


def versions_of(connection: Connection, release: int) -> list[Version]:
    """Every version of a release (its row id), oldest first: at least one."""
    row = connection.execute(select(RELEASE).where(RELEASE.c.id == release)).one()
    who = (row.fingerprint, row.caller, row.rulebook)
    first = Version(1, "first", *who, row.body_json, None, row.answer_json, 0, row.accepted_at)
    columns = [RELEASE_VERSION.c[name] for name in _COLUMNS]
    found = connection.execute(select(*columns).where(RELEASE_VERSION.c.release == release).order_by(RELEASE_VERSION.c.version))
    return [first, *(Version(*row) for row in found)]


def newest_version(connection: Connection, release_id: str) -> int | None:
    """The number of the version that stands; None for an id that there is no release of."""
    release = connection.scalar(select(RELEASE.c.id).where(RELEASE.c.release_id == release_id))
    if release is None:
        return None
    return connection.scalar(select(func.max(RELEASE_VERSION.c.version)).where(RELEASE_VERSION.c.release == release)) or 1


def add_version(connection: Connection, release: int, version: Version, evidence: str) -> dict[str, str]:
    """Stores a further version; its number must be the next. Returns what the audit trail is to keep of it."""
    names, values = ("release", *_COLUMNS, "evidence_json"), (release, *version, evidence)
    insert(connection, "release_version", names, [values])
    by_name = dict(zip(names, values, strict=True))
    return {f"release_version {release}.{version.version}": sum_of([by_name[name] for name in VERSION_COLUMNS])}


class Correction(msgspec.Struct, frozen=True):
    """A correction or cancellation, and what was decided then. `at` is RFC 3339 in UTC, `by` the name of the key that sent it.

    `messages` are the ids of those it gave at once; `reason` a cancellation's own. For a cancellation no rule decided.
    """

    version: int
    """Its number among the versions of the release; the first one sent is 1."""
    kind: Literal["correction", "cancellation"]
    """Whether it corrects or cancels."""
    at: Timestamp
    """When it was stored."""
    by: str
    """The name of the key that sent it."""
    outcome: Outcome
    """What was decided then."""
    rulebook: str
    """The version of the rulebook that decided then."""
    because: tuple[Reason, ...]
    """The rules that gave the outcome; none for a cancellation."""
    reason: str | None
    """Why it was cancelled; null for a correction."""
    messages: tuple[str, ...]
    """The numbers of the messages that it gave at once."""


def corrections(versions: Sequence[Version]) -> tuple[Correction, ...]:
    """What followed the first version, as callers see it."""
    return tuple(_correction(version) for version in versions if version.kind != "first")


def _correction(version: Version) -> Correction:
    answer = msgspec.json.decode(version.answer, type=Answer)
    return Correction(
        version=version.version,
        kind="cancellation" if version.kind == "cancellation" else "correction",
        at=rfc3339(version.at),
        by=version.caller,
        outcome=answer.outcome,
        rulebook=answer.rulebook,
        because=answer.because,
        reason=version.reason,
        messages=tuple(message.message_id for message in answer.messages),
    )
