"""What the API is built from. `running/wiring.py` puts it together; the API itself makes nothing and reads no setting."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import Field

from app.api.metrics.about_metrics import About
from app.api.metrics.metrics import Metrics
from app.api.metrics.store_metrics import StoreFigures
from app.api.requests.auth import Gate
from app.decide.addresses import Addresses
from app.decide.decide import Decider
from app.dispatch.channels.spool_watch import SpoolWatch
from app.dispatch.counts import DispatchCounts
from app.domain.surge import Breaker
from app.intake.accept import Intake
from app.intake.feeds import Feeds
from app.intake.guards import Guards
from app.publishing.rulebooks import Rulebooks
from app.publishing.shelf import Shelf
from app.rulebook.bundles.versions import VERSION
from app.store.database.engine import Store
from app.store.database.reading import Ask, look
from app.store.database.writer import Writer

JSON = "application/json"
"""The media type of every good answer."""

Version = Annotated[
    str,
    Field(
        pattern=f"^{VERSION.pattern}$",
        description="A rulebook's version: its full SHA-256, or the first 12 digits of it.",
    ),
]
"""The name of a rulebook."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one API process.

    `shelf` holds the rulebook in force, `rulebooks` is what people do with their versions. `ready` names each part that /readyz
    looks at, with a function that says why it cannot serve, in words without personal data, or None when it can; `degraded`, for
    some of them, says why one that can serve is not as it should be. `counts` tells what the dispatcher beside this API has done.
    `queued` says that there is something to send. `clock` tells the time in Micros. `breaker` says when there is more
    than is normal, `addresses` tells residences from one another, `about` is what does not change while it runs. `spool` looks at
    what the gateway leaves lying, where there is one.
    """

    store: Store
    writer: Writer
    intake: Intake
    feeds: Feeds
    shelf: Shelf
    rulebooks: Rulebooks
    gate: Gate
    metrics: Metrics
    store_figures: StoreFigures
    counts: Callable[[], DispatchCounts]
    ready: Mapping[str, Callable[[], str | None]]
    degraded: Mapping[str, Callable[[], str | None]]
    queued: Callable[[], None]
    clock: Callable[[], int]
    breaker: Breaker
    addresses: Addresses
    about: About
    spool: SpoolWatch | None = None

    @property
    def guards(self) -> Guards:
        """What is looked out for while decisions are stored."""
        return Guards(self.breaker, self.addresses)

    def decider(self) -> Decider:
        """The decider in force: ask once, and keep to it to the end of the request."""
        return self.shelf.decider()

    async def look(self, ask: Ask[T]) -> T:
        """What `ask` finds in the database, on a thread of its own. Raises Unavailable, and what `ask` raises."""
        return await run_in_threadpool(look, self.store, ask)


def parts_of(request: Request) -> Parts:
    """The parts behind the app that this request came to."""
    parts: Parts = request.app.state.parts
    return parts


Wired = Annotated[Parts, Depends(parts_of)]
"""The parts, as an endpoint asks for them."""
