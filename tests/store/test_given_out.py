import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from app.errors import BadSetting
from app.store.database.engine import Store
from app.store.database.reading import look
from app.store.upkeep.given_out import GivenOut, behind, count_given_out, last_number, store_name
from app.store.upkeep.recovery import recover
from tests.store.invented import accept, acceptance, run


def test_the_highest_number_of_all_processes_is_kept(tmp_path: Path) -> None:
    """Whoever is behind writes over nobody who is ahead; each store has a file of its own, for this account alone."""
    folder = tmp_path / "spool"
    first, second = GivenOut(folder, "a"), GivenOut(folder, "a")
    assert first.highest() == 0
    first.note(12)
    second.note(7)
    assert (first.highest(), second.highest(), GivenOut(folder, "b").highest()) == (12, 12, 0)
    second.note(10**12)
    first.note(13)
    first.sync()
    assert first.highest() == 10**12
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "numbers-a")] == [0o700, 0o600]


@given(st.lists(st.integers(1, 10**12), min_size=1), st.data())
def test_in_whatever_order_processes_note_the_highest_stands(numbers: list[int], data: st.DataObject) -> None:
    """After each note the file says the highest so far, and never less."""
    with tempfile.TemporaryDirectory() as folder:
        processes = [GivenOut(Path(folder), "a") for _ in range(3)]
        for place, number in enumerate(numbers):
            data.draw(st.sampled_from(processes)).note(number)
            assert processes[0].highest() == max(numbers[: place + 1])


def test_a_number_outlives_its_process(tmp_path: Path) -> None:
    """Noted is noted, also where the process is killed in the next moment."""
    program = (
        "import os, sys; from pathlib import Path; from app.store.upkeep.given_out import GivenOut;"
        "GivenOut(Path(sys.argv[1]), 'a').note(4711); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False).returncode == -9
    assert GivenOut(tmp_path, "a").highest() == 4711


def test_what_cannot_be_kept_is_told_once_and_stops_nothing(tmp_path: Path) -> None:
    """A fault here must not keep notices from going out."""
    (tmp_path / "spool").write_text("in the way")
    numbers = GivenOut(tmp_path / "spool", "a")
    with capture_logs() as said:
        numbers.note(1)
        numbers.note(2)
        (tmp_path / "spool").unlink()
        numbers.note(3)
    assert [line["event"] for line in said] == ["numbers_not_kept", "numbers_kept_again"]
    assert numbers.highest() == 3


@pytest.mark.parametrize("content", [b"", b"many", b"12 13"])
def test_a_file_that_holds_no_number_is_told(tmp_path: Path, content: bytes) -> None:
    """It is not taken for a store that has given out nothing."""
    (tmp_path / "numbers-a").write_bytes(content)
    with pytest.raises(BadSetting, match=r"holds no number.*Remove it, then run `lens db recovered`"):
        GivenOut(tmp_path, "a").highest()


def test_a_store_is_behind_only_when_it_has_given_out_less() -> None:
    """The words name the numbers and what to do."""
    assert (behind(0, 0), behind(5, 5), behind(5, 6)) == (None, None, None)
    assert "LN00000005 was, and its last is LN00000004" in (behind(5, 4) or "")
    assert "its last is none" in (behind(5, 0) or "")


def test_a_recovered_store_is_beyond_every_number_known(store: Store) -> None:
    """Also where more was given out than numbers are skipped."""
    accept(store, acceptance("EX-1"))
    assert (run(store, count_given_out, None), look(store, last_number)) == ([2], 2)
    assert len(look(store, store_name)) == 16
    assert recover(store, 10, given_out=5000).next_number > 5000
    assert behind(5000, look(store, last_number)) is None
