"""The running programs: API and dispatcher in one process, several API processes with one dispatcher, or a dispatcher alone."""

import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Never

import structlog

from app.api.app import build_app
from app.api.metrics.about_metrics import About
from app.api.metrics.metrics import Metrics
from app.api.metrics.metrics_address import metrics_address
from app.api.parts import Parts
from app.api.serving.connections import Limits
from app.api.serving.open_files import allow_open_files
from app.api.serving.server import Listener, server_of
from app.intake.feeds import FeedWatch
from app.running.announcing import SIMULATED_INBOXES, Announcement, say_arrival, say_simulator
from app.running.database import database, numbers_kept, numbers_of, prepare_database, try_out_key
from app.running.following import desk_of, following, open_first, watch_of
from app.running.logs import logs
from app.running.presence import Presence
from app.running.sending import Sending, Simulator
from app.running.shared import Bell, Pulse
from app.running.supervise import Post, supervise
from app.running.wiring import (
    Dispatching,
    about_of,
    channel_of,
    exposed,
    feeds_of,
    parts_of,
    require_closed_folders,
    spool_watch_of,
)
from app.settings import Settings, share_metrics
from app.store.database.engine import Store
from app.store.database.hints import Hints
from app.store.database.writer import Writer

_log = structlog.get_logger()


def run_one(settings: Settings, listener: Listener) -> None:
    """Runs the API and a dispatcher in this process until SIGTERM or SIGINT."""
    end_on_signals()
    require_closed_folders(settings)
    with database(settings) as store, Writer(store) as writer:
        prepare_database(store, settings)
        with (
            following(settings, desk_of(settings, store, writer)) as current,
            sending_of(settings, store, writer) as sending,
            Hints(store, sending.wake) as hints,
            FeedWatch(feeds := feeds_of(settings, store, writer)),
            Presence(writer, "serve", settings),
        ):
            announcement = Announcement(listener.url, key_to_show(settings, store))
            wake = in_turn(sending.wake, hints.tell)
            dispatching = Dispatching(sending.channel_problem, sending.worker_problem, lambda: sending.counts, wake)
            parts = parts_of(store, writer, current, feeds, Metrics(), dispatching, settings)
            serve_api(parts, listener, announcement.say)


def run_many(settings: Settings, listener: Listener, workers: int) -> None:
    """Runs `workers` API processes behind one socket, and a dispatcher process, until SIGTERM or SIGINT."""
    require_closed_folders(settings)
    channel_of(settings, settings.switch_address)  # a link that cannot be used is told once, here, before anything starts
    with database(settings) as store:
        prepare_database(store, settings)
        with Writer(store) as writer:  # a first rulebook with faults is told once, here, and not by every process
            desk = desk_of(settings, store, writer)
            open_first(settings, desk, watch_of(settings))
        announcement = Announcement(listener.url, key_to_show(settings, store))
    with tempfile.TemporaryDirectory(prefix="lens-metrics-") as folder:
        share_metrics(folder)
        pulse, bell = Pulse(), Bell()
        posts = [Post("dispatcher", run_shared_dispatcher, (settings, pulse, bell))]
        for number in range(1, workers + 1):
            given = (settings, listener, pulse, bell, folder, announcement if number == 1 else None)
            posts.append(Post(f"api-{number}", run_shared_api, given))
        supervise(posts)


def run_dispatcher(settings: Settings) -> None:
    """Runs a dispatcher alone until SIGTERM or SIGINT."""
    end_on_signals()
    require_closed_folders(settings)
    with database(settings) as store:
        prepare_database(store, settings)
        with (
            Writer(store) as writer,
            sending_of(settings, store, writer) as sending,
            Hints(store, sending.wake),
            watched(settings, sending, about_of(settings, store)),
            Presence(writer, "work", settings),
        ):
            while True:
                signal.pause()


@contextmanager
def watched(settings: Settings, sending: Sending, about: About) -> Iterator[None]:
    """The figures of a dispatcher alone are told at the address that the settings give for it, if any."""

    def stopped() -> dict[str, str | None]:
        return {"channel": sending.channel_problem(), "worker": sending.worker_problem()}

    if settings.metrics_address is None:
        yield
        return
    with metrics_address(
        address=settings.metrics_address,
        stopped=stopped,
        counts=lambda: sending.counts,
        about=about,
        spool=spool_watch_of(settings),
    ):
        _log.info("telling_metrics", address=settings.metrics_address)
        yield


def run_shared_api(
    settings: Settings, listener: Listener, pulse: Pulse, bell: Bell, folder: str, announcement: Announcement | None
) -> None:
    """One API process of several."""
    end_on_signals()
    with (
        logs(settings.log_level, settings.runbook),
        database(settings) as store,
        Writer(store) as writer,
        following(settings, desk_of(settings, store, writer)) as current,
        Hints(store) as hints,
        FeedWatch(feeds := feeds_of(settings, store, writer)),
        Presence(writer, "serve", settings),
    ):
        dispatching = Dispatching(pulse.channel_problem, pulse.worker_problem, pulse.counts, in_turn(bell.ring, hints.tell))
        parts = parts_of(store, writer, current, feeds, Metrics(folder), dispatching, settings)
        serve_api(parts, listener, announcement.say if announcement else lambda: None)


def run_shared_dispatcher(settings: Settings, pulse: Pulse, bell: Bell) -> None:
    """The dispatcher process beside several API processes."""
    end_on_signals()
    with (
        logs(settings.log_level, settings.runbook),
        database(settings) as store,
        Writer(store) as writer,
        sending_of(settings, store, writer) as sending,
        Hints(store, sending.wake),
        Presence(writer, "work", settings),
    ):
        bell.on_ring(sending.wake)
        while True:
            if sending.worker_problem() is None:
                pulse.beat(sending.channel_problem(), sending.counts)
            time.sleep(1.0)


def serve_api(parts: Parts, listener: Listener, on_started: Callable[[], None]) -> None:
    """Serves the API until a signal ends it."""

    def say() -> None:
        _log.info("serving", url=listener.url, rulebook=parts.decider().book.hash)
        on_started()

    try:
        limits = Limits(in_all=allow_open_files(Limits().in_all))
        app = build_app(parts if listener.loopback else exposed(parts))
        server_of(app, say, limits).run(sockets=[listener.socket])
    finally:
        _log.info("stopping")


@contextmanager
def sending_of(settings: Settings, store: Store, writer: Writer) -> Iterator[Sending]:
    """A dispatcher at work, and before it the simulated network where the settings ask for one."""
    with ExitStack() as stack:
        address = None
        if settings.channel == "simulator":
            simulator = stack.enter_context(Simulator(settings, SIMULATED_INBOXES, say_arrival))
            say_simulator(simulator.addresses())
            address = simulator.addresses().switch
        stack.enter_context(numbers_kept(store, settings))
        yield stack.enter_context(Sending(settings, writer, address, numbers_of(store, settings)))


def key_to_show(settings: Settings, store: Store) -> str | None:
    """The key that is printed where somebody tries out (with the simulated network), made if need be."""
    if settings.channel != "simulator":
        return None
    return settings.bootstrap_key or try_out_key(store)


def in_turn(*acts: Callable[[], None]) -> Callable[[], None]:
    """Does each of these, in this order."""

    def act() -> None:
        for each in acts:
            each()

    return act


def end_on_signals() -> None:
    """Makes SIGTERM and SIGINT end this process by way of every `with` block it is in: what is under way is finished first.

    A SIGTERM that follows changes nothing: who stops a service may send it to every process, and our supervisor sends its own. A
    second SIGINT is of a person who will not wait.
    """

    def end(_: int, __: FrameType | None) -> Never:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise SystemExit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
