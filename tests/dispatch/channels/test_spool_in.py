import os
import time
from collections.abc import Sequence
from pathlib import Path

from app.dispatch.channels.frames import LIMIT
from app.dispatch.channels.spool import SpoolChannel
from app.dispatch.channels.spool_in import In
from app.errors import Unavailable
from tests.dispatch.channels.folder import names, opened, run
from tests.dispatch.channels.link import Store, until


def put(folder: Path, **files: bytes) -> None:
    """Puts files in as a careful gateway does: another name first."""
    for name, content in files.items():
        (folder / f".{name}").write_bytes(content)
        (folder / f".{name}").rename(folder / name)


def texts(store: Store) -> Sequence[str]:
    """What was stored."""
    return [arrival.text for arrival in store.arrivals]


def test_each_file_is_handed_over_once_and_then_put_away(tmp_path: Path) -> None:
    """In the order they came, and each is kept."""

    async def scenario() -> None:
        store = Store()
        async with opened(tmp_path, store):
            put(tmp_path / "in", b=b"FIRST")
            await store.holds(1)
            put(tmp_path / "in", a=b"SECOND")
            await store.holds(2)
            await until(lambda: names(tmp_path / "in") == [])
            assert texts(store) == ["FIRST", "SECOND"]
            assert names(tmp_path / "in" / "done") == ["a", "b"]
            assert store.arrivals[0].source.startswith("spool:b:")
            assert len(store.arrivals[0].source) == len("spool:b:") + 64

    run(scenario)


def test_an_unmatched_text_goes_to_unmatched(tmp_path: Path) -> None:
    """A person finds it where its work item says."""

    async def scenario() -> None:
        async with opened(tmp_path, Store(answer="unmatched")):
            put(tmp_path / "in", a=b"NONSENSE")
            await until(lambda: names(tmp_path / "in" / "unmatched") == ["a"])

    run(scenario)


def test_a_name_used_again_hides_nothing(tmp_path: Path) -> None:
    """Two files of one name both stay readable after they were taken."""

    async def scenario() -> None:
        store = Store()
        async with opened(tmp_path, store):
            for number, content in enumerate((b"FIRST", b"SECOND", b"SECOND"), 1):
                put(tmp_path / "in", a=content)
                await store.holds(number)
                await until(lambda: names(tmp_path / "in") == [])
        assert [path.read_text() for path in sorted((tmp_path / "in" / "done").iterdir())] == ["FIRST", "SECOND", "SECOND"]
        assert store.arrivals[0].source != store.arrivals[1].source == store.arrivals[2].source

    run(scenario)


def test_half_written_and_hidden_files_are_left_alone(tmp_path: Path) -> None:
    """Names that begin with a dot or end in .tmp, and folders."""

    async def scenario() -> None:
        store = Store()
        async with opened(tmp_path, store):
            (tmp_path / "in" / ".a").write_bytes(b"HIDDEN")
            (tmp_path / "in" / "b.tmp").write_bytes(b"HALF")
            (tmp_path / "in" / "folder").mkdir()
            put(tmp_path / "in", c=b"WHOLE")
            await store.holds(1)
            await until(lambda: names(tmp_path / "in") == [".a", "b.tmp"])
            assert texts(store) == ["WHOLE"]

    run(scenario)


def test_a_file_that_still_grows_is_left_alone(tmp_path: Path) -> None:
    """A gateway that writes under the final name is given the time between two looks to finish."""
    folder = In(tmp_path)
    with (tmp_path / "a").open("wb", buffering=0) as growing:
        growing.write(b"HALF")
        assert folder.steady() == []
        growing.write(b" AND HALF")
        assert folder.steady() == []
    (found,) = folder.steady()
    assert folder.read(found)[0].text == "HALF AND HALF"


def test_bytes_that_are_no_text_are_handed_over_all_the_same(tmp_path: Path) -> None:
    """Wrong bytes and NUL become the replacement character; an empty file is an empty text."""

    async def scenario() -> None:
        store = Store()
        async with opened(tmp_path, store):
            put(tmp_path / "in", a=b"ER \xff\0 LN00000001", b=b"")
            await store.holds(2)
            assert sorted(texts(store)) == ["", "ER \N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER} LN00000001"]

    run(scenario)


def test_what_is_no_text_of_ours_becomes_a_note_for_a_person(tmp_path: Path) -> None:
    """A huge file, a link and a pipe are not read, yet nobody can overlook them."""

    async def scenario() -> None:
        store = Store()
        (tmp_path / "secret").write_text("SECRET")
        async with opened(tmp_path, store):
            put(tmp_path / "in", a=b"X" * LIMIT, b=b"X" * (LIMIT + 1))
            (tmp_path / "in" / "c").symlink_to(tmp_path / "secret")
            os.mkfifo(tmp_path / "in" / "d")
            await store.holds(4)
            await until(lambda: len(list((tmp_path / "in" / "unmatched").iterdir())) == 3)
            assert sorted(text for text in texts(store) if len(text) < LIMIT) == [
                "[LENS: a file of 65537 bytes, over the limit of 65536; not taken, kept in in/unmatched]",
                "[LENS: not an ordinary file; not taken, kept in in/unmatched]",
                "[LENS: not an ordinary file; not taken, kept in in/unmatched]",
            ]
            assert len({arrival.source for arrival in store.arrivals}) == 4
            assert [path.name for path in (tmp_path / "in" / "done").iterdir()] == ["a"]

    run(scenario)


def test_a_long_odd_name_still_fits_the_store(tmp_path: Path) -> None:
    """`Arrival.source` is at most 200 characters of real Unicode, whatever the file is called."""

    async def scenario() -> None:
        store = Store()
        async with opened(tmp_path, store):
            for name in (b"x" * 250, b"x" * 249 + b"y", b"\xff\xfe"):
                put(tmp_path / "in", **{os.fsdecode(name): b"SAME"})
            await store.holds(3)
            sources = [arrival.source for arrival in store.arrivals]
            assert len(set(sources)) == 3
            assert all(len(source) <= 200 and source.encode() for source in sources)

    run(scenario)


def test_while_the_store_cannot_serve_texts_wait_in_order(tmp_path: Path) -> None:
    """What follows may mean the opposite, so it does not overtake; a text that fails alone is passed by."""

    async def scenario() -> None:
        store = Store(fail=[Unavailable(), ValueError("a fault of the program")])
        async with opened(tmp_path, store):
            put(tmp_path / "in", a=b"FIRST", b=b"SECOND")
            await store.holds(2)
            assert [arrival.text for arrival in store.tries] == ["FIRST", "FIRST", "SECOND", "FIRST"]

    run(scenario)


def test_a_file_that_was_stored_but_could_not_be_moved_is_not_stored_again(tmp_path: Path) -> None:
    """Only the move is tried again, and meanwhile the link has a problem."""

    async def scenario() -> None:
        store = Store()
        async with opened(tmp_path, store) as channel:
            (tmp_path / "in" / "done").rmdir()
            (tmp_path / "in" / "done").write_text("in the way")
            put(tmp_path / "in", a=b"FIRST")
            await until(lambda: "cannot be read or moved" in (channel.problem() or ""))
            (tmp_path / "in" / "done").unlink()
            await until(lambda: names(tmp_path / "in" / "done") == ["a"])
            await until(lambda: channel.problem() is None)
            assert texts(store) == ["FIRST"]

    run(scenario)


def test_two_processes_on_one_spool_give_each_text_the_same_source(tmp_path: Path) -> None:
    """Whoever stores it, it is one arrival, and its file is put away once."""

    async def scenario() -> None:
        store = Store()
        async with opened(tmp_path, store), opened(tmp_path, store):
            put(tmp_path / "in", **{f"{number:02d}": f"TEXT {number}".encode() for number in range(40)})
            await until(lambda: len(names(tmp_path / "in" / "done")) >= 40 and names(tmp_path / "in") == [])
        assert len({arrival.source for arrival in store.arrivals}) == 40
        assert names(tmp_path / "in" / "done") == [f"{number:02d}" for number in range(40)]

    run(scenario)


def test_what_was_put_away_long_ago_goes(tmp_path: Path) -> None:
    """Its text is stored. What was not taken as text stays, since it stands nowhere else, and so does what came later."""
    now = time.time()

    async def scenario() -> None:
        store = Store()
        async with opened(tmp_path, store):
            put(tmp_path / "in", a=b"FIRST", big=b"x" * (LIMIT + 1))
            (tmp_path / "in" / "link").symlink_to(tmp_path / "elsewhere")
            await store.holds(3)
            await until(lambda: names(tmp_path / "in") == [])
        channel = SpoolChannel(tmp_path, poll=0.005, sweep=lambda: now - 60.0)
        await channel._sweep_in()
        assert names(tmp_path / "in" / "done") == ["a"], "it came later"
        channel = SpoolChannel(tmp_path, poll=0.005, sweep=lambda: now + 60.0)
        await channel._sweep_in()
        assert names(tmp_path / "in" / "done") == []
        assert names(tmp_path / "in" / "unmatched") == ["big", "link"]
        put(tmp_path / "in" / "done", again=b"FIRST")
        await channel._sweep_in()
        assert names(tmp_path / "in" / "done") == ["again"], "it looks once an hour"

    run(scenario)
