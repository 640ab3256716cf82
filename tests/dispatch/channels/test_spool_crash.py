import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("side", ["out", "in"])
def test_a_spool_that_dies_at_any_point_loses_and_doubles_nothing(tmp_path: Path, side: str) -> None:
    """Killed before each of its calls into the operating system in turn, then started again: each message and text is there once."""
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("dying_spool.py"), side, tmp_path],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.splitlines()[-1]) > 40
