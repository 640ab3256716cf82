"""`lens`, but with SQLite's synchronous=NORMAL: what the power cut must find out. Run as a program, with lens's own words."""

from typing import Any

from app.cli.main import main
from app.store.database import engine

_prepare = engine._prepare_sqlite


def prepare(pragmas: tuple[str, ...], connection: Any, _: object) -> None:  # noqa: ANN401 - the driver is untyped
    """Every connection as ever, and then without waiting for the disk at each commit."""
    _prepare(pragmas, connection, _)
    connection.execute("PRAGMA synchronous=NORMAL").close()


if __name__ == "__main__":
    engine._prepare_sqlite = prepare
    main()
