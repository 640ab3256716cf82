"""A real API on a loopback port, over a store of its own, with a key for every role."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec
from starlette.types import ASGIApp

from app.api.app import build_app
from app.api.metrics.metrics import Metrics
from app.api.serving.connections import Limits
from app.api.serving.server import Listener, server_of
from app.decide.decide import Decider
from app.dispatch.counts import DispatchCounts
from app.publishing.library import LoadedRulebook
from app.publishing.rulebooks import Rulebooks
from app.rulebook.bundles.versions import ScenarioRun, check_result
from app.running.database import clock, database, prepare_database
from app.running.deciding import decider_of
from app.running.following import desk_of, following
from app.running.wiring import Dispatching, feeds_of, parts_of
from app.settings import read_settings
from app.store.callers.keys import ROLES, NewKey, create
from app.store.database.engine import Store
from app.store.database.writer import Writer

ROOT = Path(__file__).parents[2]
BOOTSTRAP_KEY = "bootstrap-for-tests-of-the-api-only"
EXAMPLE: dict[str, Any] = msgspec.json.decode((ROOT / "docs/examples/release.json").read_bytes())


class Service(NamedTuple):
    """A running API: where, its keys by role (and `bootstrap`), and its store."""

    port: int
    keys: dict[str, str]
    store: Store
    writer: Writer
    rulebooks: Rulebooks

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def client(self, role: str | None = "bootstrap") -> httpx.Client:
        """A client with the key of a role, or with none."""
        headers = {} if role is None else {"Authorization": f"Bearer {self.keys[role]}"}
        # A pool that many threads share may close a connection that is one too many just as another thread is given it.
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=None)
        # Without TLS there is nothing to verify, and reading the certificates takes longer than any request here.
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, limits=limits, verify=False)  # noqa: S501


def the_decider() -> Decider:
    """The decider of the shipped rulebook."""
    return decider_of(read_settings(rulebook_dir=ROOT))


@contextmanager
def serving(folder: Path, decider: Decider, link: Any = None, **more: object) -> Iterator[Service]:  # noqa: ANN401 - among settings of any kind
    """An API in a thread of this process; `link` is what is wrong with the link, if anything, `more` are settings."""
    own: dict[str, object] = {"database_url": f"sqlite:///{folder}/lens.db", "bootstrap_key": BOOTSTRAP_KEY}
    settings = read_settings(**{**own, "rulebook_dir": ROOT, **more})
    with database(settings) as store:
        prepare_database(store, settings)
        with Writer(store) as writer:
            keys: dict[str, str] = {
                role: writer.do_and_wait(
                    create,
                    NewKey(
                        name=f"the {role}",
                        role=role,
                        by="tests",
                        at=clock(),
                        expires_at=None,
                        may_backfill=role == "system_of_record",
                    ),
                )
                for role in ROLES
            }
            keys["second sender"] = writer.do_and_wait(
                create, NewKey(name="second", role="system_of_record", by="tests", at=clock(), expires_at=None)
            )
            desk = desk_of(settings, store, writer)
            if settings.rulebook_trusted_keys is None:  # not proved again for each test
                desk.library.keep(LoadedRulebook(decider, check_result(decider.book, ScenarioRun(1, ())), 0.1))
            feeds = feeds_of(settings, store, writer)
            with following(settings, desk) as current:
                dispatching = Dispatching(lambda: link, lambda: None, DispatchCounts, lambda: None)
                app = build_app(parts_of(store, writer, current, feeds, Metrics(), dispatching, settings))
                with running(app) as port:
                    yield Service(
                        port=port,
                        keys=keys | {"bootstrap": BOOTSTRAP_KEY},
                        store=store,
                        writer=writer,
                        rulebooks=current.rulebooks,
                    )


@contextmanager
def running(app: ASGIApp, limits: Limits = Limits()) -> Iterator[int]:  # noqa: B008 - limits are frozen
    """An app served on a loopback port, in a thread of this process."""
    listener, started = Listener("127.0.0.1", 0), threading.Event()
    server = server_of(app, started.set, limits)
    thread = threading.Thread(target=server.run, args=([listener.socket],))
    thread.start()
    try:
        assert started.wait(20)
        yield listener.port
    finally:
        server.should_exit = True
        thread.join(40)


def release(release_id: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - parts of a JSON document
    """The example release under another id, with some of its parts changed."""
    return EXAMPLE | {"release_id": release_id} | changes


def as_json(document: object) -> bytes:
    """A document as JSON."""
    return msgspec.json.encode(document)
