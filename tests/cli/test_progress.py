import subprocess
import sys

import pytest

from tests.cli.programs import ROOT

WORKING = "from app.cli.progress import working\nwith working('Publishing'): pass"
COUNTING = "from app.cli.progress import counting\nwith counting('releases decided') as tell: tell(1234)"


@pytest.mark.parametrize(("program", "words"), [(WORKING, b"Publishing"), (COUNTING, b"1,234 releases decided")])
def test_progress_is_shown_on_a_terminal_and_nowhere_else(program: str, words: bytes) -> None:
    """On standard error, so that what a command answers can go into a file.

    The terminal is a pipe that is said to be as good as one: not every machine that runs this has one to give.
    """
    command, env = [sys.executable, "-c", program], {"PYTHONPATH": str(ROOT), "TERM": "xterm"}
    shown = subprocess.run(command, env=env | {"TTY_COMPATIBLE": "1"}, capture_output=True, check=True)
    assert (shown.stdout, words in shown.stderr) == (b"", True)
    piped = subprocess.run(command, env=env, capture_output=True, check=True)
    assert (piped.stdout, piped.stderr) == (b"", b"")
