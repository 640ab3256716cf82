"""On how many releases an address of residence stands: counted by its digest, which is kept beside the release as it stands now.

A release counts once, however often it is sent again; a correction moves it to its new address, a cancellation takes it out.
"""

from collections.abc import Collection, Sequence

import msgspec
from sqlalchemy import Connection

from app.decide.addresses import Mark, over_used
from app.domain.decision import Caution, Decision
from app.errors import BadSetting
from app.store.accepted.release_rows import Acceptance
from app.store.statements.rows import first_row, run


def address_key(connection: Connection) -> bytes:
    """The key under which this store's digests are made. Raises BadSetting where it is gone: without it they could be guessed."""
    row = first_row(connection, "SELECT key FROM address_key")
    if row is None:
        raise BadSetting("LENS_DATABASE_URL: the table address_key of this database is empty; restore its row from a backup")
    return bytes(row[0])


def with_cautions(connection: Connection, items: Sequence[Acceptance]) -> list[Acceptance]:
    """New releases, about to be stored in this order: each with a caution where its address stands on too many."""
    marks = {item.address for item in items if item.address is not None}
    if not marks:
        return list(items)
    used = _uses(connection, {mark.digest for mark in marks}, max(mark.limit for mark in marks) + 1)
    return [_count_address(item, item.address, used) for item in items]


def _count_address(item: Acceptance, mark: Mark | None, used: dict[int, int]) -> Acceptance:
    if mark is None:
        return item
    used[mark.digest] += 1
    return item if used[mark.digest] <= mark.limit else item._replace(decision=_with_warning(item.decision, mark))


def with_caution(connection: Connection, decision: Decision, mark: Mark | None) -> Decision:
    """The decision about one release, that may be stored already, with the same caution."""
    if mark is None:
        return decision
    used = _uses(connection, {mark.digest}, mark.limit + 1)[mark.digest]
    stored = first_row(connection, "SELECT residence_digest FROM release WHERE release_id = ?", decision.release_id)
    itself = stored is not None and stored[0] == mark.digest
    return _with_warning(decision, mark) if used + (not itself) > mark.limit else decision


def move_address(connection: Connection, release: int, mark: Mark | None) -> None:
    """Counts a stored release (its row id) under this address from now on, or under none."""
    run(connection, "UPDATE release SET residence_digest = ? WHERE id = ?", (None if mark is None else mark.digest, release))


def _with_warning(decision: Decision, mark: Mark) -> Decision:
    cautions: tuple[Caution, ...] = (*decision.warnings, over_used(mark.limit))
    return msgspec.structs.replace(decision, warnings=cautions)


def _uses(connection: Connection, digests: Collection[int], most: int) -> dict[int, int]:
    """On how many releases each of these stands; counted no further than `most`, so that no address is slow."""
    rows = ", ".join(["(?)"] * len(digests))
    statement = f"""
        WITH asked (digest) AS (VALUES {rows})
        SELECT digest, (SELECT count(*) FROM (SELECT 1 FROM release WHERE residence_digest = asked.digest LIMIT {most}) AS found)
        FROM asked"""  # noqa: S608 - marks, and a number from the settings
    return {int(digest): int(uses) for digest, uses in run(connection, statement, tuple(digests))}
