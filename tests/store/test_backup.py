import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

import pytest

from app.errors import Conflict, NotFound
from app.store.database.engine import Store
from app.store.upkeep.backup import back_up, check_copy
from tests.dispatch.outbox_rows import store_in
from tests.store.invented import accept, acceptance, rows


def ignore(_: int, __: int) -> None:
    """Nobody watches the progress."""


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Store]:
    """A store in which something happened."""
    (tmp_path / "store").mkdir()
    with closing(store_in(tmp_path / "store")) as store:
        for number in range(20):
            accept(store, acceptance(f"EX-{number}"))
        yield store


@pytest.fixture
def copy(full: Store, tmp_path: Path) -> Path:
    """A copy of it."""
    target = tmp_path / "copy.db"
    back_up(full, target, ignore)
    return target


def names(folder: Path) -> set[str]:
    """The files in a folder."""
    return {file.name for file in folder.iterdir() if file.is_file()}


def test_a_copy_is_of_one_moment_while_others_write(full: Store, tmp_path: Path) -> None:
    """It holds a release with all its messages or not at all, and accepting goes on while it is made."""
    stop, accepted = Event(), [20]

    def keep_accepting() -> None:
        while not stop.is_set():
            accept(full, acceptance(f"EX-{accepted[0]}"))
            accepted[0] += 1

    during: list[int] = []

    def tell(done: int, pages: int) -> None:
        begun = accepted[0]
        while accepted[0] < begun + 2:  # somebody is accepted between any two steps
            stop.wait(0.001)
        during.append(accepted[0])

    writing = Thread(target=keep_accepting)
    writing.start()
    try:
        found = back_up(full, tmp_path / "copy.db", tell, pages_at_once=10)
    finally:
        stop.set()
        writing.join()
    assert len(during) > 5
    assert found.faults == ()
    assert found.rows["message"] == 2 * found.rows["release"]
    assert 20 <= found.rows["release"] < accepted[0]
    assert names(tmp_path) == {"copy.db"}
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600


def test_a_copy_replaces_nothing(full: Store, copy: Path, tmp_path: Path) -> None:
    """Neither a file nor a link that leads nowhere; and a folder that is not there is not made."""
    before = copy.read_bytes()
    link = tmp_path / "link.db"
    link.symlink_to(tmp_path / "elsewhere.db")
    for taken in (copy, link, tmp_path / "store"):
        with pytest.raises(Conflict, match="never overwritten"):
            back_up(full, taken, ignore)
    with pytest.raises(NotFound, match="make it first"):
        back_up(full, tmp_path / "gone" / "copy.db", ignore)
    assert copy.read_bytes() == before
    assert names(tmp_path) == {"copy.db"}


def test_a_file_that_comes_meanwhile_stays(full: Store, tmp_path: Path) -> None:
    """Two who make the same copy at once: the second is told."""
    target = tmp_path / "copy.db"

    def tell(_: int, __: int) -> None:
        target.write_text("another's")

    with pytest.raises(Conflict, match="never overwritten"):
        back_up(full, target, tell)
    assert target.read_text() == "another's"
    assert names(tmp_path) == {"copy.db"}


def test_whatever_ends_it_leaves_nothing(full: Store, tmp_path: Path) -> None:
    """As Ctrl-C does in the middle."""

    def tell(_: int, __: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        back_up(full, tmp_path / "copy.db", tell)
    assert names(tmp_path) == set()


def edit(statement: str) -> Callable[[Path], None]:
    """Changes a copy by SQL."""

    def change(file: Path) -> None:
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute(statement)

    return change


def flip(file: Path) -> None:
    """Spoils a page in the middle."""
    content = bytearray(file.read_bytes())
    middle = len(content) // 8192 * 4096
    content[middle : middle + 64] = bytes(64)
    file.write_bytes(content)


def cut(file: Path) -> None:
    """Leaves the end out, as a copy that broke off does."""
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 8192 * 4096])


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (flip, "damaged"),
        (cut, "damaged"),
        (edit("DELETE FROM audit WHERE id = 5"), "audit trail is broken"),
        (edit("UPDATE audit SET actor = 'nobody' WHERE id = 5"), "audit trail is broken"),
        (edit("UPDATE counter SET last = 3 WHERE name = 'message'"), "the counter of message numbers says 3, and 40"),
        (edit("DELETE FROM release WHERE id = 3"), "refer to rows that are missing"),
        (edit("DROP TABLE message"), "cannot be read as a store"),
    ],
)
def test_what_was_done_to_a_copy_is_told(copy: Path, spoil: Callable[[Path], None], told: str) -> None:
    """A copy that nothing was done to has no fault."""
    assert check_copy(copy).faults == ()
    spoil(copy)
    assert any(told in fault for fault in check_copy(copy).faults), check_copy(copy).faults


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE message SET text = 'something else' WHERE number = 3", "message LN00000003"),
        ("UPDATE release SET body_json = '{}' WHERE id = 2", "the release of row 2"),
    ],
)
def test_a_copy_whose_notices_were_rewritten_is_not_whole(copy: Path, statement: str, told: str) -> None:
    """Every row and link is in its place, and a notice says something else: the trail knows what it said."""
    assert check_copy(copy, content=True).faults == ()
    edit(statement)(copy)
    assert any(f"{told}, of which it tells, was changed since" in fault for fault in check_copy(copy, content=True).faults)


def test_what_cannot_be_proved_by_itself_is_refused(full: Store, tmp_path: Path) -> None:
    """The file of a service, another kind of file, a dump of PostgreSQL, a folder, none."""
    accept(full, acceptance("EX-99"))
    text, dump = tmp_path / "text", tmp_path / "dump"
    text.write_text("no database")
    dump.write_bytes(b"PGDMP and so on")
    for file, told in (
        (tmp_path / "store" / "lens.db", "lens audit verify"),
        (text, "not an SQLite file"),
        (dump, "dump of PostgreSQL"),
        (tmp_path, "cannot be opened"),
        (tmp_path / "gone", "cannot be opened"),
    ):
        with pytest.raises((Conflict, NotFound), match=told):
            check_copy(file)
    assert rows(full, "SELECT count(*) FROM release") == [(21,)]
