import shutil
from pathlib import Path

from tests.faults.mixed import ON_POSTGRESQL, ON_SQLITE, Plan, run_mixed
from tests.postgresql import PostgreSQL

RELEASES = 90
"""Enough for each kind of fault once; `make faults` has many times as many."""


def test_every_fault_at_once_loses_nothing_on_sqlite(tmp_path: Path, sqlite_template: Path) -> None:
    """Killed, stopped and full; cut, refused, swallowed and garbled: acknowledged is delivered, extras are flagged."""
    shutil.copy(sqlite_template, tmp_path / "lens.db")
    figures = run_mixed(Plan(RELEASES, RELEASES // 9), tmp_path, f"sqlite:///{tmp_path}/lens.db", None)
    assert figures["releases"] == RELEASES
    assert all(figures[f"fault {kind}"] for kind in ON_SQLITE)


def test_every_fault_at_once_loses_nothing_on_postgresql(tmp_path: Path) -> None:
    """The same on two services and a dispatcher over one database, which crashes too."""
    with PostgreSQL(durable=True) as server, server.database() as url:
        figures = run_mixed(Plan(RELEASES, RELEASES // 9), tmp_path, url, server)
    assert figures["releases"] == RELEASES
    assert all(figures[f"fault {kind}"] for kind in ON_POSTGRESQL)
