import os
import pty
import subprocess
import sys

import pytest

from tests.cli.programs import ROOT

WORKING = "from app.cli.progress import working\nwith working('Publishing'): pass"
COUNTING = "from app.cli.progress import counting\nwith counting('releases decided') as tell: tell(1234)"


@pytest.mark.parametrize(("program", "words"), [(WORKING, b"Publishing"), (COUNTING, b"1,234 releases decided")])
def test_progress_is_shown_on_a_terminal_and_nowhere_else(program: str, words: bytes) -> None:
    """On standard error, so that what a command answers can go into a file."""
    ours, theirs = pty.openpty()
    env = {"PYTHONPATH": str(ROOT), "TERM": "xterm"}
    command = [sys.executable, "-c", program]
    assert subprocess.run(command, env=env, stderr=theirs, stdout=subprocess.PIPE, check=True).stdout == b""
    os.close(theirs)
    seen = b""
    while words not in seen:
        seen += os.read(ours, 65536)
    os.close(ours)
    piped = subprocess.run(command, env=env, capture_output=True, check=True)
    assert (piped.stdout, piped.stderr) == (b"", b"")
