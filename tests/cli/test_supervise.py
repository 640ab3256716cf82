"""What a process under a supervisor says when it cannot start."""

import pytest
from structlog.testing import capture_logs

from app.errors import Unavailable
from app.running.supervise import _under_watch


def _start(words: str) -> None:
    raise Unavailable(words)


def test_a_process_that_cannot_start_says_why_without_a_trace() -> None:
    """A database that is away is no fault of the program; the supervisor starts the process again."""
    with capture_logs() as logged, pytest.raises(SystemExit) as ended:
        _under_watch(_start, ("The database does not answer.",))
    assert ended.value.code == 1
    assert [(line["event"], line["cause"]) for line in logged] == [("process_failed", "The database does not answer.")]
