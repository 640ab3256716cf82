import asyncio
import fcntl
import os
import resource
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.dispatch.channel import Outgoing
from app.dispatch.channels.frames import LIMIT
from app.dispatch.channels.spool import SpoolChannel
from app.dispatch.channels.spool_in import In
from app.errors import Unavailable
from tests.dispatch.channels.link import Store, fates, message, until


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    """Runs a scenario for 20 seconds at the most."""

    async def bounded() -> None:
        async with asyncio.timeout(20):
            await scenario()

    asyncio.run(bounded())


@asynccontextmanager
async def opened(spool: Path, store: Store | None = None) -> AsyncIterator[SpoolChannel]:
    """A spool channel with its `run` going on."""
    channel = SpoolChannel(spool, poll=0.005, store_again=0.01)
    task = asyncio.create_task(channel.run(store or Store()))
    try:
        await until(lambda: channel.problem() is None)
        yield channel
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def names(folder: Path) -> list[str]:
    """The names in a folder, those that begin with a dot too, but no folders."""
    return sorted(path.name for path in folder.iterdir() if not path.is_dir()) if folder.exists() else []


def test_a_message_becomes_a_file_with_its_very_bytes(tmp_path: Path) -> None:
    """`.am` for legacy, `.xml` for NIEM, nothing else left in the folder, and the folders are the owner's alone."""

    async def scenario() -> None:
        xml = Outgoing("LN00000002", "niem", "<a>Ü</a>".encode())
        async with opened(tmp_path / "spool") as channel:
            assert fates(await channel.send([message(1), xml])) == ["taken", "taken"]
        out = tmp_path / "spool" / "out"
        assert names(out) == ["LN00000001.am", "LN00000002.xml"]
        assert (out / "LN00000001.am").read_bytes() == message(1).payload
        assert (out / "LN00000002.xml").read_bytes() == xml.payload
        for folder in (tmp_path / "spool", out, tmp_path / "spool" / "in" / "done", tmp_path / "spool" / "in" / "unmatched"):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((out / "LN00000001.am").stat().st_mode) == 0o600

    run(scenario)


def test_a_long_batch_and_many_senders_all_get_their_own_receipts(tmp_path: Path) -> None:
    """Sends that wait together are written together, and each is told of its own."""

    async def scenario() -> None:
        async with opened(tmp_path) as channel:
            batches = [[message(1000 * lane + number) for number in range(150 if lane == 0 else 3)] for lane in range(20)]
            answers = await asyncio.gather(*(channel.send(batch) for batch in batches))
            assert [len(receipts) for receipts in answers] == [len(batch) for batch in batches]
            for batch, receipts in zip(batches, answers, strict=True):
                assert [receipt.cause for receipt in receipts] == [f"written to out/{one.message_id}.am" for one in batch]
            assert len(names(tmp_path / "out")) == 150 + 19 * 3

    run(scenario)


def test_sent_again_a_message_is_one_file(tmp_path: Path) -> None:
    """The bytes that are there already are left there; a file with other bytes is replaced."""

    async def scenario() -> None:
        async with opened(tmp_path) as channel:
            await channel.send([message(1)])
            before = (tmp_path / "out" / "LN00000001.am").stat().st_ino
            (again,) = await channel.send([message(1)])
            assert (again.fate, again.cause) == ("taken", "out/LN00000001.am was there already")
            assert (tmp_path / "out" / "LN00000001.am").stat().st_ino == before
            (tmp_path / "out" / "LN00000001.am").write_bytes(b"half")
            assert fates(await channel.send([message(1), message(1)])) == ["taken", "taken"]
            assert (tmp_path / "out" / "LN00000001.am").read_bytes() == message(1).payload
            assert names(tmp_path / "out") == ["LN00000001.am"]

    run(scenario)


def test_what_a_crash_left_half_written_is_cleared_but_not_what_is_being_written(tmp_path: Path) -> None:
    """A temporary file nobody holds is an orphan; one that another process holds is not."""

    async def scenario() -> None:
        async with opened(tmp_path):
            pass
        (tmp_path / "out" / ".LN00000001.am.dead-1.tmp").write_bytes(b"half")
        living = os.open(tmp_path / "out" / ".LN00000002.am.live-1.tmp", os.O_CREAT | os.O_WRONLY)
        fcntl.flock(living, fcntl.LOCK_EX)
        async with opened(tmp_path):
            assert names(tmp_path / "out") == [".LN00000002.am.live-1.tmp"]
        os.close(living)

    run(scenario)


def test_one_message_that_cannot_be_written_holds_up_its_lane_only(tmp_path: Path) -> None:
    """No message of its batch overtakes it; other batches go on, and the link as a whole has no problem."""

    async def scenario() -> None:
        async with opened(tmp_path) as channel:
            (tmp_path / "out" / "LN00000002.am").mkdir()
            first, second = await asyncio.gather(
                channel.send([message(1), message(2), message(3)]), channel.send([message(4), message(5)])
            )
            assert (fates(first), fates(second)) == (["taken", "unsent", "unsent"], ["taken", "taken"])
            assert first[1].cause == "the file could not be written to out/: Is a directory"
            assert names(tmp_path / "out") == ["LN00000001.am", "LN00000004.am", "LN00000005.am"]
            assert channel.problem() is None

    run(scenario)


def test_a_full_disk_is_unsent_says_why_and_heals_by_itself(tmp_path: Path) -> None:
    """Nothing counts as taken, nothing half written is left, and once there is room sending goes on."""

    async def scenario() -> None:
        async with opened(tmp_path) as channel:
            soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
            try:
                with capture_logs():  # the limit is the whole process's, its log's too
                    assert fates(await channel.send([message(1), message(2)])) == ["unsent", "unsent"]
                    assert channel.problem() == "out/ cannot be written: File too large"
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            assert names(tmp_path / "out") == []
            await until(lambda: channel.problem() is None)
            assert fates(await channel.send([message(1)])) == ["taken"]

    run(scenario)


def test_a_folder_that_is_gone_is_made_again(tmp_path: Path) -> None:
    """An operator who clears the spool does not stop the service."""

    async def scenario() -> None:
        async with opened(tmp_path / "spool") as channel:
            (tmp_path / "spool" / "out").rmdir()
            (receipt,) = await channel.send([message(1)])
            assert receipt.fate == "unsent"
            assert channel.problem() == "out/ cannot be written: No such file or directory"
            await until(lambda: channel.problem() is None)
            assert fates(await channel.send([message(1)])) == ["taken"]

    run(scenario)


def test_a_spool_that_cannot_be_made_is_a_problem_until_it_can(tmp_path: Path) -> None:
    """Where a file stands in the way, nothing is sent and the reason is said."""

    async def scenario() -> None:
        (tmp_path / "spool").write_text("in the way")
        channel = SpoolChannel(tmp_path / "spool", poll=0.005)
        assert channel.problem() == "the spool is not open yet"
        task = asyncio.create_task(channel.run(Store()))
        await until(lambda: "cannot be made" in (channel.problem() or ""))
        assert fates(await channel.send([message(1)])) == ["unsent"]
        (tmp_path / "spool").unlink()
        await until(lambda: channel.problem() is None)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(scenario)


def test_a_message_id_that_is_no_file_name_is_refused(tmp_path: Path) -> None:
    """No message can be written outside the folder."""
    with pytest.raises(ValueError, match="letters and digits"):
        asyncio.run(SpoolChannel(tmp_path).send([Outgoing("../x", "legacy", b"x")]))


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
