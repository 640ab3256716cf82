"""Where the rooms meet: builds the parts of a program from its settings. Nothing else reads settings; nothing here does work."""

import os
import platform
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from app.api.metrics.about_metrics import About
from app.api.metrics.metrics import Metrics
from app.api.metrics.store_metrics import StoreFigures
from app.api.parts import Parts
from app.api.requests.auth import Gate
from app.api.requests.guesses import FAILURES
from app.decide.addresses import Addresses
from app.decide.compose import wire
from app.dispatch.channel import Channel
from app.dispatch.channels.certificates import first_end
from app.dispatch.channels.spool import SpoolChannel
from app.dispatch.channels.spool_in import folders_of
from app.dispatch.channels.spool_watch import SpoolWatch
from app.dispatch.channels.tcp import TcpChannel, client_tls
from app.dispatch.channels.tcp_arrivals import Arrivals
from app.dispatch.channels.tcp_journal import Journal
from app.dispatch.counts import DispatchCounts
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.lanes import Limits
from app.intake.accept import Intake
from app.intake.feeds import Feeds
from app.intake.guards import Guards
from app.running.database import clock
from app.running.deciding import breaker_of
from app.running.following import Current
from app.settings import Settings
from app.store.accepted.addresses import address_key
from app.store.callers.keys import exposed_bootstrap, list_keys
from app.store.database.engine import Store, database_version, is_ahead, is_current, split_words
from app.store.database.folders import require_closed
from app.store.database.reading import look
from app.store.database.writer import Writer
from app.store.ledger.audit import AuditEntry, note
from app.store.ledger.stranded import in_words
from app.store.outbox.pacing import Rates
from app.store.reads.used_numbers import used_before_words
from app.store.upkeep.given_out import GivenOut


def channel_of(settings: Settings, switch_address: str | None = None) -> Channel:
    """The link of LENS_CHANNEL. `switch_address` is that of the simulated network, where one runs in this process."""
    if settings.channel == "spool":
        return SpoolChannel(settings.spool_dir, sweep=lambda: time.time() - settings.spool_keep)
    if settings.channel == "simulator" and switch_address is not None:
        return TcpChannel(switch_address, settings.ack_timeout, arrivals=Arrivals(Journal(settings.arrivals_dir)))
    tls = client_tls(settings.switch_tls_ca, settings.switch_tls_cert, settings.switch_tls_key)
    return TcpChannel(settings.switch_address, settings.ack_timeout, tls, arrivals=Arrivals(Journal(settings.arrivals_dir)))


def require_closed_folders(settings: Settings) -> None:
    """Raises BadSetting when others could change a folder of the link, or put another in its place. Nothing is made yet."""
    if settings.channel != "spool":
        require_closed("LENS_ARRIVALS_DIR", settings.arrivals_dir)
        return
    for folder in folders_of(settings.spool_dir):
        require_closed("LENS_SPOOL_DIR", folder, group=True)


def spool_watch_of(settings: Settings) -> SpoolWatch | None:
    """What looks at the spool, where the link is one."""
    return SpoolWatch(settings.spool_dir, settings.spool_stale, time.time) if settings.channel == "spool" else None


def dispatcher_of(
    settings: Settings, writer: Writer, channel: Channel, counts: DispatchCounts, numbers: GivenOut | None
) -> Dispatcher:
    """A dispatcher with a name of its own among all that share the database."""
    worker = f"{platform.node()[:40]}-{os.getpid()}-{secrets.token_hex(3)}"
    return Dispatcher(writer, channel, worker, limits_of(settings), wire, counts, numbers=numbers)


def limits_of(settings: Settings) -> Limits:
    """What the settings say about sending."""
    return Limits(
        window=settings.window,
        lease=settings.lease,
        lanes=settings.lanes_per_worker,
        retry_first=settings.retry_first,
        retry_cap=settings.retry_cap,
        max_attempts=settings.max_attempts,
        presume_after=settings.presume_after,
        state_retry=settings.state_retry,
        inbound_within=settings.inbound_within,
        rates=Rates(settings.lane_rate, settings.rate),
    )


def feeds_of(settings: Settings, store: Store, writer: Writer) -> Feeds:
    """What is heard of the callers that send releases."""
    return Feeds(store, writer, clock, settings.feed_silent_after)


def addresses_of(settings: Settings, store: Store) -> Addresses:
    """What tells residences from one another, under the key of this store."""
    return Addresses(look(store, address_key), settings.address_limit)


def about_of(settings: Settings, store: Store) -> About:
    """What this process is built from and the certificates that it has read: a file that is renewed counts from the next start."""
    named = {"LENS_SWITCH_TLS_CA": settings.switch_tls_ca, "LENS_SWITCH_TLS_CERT": settings.switch_tls_cert}
    certificates = {setting: first_end(file) for setting, file in named.items() if file is not None}
    return About(database_version(store), certificates, settings.public_url)


class Dispatching(NamedTuple):
    """The dispatcher beside an API: why its link or itself cannot do their work, None when they can, and what it has done.

    `queued` tells it that there is something to send.
    """

    channel_problem: Callable[[], str | None]
    worker_problem: Callable[[], str | None]
    counts: Callable[[], DispatchCounts]
    queued: Callable[[], None]


def _source_noter(writer: Writer) -> Callable[[str], Awaitable[None]]:
    """Puts into the trail that a source of failed sign-ins is limited."""

    async def note_source(source: str) -> None:
        entry = AuditEntry(
            at=clock(),
            actor="sign-in",
            action="limit_sign_ins",
            target=f"source {source}",
            outcome="refused",
            detail={"failures": FAILURES},
        )
        await writer.do(note, entry)

    return note_source


def _channel_oddity(figures: StoreFigures, spool: SpoolWatch | None) -> str | None:
    """Why what is sent does not get out, in words, though the link works."""
    stuck = used_before_words(figures.used_before())
    left_lying = None if spool is None else spool.problem()
    return "; ".join(filter(None, (stuck, left_lying))) or None


def parts_of(
    store: Store,
    writer: Writer,
    current: Current,
    feeds: Feeds,
    metrics: Metrics,
    dispatching: Dispatching,
    settings: Settings,
) -> Parts:
    """The parts of an API process."""
    breaker, addresses = breaker_of(settings), addresses_of(settings, store)

    def database_problem() -> str | None:
        upgraded = is_current(store) or is_ahead(store)
        return writer.problem or (None if upgraded else "its tables are not those of this version: lens db upgrade")

    def database_oddity() -> str | None:
        ahead = "a later version of LENS has upgraded it; upgrade this process too" if is_ahead(store) else None
        return split_words(store) or ahead

    checks = {
        "database": database_problem,
        "rulebook": lambda: None,
        "channel": dispatching.channel_problem,
        "worker": dispatching.worker_problem,
    }
    degraded = {
        "database": database_oddity,
        "rulebook": lambda: current.shelf.problem,
    }
    spool = spool_watch_of(settings)
    figures = StoreFigures(store, clock, breaker)
    degraded["channel"] = partial(_channel_oddity, figures, spool)
    degraded["worker"] = lambda: in_words(figures.stranded())
    gate = Gate(lambda: look(store, list_keys), clock, metrics, note_source=_source_noter(writer))
    intake = Intake(writer, current.shelf.decider, clock, dispatching.queued, Guards(breaker, addresses))
    return Parts(
        store=store,
        writer=writer,
        intake=intake,
        feeds=feeds,
        shelf=current.shelf,
        rulebooks=current.rulebooks,
        gate=gate,
        metrics=metrics,
        store_figures=figures,
        counts=dispatching.counts,
        ready=checks,
        degraded=degraded,
        queued=dispatching.queued,
        clock=clock,
        breaker=breaker,
        addresses=addresses,
        about=about_of(settings, store),
        spool=spool,
    )


def exposed(parts: Parts) -> Parts:
    """The same where others than this machine can reach the API: it is degraded while a key works that holds every role."""

    def key_oddity() -> str | None:
        return exposed_bootstrap(look(parts.store, list_keys), parts.clock())

    ready = {**parts.ready, "keys": lambda: None}
    return replace(parts, ready=ready, degraded={**parts.degraded, "keys": key_oddity})
