import asyncio
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.dispatch.channel import Arrival
from app.dispatch.channels import tcp_journal
from app.dispatch.channels.tcp import TcpChannel
from app.dispatch.channels.tcp_arrivals import Arrivals
from app.dispatch.channels.tcp_journal import Journal
from app.errors import BadSetting, Unavailable
from tests.dispatch.channels.conftest import Scenario
from tests.dispatch.channels.folder import names
from tests.dispatch.channels.link import Bare, Store, fates, message, running, until, up

InLoop = Callable[[Scenario], None]

FIRST, SECOND, THIRD = (
    Arrival(f"tcp:{word}", f"SM.NL0000000 TXT {word}", f"tcp:a:{word}") for word in ("FIRST", "SECOND", "THIRD")
)

_DIES = """
import os, signal, sys
from pathlib import Path
from app.dispatch.channel import Arrival
from app.dispatch.channels.tcp_journal import Journal
with Journal(Path(sys.argv[1])) as journal:
    kept = [journal.keep(Arrival(f"tcp:{word}", f"SM.NL0000000 TXT {word}", f"tcp:a:{word}")) for word in ("FIRST", "SECOND", "THIRD")]
    journal.stored(kept[0])
    print("kept", flush=True)
    if sys.stdin.readline():
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_had_not_stored_is_taken_over_once(tmp_path: Path) -> None:
    """Its file is another's business as long as it lives, and nobody's once it is taken over."""
    with (
        subprocess.Popen([sys.executable, "-c", _DIES, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as dying,
        Journal(tmp_path) as journal,
    ):
        assert dying.stdout is not None
        assert dying.stdout.readline() == b"kept\n"
        assert journal.take_over() == []
        dying.communicate(b"die\n")
        assert dying.returncode == -signal.SIGKILL
        taken = journal.take_over()
        assert [kept.arrival for kept in taken] == [SECOND, THIRD]
        assert journal.take_over() == []
        for kept in taken:
            journal.stored(kept)
    assert names(tmp_path) == []


def test_a_text_taken_over_is_kept_until_it_is_stored(tmp_path: Path) -> None:
    """A second crash before that changes nothing: it is in the files of who took it over."""
    with Journal(tmp_path) as journal:
        journal.keep(FIRST)
    for _ in range(3):
        with Journal(tmp_path) as journal:
            assert [kept.arrival for kept in journal.take_over()] == [FIRST]


def test_no_file_of_the_journal_grows_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new one is begun when one is full, and the old one goes once all in it is stored, in whatever order."""
    monkeypatch.setattr(tcp_journal, "_FULL", 200)
    with Journal(tmp_path) as journal:
        kept = [journal.keep(Arrival(f"tcp:{number}", "SM.NL0000000 TXT " + "X" * 80)) for number in range(50)]
        assert len(names(tmp_path)) == 25
        for each in (*kept[1:], kept[0]):
            journal.stored(each)
        assert len(names(tmp_path)) == 1
        assert sum(file.stat().st_size for file in tmp_path.iterdir()) == 0


def test_a_line_that_a_power_cut_has_torn_takes_no_other_with_it(tmp_path: Path) -> None:
    """The texts before it are taken over."""
    with Journal(tmp_path) as journal:
        journal.keep(FIRST)
        journal.keep(SECOND)
        journal.sync()
    [file] = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-9])
    with Journal(tmp_path) as journal:
        assert [kept.arrival for kept in journal.take_over()] == [FIRST]


def test_a_disk_that_takes_nothing_more_refuses_no_text(tmp_path: Path) -> None:
    """The text waits in memory alone, half a line of it stays nowhere, and what comes once there is room is kept again."""
    with Journal(tmp_path) as journal:
        journal.keep(FIRST)
        [file] = tmp_path.iterdir()
        with _no_more_than(file.stat().st_size + 10):
            assert journal.keep(SECOND).arrival == SECOND
            problem = journal.problem
        journal.keep(THIRD)
        assert (problem, journal.problem) == ("texts from the network wait in memory alone: File too large", None)
    with Journal(tmp_path) as journal:
        assert [kept.arrival for kept in journal.take_over()] == [FIRST, THIRD]


def test_what_was_left_stays_where_it_is_while_the_disk_takes_nothing(tmp_path: Path) -> None:
    """Its old file goes only once every text in it has another; until then nothing is taken twice."""
    with Journal(tmp_path) as journal:
        journal.keep(FIRST)
        journal.keep(SECOND)
    [old] = tmp_path.iterdir()
    with Journal(tmp_path) as journal:
        with _no_more_than(old.stat().st_size - 10):
            taken = journal.take_over()
        assert (taken, old.exists()) == ([], True)
        assert [kept.arrival for kept in journal.take_over()] == [FIRST, SECOND]
        assert not old.exists()


def test_what_was_left_is_taken_in_the_order_it_came(tmp_path: Path) -> None:
    """Files are read in the order they were begun, however the processes that left them were numbered."""
    with ExitStack() as left:
        for text in (THIRD, FIRST, SECOND):
            left.enter_context(Journal(tmp_path)).keep(text)
    with Journal(tmp_path) as journal:
        assert [kept.arrival for kept in journal.take_over()] == [THIRD, FIRST, SECOND]


def test_files_that_are_no_journal_stop_nobody(tmp_path: Path) -> None:
    """One that cannot be opened is told and left; lines that are not ours are passed over."""
    (tmp_path / "1.texts").mkdir()
    (tmp_path / "2.texts").write_text('7\n{"a": 1}\n[3, "source"]\nnonsense\n')
    (tmp_path / "2.texts").chmod(0o600)
    with Journal(tmp_path) as journal:
        assert journal.take_over() == []
    assert [path.name for path in tmp_path.iterdir()] == ["1.texts"]


def test_texts_wait_for_their_owner_alone(tmp_path: Path) -> None:
    """They are about people: the folder and its files are for this user alone."""
    with Journal(tmp_path / "var" / "arrivals") as journal:
        journal.keep(FIRST)
        [file] = (tmp_path / "var" / "arrivals").iterdir()
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_used_is_told_at_start(tmp_path: Path) -> None:
    """Found when the first text comes, it would be found too late."""
    (tmp_path / "file").write_text("")
    with pytest.raises(BadSetting, match=r"LENS_ARRIVALS_DIR: the folder .*file/arrivals cannot be written: Not a directory"):
        Journal(tmp_path / "file" / "arrivals")


def test_what_waited_for_the_store_is_stored_by_the_next_process(in_loop: InLoop, tmp_path: Path) -> None:
    """In order, before anything that comes later."""
    with Journal(tmp_path) as journal:
        journal.keep(FIRST)
        journal.keep(SECOND)

    async def scenario() -> None:
        store = Store()
        async with Bare() as bare, running(_channel(bare.address, tmp_path), store) as channel:
            await up(channel)
            bare.say(THIRD.text)
            await store.holds(3)
            assert [arrival.text for arrival in store.arrivals] == [FIRST.text, SECOND.text, THIRD.text]
            await until(lambda: not sum(file.stat().st_size for file in tmp_path.iterdir()))
        assert names(tmp_path) == []

    in_loop(scenario)


def test_the_link_is_let_go_of_while_texts_cannot_be_stored(in_loop: InLoop, tmp_path: Path) -> None:
    """What is under way is waited for, nothing else is sent, and once the text is stored the link is up again."""

    async def scenario() -> None:
        store = Store()
        store.open_.clear()
        async with Bare() as bare, running(_channel(bare.address, tmp_path), store) as channel:
            await up(channel)
            sending = asyncio.create_task(channel.send([message(1)]))
            await bare.has_heard(1)
            bare.say(FIRST.text)
            await until(lambda: channel.problem() is not None)
            assert fates(await channel.send([message(2)])) == ["unsent"]
            bare.say("ACK LN00000001")
            assert fates(await sending) == ["taken"]
            await until(lambda: "LENS has let go of it" in (channel.problem() or ""))
            assert bare.connections == 1
            store.open_.set()
            await up(channel)
            assert [arrival.text for arrival in store.arrivals] == [FIRST.text]
            assert bare.connections == 2

    in_loop(scenario)


def test_a_text_that_alone_cannot_be_stored_keeps_the_link(in_loop: InLoop, tmp_path: Path) -> None:
    """A fault of the program with one text is no reason to hear no others, nor to send nothing."""

    async def scenario() -> None:
        store = Store(fail=[ValueError("a fault of the program")] * 5)
        async with Bare() as bare, running(_channel(bare.address, tmp_path), store) as channel:
            await up(channel)
            bare.say(FIRST.text)
            await store.holds(1)
            assert bare.connections == 1
            assert len(store.tries) == 6

    in_loop(scenario)


def test_a_store_that_says_it_is_away_has_the_link_let_go_of_at_once(in_loop: InLoop, tmp_path: Path) -> None:
    """There is nothing to wait for."""

    async def scenario() -> None:
        store = Store(fail=[Unavailable()])
        async with Bare() as bare, running(_channel(bare.address, tmp_path, patience=60.0), store) as channel:
            await up(channel)
            bare.say(FIRST.text)
            await store.holds(1)
            await until(lambda: bare.connections == 2)

    in_loop(scenario)


@contextmanager
def _no_more_than(size: int) -> Iterator[None]:
    """No file of this process may grow beyond so many bytes; Python ignores the signal, so a write is short and the next one fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _channel(address: str, folder: Path, patience: float = 0.1) -> TcpChannel:
    arrivals = Arrivals(Journal(folder), store_again=0.01, patience=patience)
    return TcpChannel(address, 5.0, retry=(0.01, 0.05), arrivals=arrivals)


def test_a_line_planted_in_an_open_folder_is_not_believed(tmp_path: Path) -> None:
    """Who can write in the folder could speak as the network, so it is not used until it is closed again."""
    folder = tmp_path / "arrivals"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(BadSetting, match=f"LENS_ARRIVALS_DIR: {folder} can be changed by other accounts.*chmod go-w"):
        Journal(folder)
    folder.chmod(0o755)
    with Journal(folder):
        assert folder.stat().st_mode & 0o777 == 0o700, "what others could only read is closed"


def test_a_file_that_another_account_could_have_written_is_left_alone(tmp_path: Path) -> None:
    """A planted file has not the mode that LENS gives its own; nor is a link followed. Each is told once."""
    planted, link = tmp_path / f"000000000001-1-aa{tcp_journal._END}", tmp_path / f"000000000002-1-bb{tcp_journal._END}"
    planted.write_text('[1, "tcp:x", "SM.NL0000000 TXT NLETS IN SERVICE"]\n')
    planted.chmod(0o644)
    link.symlink_to(planted)
    with Journal(tmp_path) as journal, capture_logs() as said:
        assert journal.take_over() == journal.take_over() == []
        assert [line["file"] for line in said if line["event"] == "arrivals_not_believed"] == [planted.name]
        planted.chmod(0o600)
        assert [kept.arrival.source for kept in journal.take_over()] == ["tcp:x"]
    assert link.is_symlink()
