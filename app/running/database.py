"""The database as a program opens it, and the keys it begins with."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import structlog

from app.domain.times import SECOND
from app.errors import BadSetting, NotSignedIn, Unavailable
from app.settings import Settings
from app.store.callers.keys import Bootstrap, TryOut, bootstrap, find_key, try_out
from app.store.database.engine import Store, is_current, is_new, is_there, open_store, shown_url, upgrade
from app.store.database.reading import look
from app.store.database.writer import Writer
from app.store.upkeep.given_out import GivenOut, behind, beside_another, highest_of_all, last_number, store_name

_log = structlog.get_logger()

_NOT_MADE = "LENS_DATABASE_URL: there is no database there, and LENS_CREATE=no says that none may be made. Is it another one?"


def clock() -> int:
    """The time now, in Micros."""
    return time.time_ns() // 1000


@contextmanager
def database(settings: Settings) -> Iterator[Store]:
    """The database of the settings, open for as long as the block lasts. Raises BadSetting where it may not be made."""
    if not settings.create and not is_there(settings.database_url):
        raise BadSetting(_NOT_MADE)
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
    """Brings the tables up to date, and takes the bootstrap key into a database that has no keys.

    Raises BadSetting when the database is new and may not be made, is older than the numbers that were given out, or has given
    out none where another store has.
    """
    bring_up_to_date(store, settings)
    last = look(store, last_number)
    problem = behind(given_out(store, settings), last) or beside_another(given_out_by_all(settings), last)
    if problem is not None:
        raise BadSetting(f"LENS_DATABASE_URL: {problem}; nothing was started.")
    if settings.bootstrap_key is None:
        return
    with Writer(store) as writer:
        if not writer.do_and_wait(bootstrap, Bootstrap(settings.bootstrap_key, clock())):
            _check_bootstrap(store, settings.bootstrap_key)


def bring_up_to_date(store: Store, settings: Settings) -> None:
    """Brings the tables up to this version, and says when there were none. Raises BadSetting where they may not be made."""
    new = is_new(store)
    if new and not settings.create:
        raise BadSetting(_NOT_MADE)
    upgrade(store)
    if new:
        shown = shown_url(settings.database_url)
        _log.warning("database_made", database=shown, consequence="it is empty: no release, message or key of before is in it")


def numbers_of(store: Store, settings: Settings) -> GivenOut | None:
    """What keeps the highest number given out, beside what the link keeps; None where the network is simulated and forgets."""
    if settings.channel == "simulator":
        return None
    folder = settings.spool_dir if settings.channel == "spool" else settings.arrivals_dir
    return GivenOut(folder, look(store, store_name))


def given_out(store: Store, settings: Settings) -> int:
    """The highest number given out, as far as this machine knows, whatever link it went over. Raises BadSetting."""
    if settings.channel == "simulator":
        return 0
    name = look(store, store_name)
    return max(GivenOut(folder, name).highest() for folder in (settings.spool_dir, settings.arrivals_dir))


def given_out_by_all(settings: Settings) -> int:
    """The same of every store that has noted its numbers where this one does. Raises BadSetting."""
    if settings.channel == "simulator":
        return 0
    return max(highest_of_all(folder) for folder in (settings.spool_dir, settings.arrivals_dir))


@contextmanager
def numbers_kept(store: Store, settings: Settings) -> Iterator[None]:
    """Keeps the highest number given out at the end of the block too."""
    try:
        yield
    finally:
        numbers = numbers_of(store, settings)
        if numbers is not None:
            with suppress(Unavailable):  # then what was sent is kept all the same
                numbers.note(look(store, last_number))
                numbers.sync()


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
