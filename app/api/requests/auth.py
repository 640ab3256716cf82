"""Who is calling, and whether they may. A key belongs to a named caller with one role; every endpoint names the roles it takes.

The keys are read from the database as a whole, at most every two seconds, so that a request costs no SQL and a revoked key
stops working within that time. A key not seen yet is looked for at once, so that a new one works straight away, but
no more than ten times a second, so that guessing costs the database nothing. Guessing is hopeless anyway: keys are random.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool

from app.api.metrics.metrics import Metrics
from app.api.requests.filters import refuse_repeated
from app.api.requests.guesses import Guesses
from app.api.requests.headers import header
from app.api.requests.problems import TooManyFailures
from app.api.requests.sources import source_of
from app.domain.people import Actor
from app.errors import LensError, NotAllowed, NotSignedIn
from app.store.callers.keys import StoredKey, digest_of

STALE_SECONDS = 2.0
"""How old what is known of a key may be: a revoked one works no longer than this."""

_LOOK_AGAIN_SECONDS = 0.1


class Caller(NamedTuple):
    """Who sent the request: the name of the key, every role it holds, and whether it may backfill."""

    name: Actor
    roles: frozenset[str]
    backfills: bool = False


class Gate:
    """Lets callers in by their key."""

    def __init__(
        self,
        load: Callable[[], Sequence[StoredKey]],
        clock: Callable[[], int],
        metrics: Metrics,
        monotonic: Callable[[], float] = time.monotonic,
        note_source: Callable[[str], Awaitable[object]] | None = None,
    ) -> None:
        """`load` reads every key, and may take its time; `clock` tells the time in Micros. `note_source` keeps a record of a source
        that sent too many keys that nobody has.
        """
        self._load = load
        self._clock = clock
        self._metrics = metrics
        self._monotonic = monotonic
        self._known: Mapping[str, tuple[StoredKey, Caller]] = {}
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()
        self._guesses = Guesses(monotonic)
        self._note_source = note_source

    async def admit(self, request: Request, *roles: str) -> Caller:
        """The caller, who holds at least one of `roles`.

        Raises NotSignedIn for no key or one that is unknown, revoked or expired, NotAllowed for a wrong role; neither says
        more; TooManyFailures for a bad key from a source that has sent several. Raises Unavailable when the keys cannot be read.
        """
        scheme, _, key = (header(request, b"authorization") or "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            raise self._refuse(NotSignedIn(), "no_key")
        found = await self._find(digest_of(key.strip()))
        if found is None:
            raise await self._failed(request, "unknown_key")
        stored, caller = found
        if not stored.usable(self._clock()):
            raise await self._failed(request, "ended_key")
        request.scope["caller"] = str(caller.name)
        request.scope["caller_key"] = caller.name.key
        if caller.roles.isdisjoint(roles):
            raise self._refuse(NotAllowed(), "wrong_role")
        return caller

    async def _find(self, digest: str) -> tuple[StoredKey, Caller] | None:
        age = self._monotonic() - self._read_at
        if age > STALE_SECONDS or (digest not in self._known and age > _LOOK_AGAIN_SECONDS):
            async with self._reading:
                if self._monotonic() - self._read_at >= age:  # nobody has read them while this request waited
                    keys = await run_in_threadpool(self._load)
                    self._known = {key.digest: (key, Caller(Actor(key.name, key.id), key.roles, key.backfills)) for key in keys}
                    self._read_at = self._monotonic()
        return self._known.get(digest)

    async def _failed(self, request: Request, why: str) -> LensError:
        """What a bad key gets. A good one never comes here."""
        source = source_of(request.scope) or "unknown"
        wait = self._guesses.wait(source)
        if wait is not None:
            self._metrics.sign_in_refused("too_many")
            return TooManyFailures(wait)
        if self._guesses.failed(source) and self._note_source is not None:
            await self._note_source(source)
        return self._refuse(NotSignedIn(), why)

    def _refuse(self, error: NotSignedIn | NotAllowed, why: str) -> NotSignedIn | NotAllowed:
        self._metrics.sign_in_refused(why)
        return error


def allowed(*roles: str) -> Any:  # noqa: ANN401 - FastAPI's marker has no useful type
    """A dependency that is the Caller, who holds at least one of these roles."""

    async def admit(request: Request) -> Caller:
        gate: Gate = request.app.state.parts.gate
        caller = await gate.admit(request, *roles)
        refuse_repeated(request)  # after signing in, so that nobody else is told anything
        return caller

    return Depends(admit)


Sender = Annotated[Caller, allowed("system_of_record")]
"""Who may send releases."""
Reader = Annotated[Caller, allowed("system_of_record", "operator", "auditor")]
"""Who may look at releases; a system of record only at its own."""
Corrector = Annotated[Caller, allowed("system_of_record", "operator")]
"""Who may correct and cancel releases; a system of record only its own."""
Operator = Annotated[Caller, allowed("operator")]
"""Who looks after messages and work items."""
Watcher = Annotated[Caller, allowed("operator", "auditor")]
"""Who may look at messages and work items."""
Policy = Annotated[Caller, allowed("policy")]
"""Who may decide without sending, and draft rulebooks."""
Approver = Annotated[Caller, allowed("approver")]
"""Who may approve what another has drafted, publish it, and take it back."""
RulebookReader = Annotated[Caller, allowed("policy", "approver", "auditor")]
"""Who may look at rulebooks."""
Auditor = Annotated[Caller, allowed("auditor")]
"""Who may look at the audit trail."""
