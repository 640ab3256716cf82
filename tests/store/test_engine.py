import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import errors
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlmodel import SQLModel

from app.errors import BadSetting, Unavailable
from app.store.database.engine import (
    OLDEST_SQLITE,
    Store,
    is_ahead,
    is_current,
    now_micros,
    open_store,
    require_sqlite,
    split_words,
    upgrade,
)
from app.store.database.troubles import cause, rolled_back, trouble
from tests.kinds import only_postgresql, only_sqlite
from tests.store.invented import SECRET, rows


def test_a_sqlite_that_can_corrupt_its_file_is_refused() -> None:
    """The WAL-reset bug is in every version before the oldest we take."""
    with pytest.raises(BadSetting, match=r"SQLite 3\.51\.2 .* 3\.51\.3"):
        require_sqlite((3, 51, 2))
    require_sqlite(OLDEST_SQLITE)


@only_sqlite
def test_what_is_acknowledged_survives_a_power_cut(store: Store) -> None:
    """WAL with synchronous=FULL on every connection that writes; foreign keys are held."""
    with store.write.connect() as connection:
        found = [connection.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous", "foreign_keys")]
    assert found == ["wal", 2, 1]


def test_the_read_engine_cannot_write(store: Store) -> None:
    """A read path that tried to write would fail, not wait for the writer."""
    with store.read.connect() as connection, pytest.raises(DBAPIError, match=r"readonly|25006"):
        connection.execute(text("UPDATE counter SET last = 9"))


@only_sqlite
def test_writers_take_the_lock_when_they_begin(store: Store) -> None:
    """BEGIN IMMEDIATE: two writers wait for each other at the start, where nothing is lost yet."""
    with store.write.connect() as other, store.write.connect() as connection:
        other.exec_driver_sql("PRAGMA busy_timeout=1")
        other.rollback()
        with connection.begin(), pytest.raises(OperationalError, match="locked") as caught:
            other.begin()
    assert trouble(caught.value) == "transient"


def test_the_database_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Folder and files hold personal data."""
    store = open_store(f"sqlite:///{tmp_path / 'new' / 'lens.db'}")
    upgrade(store)
    folder = tmp_path / "new"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()} == dict.fromkeys(
        ["lens.db", "lens.db-wal", "lens.db-shm"], 0o600
    )
    store.close()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite://", "needs a plain file"),
        ("sqlite:///:memory:", "needs a plain file"),
        ("sqlite:///x.db?mode=ro", "needs a plain file"),
        ("mysql://x@y/z", "mysql is not supported"),
        ("no url at all", "this is no URL"),
        ("postgresql+nothing://x@y/z", "reached through psycopg"),
        ("sqlite:////dev/null/lens.db", "cannot be opened for writing"),
    ],
)
def test_a_database_that_cannot_be_used_is_a_bad_setting(url: str, words: str) -> None:
    """The error names the setting and says what would do."""
    with pytest.raises(BadSetting, match=words) as caught:
        open_store(url)
    assert "LENS_DATABASE_URL" in caught.value.detail


def test_a_postgresql_that_is_away_is_unavailable_and_its_password_is_not_shown() -> None:
    """An address where nothing listens."""
    with pytest.raises(Unavailable) as caught:
        open_store("postgresql+psycopg://lens:hunter2@127.0.0.1:1/lens?connect_timeout=2")
    assert "127.0.0.1:1" in caught.value.detail
    assert "hunter2" not in caught.value.detail


def test_the_migrations_build_exactly_the_tables_of_the_code(store: Store) -> None:
    """Alembic finds nothing to change after an upgrade, in tables, columns, types, indexes or constraints."""
    with store.read.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


@only_sqlite
def test_an_upgrade_again_changes_nothing(store: Store) -> None:
    """Every start may run it."""
    before = rows(store, "SELECT type, name, sql FROM sqlite_schema")
    upgrade(store)
    assert rows(store, "SELECT type, name, sql FROM sqlite_schema") == before
    assert rows(store, "SELECT name, last FROM counter ORDER BY name") == [("message", 0), ("release", 0), ("work_item", 0)]
    assert is_current(store)


def test_a_database_without_tables_is_not_current(tmp_path: Path) -> None:
    """Readiness asks this."""
    store = open_store(f"sqlite:///{tmp_path / 'lens.db'}")
    assert not is_current(store)
    assert not is_ahead(store)
    store.close()


def test_a_database_of_a_later_version_is_left_alone(store: Store) -> None:
    """An old program does not start on it; one that runs already sees what happened."""
    assert not is_ahead(store)
    with store.write.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(BadSetting, match="later version"):
        upgrade(store)
    assert not is_current(store)
    assert is_ahead(store)


@only_sqlite
def test_an_upgrade_that_cannot_write_says_so(store: Store) -> None:
    """Another process holds the lock for too long."""
    with store.write.connect() as other, store.write.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=1")
        connection.rollback()
        connection.close()
        with other.begin(), pytest.raises(Unavailable, match="SQLITE_BUSY"):
            upgrade(store)


def test_processes_that_start_at_once_upgrade_once(tmp_path: Path) -> None:
    """Three open and upgrade one new file together; each ends well."""
    code = "import sys; from app.store.database.engine import *; s = open_store(sys.argv[1]); sys.stdin.read(); upgrade(s)"
    command = [sys.executable, "-c", code, f"sqlite:///{tmp_path / 'lens.db'}"]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)]
    for process in started:
        assert process.stdin is not None
        process.stdin.close()
    errors = [process.stderr.read() for process in started if process.stderr is not None]
    for process in started:
        if process.stderr is not None:
            process.stderr.close()
        process.wait(30)
    assert [(process.returncode, error) for process, error in zip(started, errors, strict=True)] == [(0, b"")] * 3


@only_postgresql
def test_a_host_that_is_gone_inside_a_transaction_is_given_up_by_the_server(store: Store) -> None:
    """Nobody waits for ever for the rows it had locked; nor do we for a server that is gone. Reading may be slow."""
    for engine, idle in ((store.write, "1500ms"), (store.read, "0")):
        with engine.connect() as connection:
            assert connection.scalar(text("SHOW idle_in_transaction_session_timeout")) == idle
            found = connection.connection.dbapi_connection.info.get_parameters()  # type: ignore[union-attr]
            assert found["tcp_user_timeout"] == "4000"


def test_an_error_of_the_database_repeats_no_value(store: Store) -> None:
    """A statement that fails is told without its parameters, which may be about a person."""
    with store.write.begin() as connection, pytest.raises(IntegrityError) as caught:
        connection.execute(text("INSERT INTO counter (name, last) VALUES (:name, NULL)"), {"name": SECRET})
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value.__cause__)
    assert (trouble(caught.value), cause(caught.value)) in {("refused", "SQLITE_CONSTRAINT"), ("refused", "SQLSTATE 23502")}


def test_the_clock_is_in_microseconds(store: Store) -> None:
    """Between 2020 and 2100, whatever machine this is."""
    with store.read.connect() as connection:
        assert 1_577_836_800_000_000 < now_micros(connection) < 4_102_444_800_000_000


@pytest.mark.parametrize(
    ("kind", "expected", "known_rolled_back"),
    [
        (errors.SerializationFailure, "transient", True),
        (errors.DeadlockDetected, "transient", True),
        (errors.LockNotAvailable, "transient", True),
        (errors.AdminShutdown, "transient", False),
        (psycopg.OperationalError, "transient", False),
        (errors.DiskFull, "down", False),
        (errors.IoError, "down", False),
        (errors.ReadOnlySqlTransaction, "down", True),
        (errors.UniqueViolation, "refused", True),
        (errors.StringDataRightTruncation, "refused", True),
    ],
)
def test_postgresql_errors_are_told_apart(kind: type[psycopg.Error], expected: str, *, known_rolled_back: bool) -> None:
    """What may be tried again, what waits for someone, what is the statement's fault; and what a failed commit may have done."""
    wrapper = OperationalError if issubclass(kind, psycopg.OperationalError) else DBAPIError
    error = wrapper("COMMIT", None, kind("a text that may quote a row"))
    assert trouble(error) == expected
    assert rolled_back(error) == known_rolled_back
    assert "quote" not in cause(error)


def test_a_database_upgraded_in_two_ways_is_told_as_that(store: Store) -> None:
    """By builds that do not belong together: no version is the later one, so nobody is told to run it."""
    with store.write.begin() as connection:
        connection.execute(text("INSERT INTO alembic_version VALUES ('9999')"))
    with pytest.raises(BadSetting, match="in 2 ways that do not belong together") as refused:
        upgrade(store)
    assert "9999" in str(refused.value)
    assert "later version" not in str(refused.value)
    assert "9999" in str(split_words(store))
