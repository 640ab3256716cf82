"""Following what is live: a thread that sees each publication, loads it, and puts it in force at the moment it is live.

Publications are seen by asking the database for one row, once a second. Each has a moment, a little ahead, at which every process
that has it ready begins to decide under it: so they change together, on one machine or on many. Where the service watches its
folder, this thread does that too. Nothing here can stop a service: what cannot be used is told, and what is in force stays.
"""

import time
from threading import Event, Thread
from typing import NamedTuple, Self

import structlog

from app.domain.times import SECOND, micros_in
from app.errors import NotFound, Unavailable, what_broke
from app.publishing.desk import Desk
from app.publishing.folder import FolderWatch
from app.publishing.library import Unusable
from app.publishing.opening import PUBLISHED, try_folder
from app.publishing.shelf import InForce, Shelf
from app.rulebook.bundles.versions import FOLDER
from app.store.database.reading import look
from app.store.rulebooks.rulebook_reads import Pointer, failing_scenarios, has_no_scenario, pointer, publication

_log = structlog.get_logger()

POLL_SECONDS = 1.0
_AGAIN_SECONDS = 30.0
_LEAD_LIMIT_SECONDS = 3.0


def lead_for(seconds: float, poll: float = POLL_SECONDS) -> int:
    """How far ahead to put a publication, in Micros, when loading it took this long here: time for others to see and load it.

    A process that takes longer changes as soon as it is ready.
    """
    return micros_in(min(poll + 0.25 + 1.5 * seconds, _LEAD_LIMIT_SECONDS))


class _Due(NamedTuple):
    """What is to be in force from a moment of the monotonic clock on."""

    at: float
    in_force: InForce


class _Failed(NamedTuple):
    """A publication that could not be loaded, and when to try again."""

    seq: int
    again_at: float


class Follower:
    """Keeps the shelf at what is live. Use as a `with` block.

    `watch`: the folder to take changes from, None for none; `poll`: seconds from one look to the next.
    """

    def __init__(self, desk: Desk, shelf: Shelf, watch: FolderWatch | None = None, poll: float = POLL_SECONDS) -> None:
        self._desk = desk
        self._shelf = shelf
        self._watch = watch
        self._poll = poll
        self._wake = Event()
        self._stopping = False
        self._due: _Due | None = None
        self._failed = _Failed(0, 0.0)
        self._blind = False
        self._thread = Thread(target=self._run, name="lens-rulebook", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        self._wake.set()
        self._thread.join()

    def nudge(self) -> None:
        """Says that something was published, so that it is seen at once; a hint, from any thread."""
        self._wake.set()

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait(self._look())
            self._wake.clear()

    def _look(self) -> float:
        """One look at what is live and at the folder. Returns for how many seconds to wait before the next."""
        try:
            found = look(self._desk.store, pointer)
            # After the look, since its `now` is of the look: a change a little late is right, one too early is not.
            asked = time.monotonic()
            self._blind = False
            self._prepare(found, asked)
            self._change_if_due()
            if self._watch is not None and self._due is None:
                self._look_at_folder(self._watch, found)
        except Unavailable as error:
            if not self._blind:
                _log.warning("rulebook_pointer_unreadable", why=error.detail)
            self._blind = True
            self._change_if_due()
        except Exception as error:  # noqa: BLE001 - the follower of a service must outlive whatever it meets
            _log.error("rulebook_follower_broke", **what_broke(error))
        if self._due is None:
            return self._poll
        return min(max(self._due.at - time.monotonic(), 0.0), self._poll)

    def _prepare(self, found: Pointer, asked: float) -> None:
        """Loads a publication that is not in force yet, and notes when it is due."""
        if found.version is None or found.seq == self._shelf.in_force.seq:
            self._due = None
            return
        if self._due is not None and self._due.in_force.seq == found.seq:
            return
        if self._failed.seq == found.seq and time.monotonic() < self._failed.again_at:
            return
        try:
            decider = self._desk.library.decider(found.version)
        except (Unusable, NotFound) as error:
            self._due = None
            self._failed = _Failed(found.seq, time.monotonic() + _AGAIN_SECONDS)
            self._shelf.tell(PUBLISHED, error.detail, version=found.version)
            return
        row = look(self._desk.store, lambda connection: publication(connection, found.seq))
        if row is not None:
            failing = look(self._desk.store, lambda connection: failing_scenarios(connection, row.version))
            in_force = InForce(
                decider=decider,
                seq=found.seq,
                since=row.live_at,
                by=row.published_by,
                way=row.way,
                failing=failing,
                untried=look(self._desk.store, lambda connection: has_no_scenario(connection, row.version)),
            )
            self._due = _Due(asked + (found.live_at - found.now) / SECOND, in_force)

    def _change_if_due(self) -> None:
        if self._due is not None and time.monotonic() >= self._due.at:
            self._shelf.replace(self._due.in_force)
            self._shelf.tell(PUBLISHED, None)
            self._due = None

    def _look_at_folder(self, watch: FolderWatch, found: Pointer) -> None:
        if not watch.at_rest():
            return
        # Whoever watches the same folder has loaded it by itself by then: no time is given for that.
        looked = try_folder(self._desk, watch, found, lead_for(0, self._poll))
        if looked.settled:
            self._shelf.tell(FOLDER, looked.complaint, looked.failing)
            self._wake.set()
