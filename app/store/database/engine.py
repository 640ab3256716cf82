"""The database: SQLite through pysqlite3, or PostgreSQL through psycopg. What differs between the two is decided here.

SQLite runs with WAL and synchronous=FULL, so that what was acknowledged survives a power cut; reads go through an engine that
cannot write. The version of SQLite must be free of the WAL-reset corruption bug.
"""

import os
import secrets
import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

import structlog
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from pysqlite3 import dbapi2
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from app.errors import BadSetting, Unavailable
from app.store.database.folders import changeable, close_to_others, make_folder, require_closed, sync_folder
from app.store.database.own_file import OwnFile
from app.store.database.servers import Servers
from app.store.database.troubles import cause, forget_values
from app.store.ledger.audit import begin_gathering, write_trail
from app.store.statements.rows import begin_sqlite

_log = structlog.get_logger()

OLDEST_SQLITE = (3, 51, 3)
"""Versions before it can corrupt a database when a WAL is reset (sqlite.org, release notes of 3.51.3)."""

_NO_URL = "LENS_DATABASE_URL: this is no URL; give sqlite:///var/lens.db or postgresql+psycopg://user@host/name"
_BUSY_TIMEOUT_MS = 5000
_MIGRATION_LOCK = 0x4C454E53  # "LENS": any number does, as long as nobody else in this database uses it

_PATIENCE_WITH_SERVER = {"connect_timeout": 3, "keepalives_idle": 2, "keepalives_interval": 1, "keepalives_count": 2}
_PATIENCE_WITH_SERVER |= {"tcp_user_timeout": 4_000}
"""How soon we notice that a server's host is gone without a word (libpq; seconds and milliseconds), and turn to another: 4 s for a
connection that was idle, 4 s for what was then sent on it all the same, 3 s for one new connection to the host that is gone.
Without it: a quarter of an hour, in which no other server would be tried. The URL may say otherwise.
"""
_PATIENCE_WITH_US = {"tcp_keepalives_idle": "5", "tcp_keepalives_interval": "2", "tcp_keepalives_count": "3"}
_PATIENCE_WITH_US |= {"tcp_user_timeout": "11000"}
_PATIENCE_WITH_WRITER = _PATIENCE_WITH_US | {"idle_in_transaction_session_timeout": "1500ms"}
"""How soon the server ends a transaction of ours when this host is gone, or stands still, in the middle of it: between two of our
statements is hardly ever a tenth of a second, and a transaction that is ended is tried again. Without it the rows it has locked,
those that every other host needs too, would stay locked for hours. Reading locks none and may be slow.
"""


@dataclass(frozen=True, slots=True)
class Store:
    """An open database: `write` for the one writer of this process, `read` for everyone else (it cannot write).

    Each write connection carries `info["chain"]`, which names this process in the audit trail.
    """

    write: Engine
    read: Engine
    dialect: Literal["sqlite", "postgresql"]
    file: OwnFile | None = None
    """The file of an SQLite store."""

    def close(self) -> None:
        """Closes every connection that is not in use."""
        self.write.dispose()
        self.read.dispose()


def open_store(url: str) -> Store:
    """Opens the database of a `sqlite:///file` or `postgresql+psycopg://…` URL; its tables are `upgrade`'s business.

    Raises BadSetting when the URL or the database behind it cannot be used safely, Unavailable when it does not answer.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise BadSetting(_NO_URL) from None
    match parsed.get_backend_name():
        case "sqlite":
            store = _open_sqlite(parsed)
        case "postgresql":
            store = _open_postgresql(parsed)
        case other:
            raise BadSetting(f"LENS_DATABASE_URL: {other} is not supported; use sqlite:///… or postgresql+psycopg://…")
    event.listen(store.write, "connect", partial(_name_chain, f"{os.getpid()}-{secrets.token_hex(6)}"))
    event.listen(store.write, "begin", begin_gathering)
    event.listen(store.write, "commit", write_trail)
    return store


def _name_chain(chain: str, _: object, record: ConnectionPoolEntry) -> None:
    record.info["chain"] = chain


def require_sqlite(version: tuple[int, ...]) -> None:
    """Raises BadSetting when this version of SQLite may lose data."""
    if version < OLDEST_SQLITE:
        found, needed = (".".join(map(str, each)) for each in (version, OLDEST_SQLITE))
        raise BadSetting(f"SQLite {found} can corrupt its file (WAL reset); LENS needs {needed} or later: reinstall pysqlite3")


def _open_sqlite(url: URL) -> Store:
    require_sqlite(dbapi2.sqlite_version_info)
    if not url.database or url.database == ":memory:" or url.query:
        raise BadSetting("LENS_DATABASE_URL: SQLite needs a plain file, e.g. sqlite:///var/lens.db")
    file = OwnFile(Path(url.database), _create_private(Path(url.database)))
    url = url.set(drivername="sqlite+pysqlite")
    engines = []
    for begin, pragmas in (("BEGIN IMMEDIATE", ("cache_size=-32768",)), ("BEGIN", ("query_only=ON",))):
        engine = create_engine(
            url,
            module=dbapi2,
            connect_args={"isolation_level": None, "cached_statements": 512},
            hide_parameters=True,
            pool_size=8,
            pool_timeout=10,
        )
        event.listen(engine, "connect", partial(_prepare_sqlite, pragmas))
        event.listen(engine, "begin", partial(begin_sqlite, begin))
        event.listen(engine, "do_connect", file.require)
        event.listen(engine, "checkout", file.require)
        engines.append(engine)
    return Store(engines[0], engines[1], "sqlite", file)


def _create_private(file: Path) -> os.stat_result:
    """The file as it is once it is there. The database holds personal data: its folder and file are for this user alone. SQLite gives its WAL the same mode.

    SQLite has the names in that folder on the disk before a first commit; the folder's own name is our part. A folder that is
    there may be one for other things too: others may see names in it, but who can change it could put another file in our place.
    """
    missing = [folder for folder in file.absolute().parents if not folder.exists()]
    try:
        require_closed("LENS_DATABASE_URL", file.parent)
        make_folder(file.parent)
        for folder in missing:
            sync_folder(folder.parent)
        beside = [file.with_name(f"{file.name}{end}") for end in ("-wal", "-shm")]
        for path in (file.parent, *(each for each in (file, *beside) if each.exists())):
            exposed = changeable(path)
            if exposed is not None:
                raise BadSetting(f"LENS_DATABASE_URL: {exposed}")
            if path != file.parent:
                close_to_others(path)
        fd = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            return os.fstat(fd)
        finally:
            os.close(fd)
    except OSError as error:
        raise BadSetting(f"LENS_DATABASE_URL: the file {file} cannot be opened for writing: {error.strerror}") from None


def _prepare_sqlite(pragmas: tuple[str, ...], connection: Any, _: object) -> None:  # noqa: ANN401 - the driver is untyped
    # busy_timeout first: switching to WAL may have to wait for another process that does the same.
    for pragma in (f"busy_timeout={_BUSY_TIMEOUT_MS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", *pragmas):
        connection.execute(f"PRAGMA {pragma}").close()


def _open_postgresql(url: URL) -> Store:
    shown = url.render_as_string(hide_password=True)
    options: dict[str, Any] = {"hide_parameters": True, "pool_size": 8, "pool_timeout": 10}
    options["connect_args"] = {name: value for name, value in _PATIENCE_WITH_SERVER.items() if name not in url.query}
    try:
        write = create_engine(url, **options)
        read = create_engine(url, execution_options={"postgresql_readonly": True}, **options)
    except (NoSuchModuleError, ImportError):
        raise BadSetting("LENS_DATABASE_URL: PostgreSQL is reached through psycopg: postgresql+psycopg://…") from None
    servers = Servers()
    for engine in (write, read):
        event.listen(engine, "do_connect", servers.connect)
    try:
        with write.connect() as connection:
            durability = str(connection.scalar(text("SHOW synchronous_commit")))
            flushed = str(connection.scalar(text("SHOW fsync")))
    except (OperationalError, InterfaceError):
        raise Unavailable(f"The database {shown} does not answer.") from None
    for engine, patience in ((write, _PATIENCE_WITH_WRITER), (read, _PATIENCE_WITH_US)):
        event.listen(engine, "handle_error", forget_values)
        event.listen(engine, "connect", partial(_set_all, patience))
    event.listen(write, "connect", _commit_to_disk)
    write.dispose()  # the listeners see new connections only
    if durability not in {"on", "remote_apply"}:
        raise BadSetting(
            f"LENS_DATABASE_URL: {shown} has synchronous_commit={durability}, which can lose acknowledged releases; set it to on"
        )
    if flushed != "on":
        _log.warning("database_without_fsync", consequence="a power cut can lose acknowledged releases")
    return Store(write, read, "postgresql")


_ON_DISK = """
    SELECT set_config('synchronous_commit', CASE WHEN level = 'remote_apply' THEN level ELSE 'on' END, false)
    FROM current_setting('synchronous_commit') AS level"""


def _commit_to_disk(connection: Any, _: object) -> None:  # noqa: ANN401 - the driver's own
    """Whatever has become of the server's own setting since the start, on this server or on the one that took over."""
    connection.execute(_ON_DISK).close()
    connection.commit()


def _set_all(settings: Mapping[str, str], connection: Any, _: object) -> None:  # noqa: ANN401 - the driver's own
    for name, value in settings.items():
        connection.execute("SELECT set_config(%s, %s, false)", (name, value)).close()
    connection.commit()


def now_micros(connection: Connection) -> int:
    """The time now in Micros: the database's clock on PostgreSQL, so that hosts agree on leases; this machine's on SQLite."""
    if connection.dialect.name == "postgresql":
        return int(connection.scalar(text("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)")) or 0)
    return time.time_ns() // 1000


def upgrade(store: Store) -> None:
    """Brings the tables up to this version, in one transaction. Any number of processes may do it at once, or again.

    Raises BadSetting when a later version of LENS has upgraded them already, or two that do not know each other have; Unavailable
    when the database cannot be written.
    """
    try:
        with store.write.begin() as connection:
            if store.dialect == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
            config = _alembic()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError:
        raise BadSetting(f"LENS_DATABASE_URL: {_why_not_upgraded(store)}") from None
    except DBAPIError as error:
        raise Unavailable(f"The tables cannot be upgraded ({cause(error)}); nothing was changed.") from None


def _why_not_upgraded(store: Store) -> str:
    split = split_words(store)
    if split is not None:
        return f"{split}; run a version that has both, or go back to a backup from before"
    own = ScriptDirectory.from_config(_alembic()).get_heads()
    if len(own) > 1:
        return f"this build of LENS upgrades tables in {len(own)} ways that do not belong together ({' and '.join(own)}); run a released version"
    return "a later version of LENS has upgraded this database; run that one"


def shown_url(url: str) -> str:
    """The URL of a database without its password."""
    return make_url(url).render_as_string(hide_password=True)


def is_there(url: str) -> bool:
    """Whether there is anything to open: an SQLite file that is missing would be made. Raises BadSetting for what is no URL."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise BadSetting(_NO_URL) from None
    return parsed.get_backend_name() != "sqlite" or Path(parsed.database or "").is_file()


def database_version(store: Store) -> str:
    """The kind and version of the database, e.g. `SQLite 3.51.3`. Raises Unavailable."""
    statement = "SELECT sqlite_version()" if store.dialect == "sqlite" else "SHOW server_version"
    try:
        with store.read.connect() as connection:
            found = str(connection.scalar(text(statement)))
    except DBAPIError as error:
        raise Unavailable(f"The database cannot be read ({cause(error)}).") from None
    return f"{'SQLite' if store.dialect == 'sqlite' else 'PostgreSQL'} {found.split(maxsplit=1)[0]}"


def dump_advice(url: str, file: Path) -> str | None:
    """How a PostgreSQL database is copied into a file, in words with the very command; None for SQLite. Raises BadSetting."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise BadSetting(_NO_URL) from None
    if parsed.get_backend_name() != "postgresql":
        return None
    plain = parsed._replace(drivername="postgresql", password=None).render_as_string()
    dump = f"pg_dump --format=custom --file={shlex.quote(str(file))} --dbname={shlex.quote(plain)}"
    return (
        f"PostgreSQL is copied by its own tool, while the service goes on:\n  (umask 077 && {dump})\n"
        "A password belongs into ~/.pgpass. To prove the dump, restore it into a new database and run lens audit verify there."
    )


def is_current(store: Store) -> bool:
    """Whether the tables are those of this version (`upgrade` has been run). Raises Unavailable."""
    return _found(store) == _revisions()[-1:]


def is_new(store: Store) -> bool:
    """Whether nothing has made tables in it yet. Raises Unavailable."""
    return not _found(store)


def is_ahead(store: Store) -> bool:
    """Whether a later version of LENS has upgraded the tables. It only adds, so a process that runs already may go on.

    Raises Unavailable.
    """
    return not set(_found(store)) <= set(_revisions())


def split_words(store: Store) -> str | None:
    """That the tables were upgraded in two ways that do not lead to each other, in words; None where they were not.

    Raises Unavailable.
    """
    heads = _found(store)
    if len(heads) < 2:
        return None
    ends = " and ".join(sorted(heads))
    return f"its tables were upgraded in {len(heads)} ways that do not belong together, by different builds of LENS (to {ends})"


def _found(store: Store) -> tuple[str, ...]:
    """The revision that the tables are at; none where there are no tables. Raises Unavailable."""
    try:
        with store.read.connect() as connection:
            return MigrationContext.configure(connection).get_current_heads()
    except DBAPIError as error:
        raise Unavailable(f"The database cannot be read ({cause(error)}).") from None


@cache
def _revisions() -> tuple[str, ...]:
    """Every revision that this version knows, the oldest first."""
    return tuple(each.revision for each in ScriptDirectory.from_config(_alembic()).walk_revisions())[::-1]


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", "app.store:migrations")
    return config
