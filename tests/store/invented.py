"""Decisions about invented releases, made by hand: what the store is tested with."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, Literal, TypeVar

import msgspec
from sqlalchemy import Connection, text

from app.domain.decision import NUMBER_MARK, Caution, Decision, Errand, Notice, Reason
from app.errors import LensError
from app.store.accepted.release_rows import Acceptance
from app.store.accepted.releases import Accepted, accept_many
from app.store.database.engine import Store

T = TypeVar("T")
R = TypeVar("R")

RULEBOOK = "0123456789ab" + "0" * 52
"""The full hash of what decided."""
NOON = 1_795_435_200_000_000
"""2026-11-23 12:00 UTC, in Micros."""
SECRET = "INVENTEDSURNAME"
"""Stands in each body and text, as a person's name would."""

Kind = Literal["two", "held", "review", "nothing"]


def decided(release_id: str, kind: Kind = "two") -> Decision:
    """Two notices; two of which the second is kept back; none but a review; nothing."""
    notices: tuple[Notice, ...] = ()
    if kind in {"two", "held"}:
        notices = (notice("departing", "AZ"), notice("receiving", "TX"))
    if kind == "held":
        notices = (notices[0], msgspec.structs.replace(notices[1], held_because="ori-not-confirmed"))
    errands = (Errand("review", "TEST-2", within=3600),) if kind == "review" else ()
    outcome: Literal["notify", "hold_for_review", "do_not_notify"] = "notify" if notices else "do_not_notify"
    return Decision(
        release_id=release_id,
        outcome="hold_for_review" if errands else outcome,
        as_of=date(2026, 11, 23),
        rulebook="0123456789ab",
        rulebook_sha256=RULEBOOK,
        because=(Reason("TEST-1", "An invented rule", ("80 FR 24269",)),),
        notices=notices,
        errands=errands,
        warnings=(Caution("address-blank", "no street is given"),),
        beaten=("TEST-9",),
        facts={"release_reason": "OSUP", "release_state": "AZ"},
    )


def notice(copy: Literal["departing", "receiving"], state: str) -> Notice:
    """What one state is told."""
    lines = [
        f"AM.VTINS07S0.{state}SIR0000.*{NUMBER_MARK}.TXT",
        f"LENS {NUMBER_MARK} ICE RELEASE NOTICE",
        f"NAM/{SECRET}, PERSON",
    ]
    audience = "release_state" if copy == "departing" else "residence_state"
    return Notice(audience=audience, copy=copy, state=state, ori=f"{state}SIR0000", text="\n".join(lines) + "\n", within=1800)


def acceptance(
    release_id: str, kind: Kind = "two", content: str = "a", *, backfill: bool = False, at: int = NOON, caller: str = "sor"
) -> Acceptance:
    """A release decided. `content` stands for what it says: other content, other fingerprint."""
    body = f'{{"last":"{SECRET}","content":"{content}"}}'
    return Acceptance(
        decision=decided(release_id, kind),
        fingerprint=content * 8,
        body=body,
        caller=caller,
        format="legacy",
        accepted_at=at,
        backfill=backfill,
    )


def accept(store: Store, *items: Acceptance) -> list[Accepted | LensError]:
    """Accepts in one transaction."""
    return list(run(store, accept_many, *items))


def run(store: Store, apply: Callable[[Connection, Sequence[T]], Sequence[R]], *items: T) -> list[R]:
    """Carries out a write in a transaction of its own."""
    with store.write.begin() as connection:
        return list(apply(connection, items))


def rows(store: Store, statement: str, **values: object) -> list[tuple[Any, ...]]:
    """What a query finds."""
    with store.read.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement), values)]
