import os
import time
from pathlib import Path

import pytest

from app.dispatch.channels import spool_watch
from app.dispatch.channels.spool_watch import SpoolWatch, Waiting


@pytest.fixture(autouse=True)
def each_look_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was seen a moment ago is not told again here."""
    monkeypatch.setattr(spool_watch, "_LOOK_EVERY", 0.0)


def put(out: Path, name: str, age: float) -> None:
    """A file of this age, in seconds."""
    (out / name).write_bytes(b"x")
    written = (out / name).stat().st_mtime - age
    os.utime(out / name, (written, written))


def test_the_oldest_file_that_nobody_takes_is_told(tmp_path: Path) -> None:
    """Only messages count, and only one that is older than it may be is a problem."""
    watch = SpoolWatch(tmp_path, 600.0, time.time)
    assert (watch.look(), watch.problem()) == (Waiting(0, 0.0), None)
    out = tmp_path / "out"
    out.mkdir()
    assert watch.look() == Waiting(0, 0.0)
    put(out, ".LN00000009.am.a-1.tmp", 5000.0)
    (out / "folder").mkdir()
    put(out, "LN00000001.am", 599.0)
    put(out, "LN00000002.xml", -30.0)
    assert watch.look().files == 2
    assert watch.problem() is None
    put(out, "LN00000001.am", 3600.0)
    assert watch.problem() == "the gateway takes nothing: the oldest of 2 in out/ has waited for 60 minutes"
    (out / "LN00000001.am").unlink()
    assert (watch.look(), watch.problem()) == (Waiting(1, 0.0), None)


def test_many_who_ask_look_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of a hundred thousand files is not read for every scrape."""
    monkeypatch.setattr(spool_watch, "_LOOK_EVERY", 3600.0)
    watch = SpoolWatch(tmp_path, 600.0, time.time)
    assert watch.look().files == 0
    (tmp_path / "out").mkdir()
    put(tmp_path / "out", "LN00000001.am", 0.0)
    assert watch.look().files == 0


def test_an_out_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """It is not taken for an empty one."""
    (tmp_path / "out").write_text("in the way")
    assert SpoolWatch(tmp_path, 600.0, time.time).problem() == "out/ cannot be read: Not a directory"
