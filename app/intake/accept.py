"""Accepting a release: read, decide, and store decision, messages and work items before the answer.

Reading and deciding happen in the caller's task; storing goes through the process's writer, which commits whatever waits at
once. When `accept` returns, the release is on disk.
"""

import hashlib
from collections.abc import Callable

import msgspec

from app.decide.decide import Decider
from app.domain.release import Release
from app.domain.times import moment
from app.intake.guards import NO_GUARDS, Guards
from app.intake.surge import tell_trips
from app.store.accepted.release_rows import Acceptance
from app.store.accepted.releases import Accepted, accept_many
from app.store.database.writer import Writer


def fingerprint(release: Release) -> str:
    """SHA-256 of a release's content, hex: the same however its JSON was laid out, keys ordered, or empty fields left out."""
    return hashlib.sha256(msgspec.json.encode(release, order="deterministic")).hexdigest()


class Intake:
    """The way in for releases. `decider_now` gives the decider in force, `clock` the time in Micros.

    `on_queued` is called after each acceptance that queued messages, on the caller's thread: a hint to the dispatcher. `guards`
    look out for what is not normal.
    """

    def __init__(
        self,
        writer: Writer,
        decider_now: Callable[[], Decider],
        clock: Callable[[], int],
        on_queued: Callable[[], None] | None = None,
        guards: Guards = NO_GUARDS,
    ) -> None:
        self._writer = writer
        self._decider_now = decider_now
        self._clock = clock
        self._on_queued = on_queued
        self._guards = guards

    async def accept(self, raw: bytes, caller: str, *, backfill: bool = False) -> Accepted:
        """Accepts one release from JSON bytes; with `backfill` it is stored and nothing is sent.

        Raises Refused (NotJson, TooLarge) with every fault, Conflict when its id is stored with other content (ReleaseIdTaken: by
        another caller), Unavailable when it could not be stored.
        """
        decider = self._decider_now()
        release = decider.read(raw)
        now = self._clock()
        decision = decider.decide(release, moment(now))
        form = decider.terms.message_format
        content = (fingerprint(release), raw.decode())
        guard = (self._guards.breaker, self._guards.mark(release))
        item = Acceptance(decision, *content, caller, form, now, backfill, *guard, decider.terms.review_within)
        accepted = await self._writer.do(accept_many, item)
        tell_trips(accepted.trips)
        if accepted.queued and self._on_queued is not None:
            self._on_queued()
        return accepted
