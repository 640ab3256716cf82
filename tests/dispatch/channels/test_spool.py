import asyncio
import errno
import fcntl
import os
import resource
import stat
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.dispatch.channel import Outgoing
from app.dispatch.channels import naming, spool_out
from app.dispatch.channels.spool import SpoolChannel
from app.errors import BadSetting
from tests.dispatch.channels.folder import names, opened, run
from tests.dispatch.channels.link import Store, fates, message, until


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
    """The bytes that are there already are left there."""

    async def scenario() -> None:
        async with opened(tmp_path) as channel:
            await channel.send([message(1)])
            before = (tmp_path / "out" / "LN00000001.am").stat().st_ino
            (again,) = await channel.send([message(1)])
            assert (again.fate, again.cause) == ("taken", "out/LN00000001.am was there already")
            assert (tmp_path / "out" / "LN00000001.am").stat().st_ino == before
            assert fates(await channel.send([message(1), message(1)])) == ["taken", "taken"]
            assert names(tmp_path / "out") == ["LN00000001.am"]

    run(scenario)


@pytest.mark.parametrize("name", ["LN00000001.am", "LN00000001.xml"])
def test_a_file_in_out_is_never_replaced_by_other_words(tmp_path: Path, name: str) -> None:
    """Its number was used before: that is told once with what to do, and stays so when the gateway has taken the file."""

    async def scenario() -> None:
        async with opened(tmp_path) as channel:
            file = tmp_path / "out" / name
            file.write_bytes(b"another notice")
            with capture_logs() as said:
                assert fates(await channel.send([message(1), message(2)])) == ["later", "unsent"]
                (receipt,) = await channel.send([message(1)])
            assert "this number was used before: run `lens db recovered`" in receipt.cause
            assert [line["message"] for line in said] == ["LN00000001"]
            assert said[0]["cause"] == receipt.cause
            assert (file.read_bytes(), names(file.parent)) == (b"another notice", [name])
            assert fates(await channel.send([message(2)])) == ["taken"], "other lanes go on"
            file.unlink()
            assert fates(await channel.send([message(1)])) == ["later"], "the network has had the number"

    run(scenario)


@pytest.mark.parametrize("payload", [b"other words", None])
@pytest.mark.parametrize("way", ["renameat2", "link"])
def test_a_name_that_is_taken_meanwhile_is_not_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, payload: bytes | None
) -> None:
    """Between the look and the renaming another process may have written it: the same bytes are fine, others stay."""
    if way == "link":
        monkeypatch.setattr(naming, "_RENAME", None)
    out = spool_out.Out(tmp_path)
    draft = out._draft(message(1))
    there = message(1).payload if payload is None else payload
    (tmp_path / "LN00000001.am").write_bytes(there)
    assert out._give_name(draft).fate == ("taken" if payload is None else "later")
    assert (tmp_path / "LN00000001.am").read_bytes() == there
    assert names(tmp_path) == ["LN00000001.am"]
    os.close(draft.fd or 0)


@pytest.mark.parametrize("way", ["renameat2", "link"])
def test_a_file_gets_its_name_on_every_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """Where the system call for it is missing, a link does the same."""
    if way == "link":
        monkeypatch.setattr(naming, "_RENAME", None)
    assert [[receipt.fate for receipt in spool_out.Out(tmp_path).write([[message(1)]])[0]]] == [["taken"]]
    assert names(tmp_path) == ["LN00000001.am"]
    assert (tmp_path / "LN00000001.am").stat().st_nlink == 1


@pytest.mark.parametrize("part", ["", "out", "in", "in/done"])
def test_a_spool_that_anybody_can_change_stops_the_start(tmp_path: Path, part: str) -> None:
    """A file planted in it would be believed, so the channel is not made, and says how to fix it."""
    folder = tmp_path / "spool" / part
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    with pytest.raises(BadSetting, match=f"LENS_SPOOL_DIR: {folder} can be changed by other accounts.*chmod o-w"):
        SpoolChannel(tmp_path / "spool")


def test_a_text_is_not_believed_while_anybody_could_have_put_it_there(tmp_path: Path) -> None:
    """A folder that is opened to everybody later stops taking and sending, until it is closed again."""

    async def scenario() -> None:
        store = Store()
        async with opened(tmp_path, store) as channel:
            (tmp_path / "in").chmod(0o777)
            await until(lambda: "can be changed by other accounts" in (channel.problem() or ""))
            (tmp_path / "in" / "planted").write_text("SM.NL0000000\nTXT\nNLETS IN SERVICE")
            for _ in range(3):
                await channel._hand_over(store)
            assert store.tries == []
            (tmp_path / "in" / "planted").unlink()
            (tmp_path / "in").chmod(0o700)
            await until(lambda: channel.problem() is None)

    run(scenario)


@pytest.mark.parametrize(("before", "after", "file"), [(0o755, 0o700, 0o600), (0o2775, 0o2770, 0o640), (0o770, 0o770, 0o640)])
def test_a_gateway_may_have_an_account_of_its_own(tmp_path: Path, before: int, after: int, file: int) -> None:
    """A folder that lets its group in keeps it, with files it can read; to all others, and where it was not meant, it is closed."""
    for folder in (tmp_path / "spool", tmp_path / "spool" / "out"):
        folder.mkdir()
        folder.chmod(before)

    async def scenario() -> None:
        async with opened(tmp_path / "spool") as channel:
            assert fates(await channel.send([message(1)])) == ["taken"]

    run(scenario)
    assert stat.S_IMODE((tmp_path / "spool" / "out").stat().st_mode) == after
    assert stat.S_IMODE((tmp_path / "spool" / "out" / "LN00000001.am").stat().st_mode) == file


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


def test_another_process_that_starts_clears_nothing_that_is_being_written(tmp_path: Path) -> None:
    """What is between its temporary name and its own is locked by who writes it."""
    writing = spool_out.Out(tmp_path)
    draft = writing._draft(message(1))
    assert spool_out.Out(tmp_path).sweep() == 0
    assert writing._give_name(draft).fate == "taken"
    assert names(tmp_path) == ["LN00000001.am"]
    os.close(draft.fd or 0)


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
                with capture_logs() as said:  # the limit is the whole process's, its log's too
                    for _ in range(3):
                        assert fates(await channel.send([message(1), message(2)])) == ["unsent", "unsent"]
                    assert channel.problem() == "out/ cannot be written: File too large"
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            assert names(tmp_path / "out") == []
            with capture_logs() as said_later:
                await until(lambda: channel.problem() is None)
            assert fates(await channel.send([message(1)])) == ["taken"]
            begun = {"folder": "out", "cause": "out/ cannot be written: File too large", "message": "LN00000001"}
            assert said == [{"event": "spool_failed", "log_level": "warning", **begun}]
            ended = {"event": "spool_works_again", "log_level": "warning", "folder": "out", "was": begun["cause"]}
            assert said_later == [ended]

    run(scenario)


def test_what_may_not_be_on_the_disk_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files are there, but their names may be gone after a power cut: they are sent again, flagged."""

    def broken(_: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    async def scenario() -> None:
        async with opened(tmp_path) as channel:
            with monkeypatch.context() as disk:
                disk.setattr(spool_out, "sync_folder", broken)
                found = await channel.send([message(1), message(2)])
            assert fates(found) == ["unknown", "unknown"]
            assert found[0].cause == "written to out/, but the folder cannot be synced: Input/output error"
            assert fates(await channel.send([message(1), message(2)])) == ["taken", "taken"]

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
