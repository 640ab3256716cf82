import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Connection

from app.errors import Unavailable
from app.store.database.engine import Store
from app.store.database.reading import look
from app.store.database.writer import Writer
from app.store.upkeep.given_out import last_number
from tests.kinds import only_sqlite
from tests.store.counting import number


def remove(database: Path) -> None:
    """As `rm lens.db*` does."""
    for path in database.parent.glob(f"{database.name}*"):
        path.unlink()


def replace(database: Path) -> None:
    """As `mv other.db lens.db` does."""
    other = database.with_name("other.db")
    shutil.copy(database, other)
    other.rename(database)


@only_sqlite
@pytest.mark.parametrize("lose", [remove, replace])
def test_a_file_that_was_lost_takes_nothing_until_it_is_back(
    store: Store, tmp_path: Path, lose: Callable[[Path], None]
) -> None:
    """What went into it would be gone with the process, so neither a write nor a read is answered, from then on."""
    with Writer(store, patience=0.2) as writer:
        assert writer.do_and_wait(number, "a") == 1
        lose(tmp_path / "lens.db")
        for _ in range(2):
            with pytest.raises(Unavailable, match="its file was removed or replaced while LENS was running"):
                writer.do_and_wait(number, "b")
        with pytest.raises(Unavailable, match="removed or replaced"):
            look(store, last_number)
        assert "restart LENS" in (writer.problem or "")
        assert writer.groups == 1


@only_sqlite
def test_a_file_that_is_lost_during_a_commit_is_not_acknowledged(store: Store, tmp_path: Path) -> None:
    """It is looked at once more after the commit, before anybody hears of it."""

    def lose_and_number(connection: Connection, items: Sequence[str]) -> list[int]:
        replace(tmp_path / "lens.db")
        return number(connection, items)

    with Writer(store) as writer, pytest.raises(Unavailable, match="what was written last may be lost"):
        writer.do_and_wait(lose_and_number, "a")
