"""The database as a program opens it, and the keys it begins with."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from app.domain.times import SECOND
from app.errors import NotSignedIn
from app.settings import Settings
from app.store.engine import Store, is_current, is_there, open_store, upgrade
from app.store.keys import Bootstrap, TryOut, bootstrap, find_key, try_out
from app.store.reading import look
from app.store.writer import Writer

_log = structlog.get_logger()


def clock() -> int:
    """The time now, in Micros."""
    return time.time_ns() // 1000


@contextmanager
def database(settings: Settings) -> Iterator[Store]:
    """The database of the settings, open for as long as the block lasts."""
    store = open_store(settings.database_url)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def database_as_it_is(settings: Settings) -> Iterator[Store | None]:
    """The same for a program that only looks: nothing is made, and None stands for a database that is missing or of another version."""
    if not is_there(settings.database_url):
        yield None
        return
    with database(settings) as store:
        yield store if is_current(store) else None


def prepare_database(store: Store, settings: Settings) -> None:
    """Brings the tables up to date, and takes the bootstrap key into a database that has no keys."""
    upgrade(store)
    if settings.bootstrap_key is None:
        return
    with Writer(store) as writer:
        if not writer.do_and_wait(bootstrap, Bootstrap(settings.bootstrap_key, clock())):
            _check_bootstrap(store, settings.bootstrap_key)


def _check_bootstrap(store: Store, key: str) -> None:
    try:
        look(store, lambda connection: find_key(connection, key, clock()))
    except NotSignedIn:
        _log.warning("bootstrap_key_ignored", why="the database has keys already, and this is none of them")


def try_out_key(store: Store) -> str:
    """A new key with every role, for twelve hours."""
    key = f"lens_{secrets.token_urlsafe(32)}"
    with Writer(store) as writer:
        writer.do_and_wait(try_out, TryOut(key, clock(), clock() + 12 * 3600 * SECOND))
    return key
