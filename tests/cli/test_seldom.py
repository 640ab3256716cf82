import contextlib

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from app.running.seldom import REPEATED, Seldom


def test_a_full_disk_is_said_once_a_minute() -> None:
    """799 failed writes in eight seconds are one line; the next says how many were left out."""
    now = 0.0
    seldom = Seldom(lambda: now)
    written = []
    for _ in range(799):
        with contextlib.suppress(structlog.DropEvent):
            written.append(dict(seldom(None, "error", {"event": "write_failed", "cause": "disk full"})))
        now += 0.01
    now = 60.0
    written.append(dict(seldom(None, "error", {"event": "write_failed", "cause": "disk full"})))
    said = {"event": "write_failed", "cause": "disk full"}
    assert written == [said, {**said, "left_out": 798}]


def test_another_cause_is_another_line() -> None:
    """A fault that becomes another is told at once."""
    seldom = Seldom(lambda: 0.0)
    for cause in ("disk full", "read-only"):
        assert seldom(None, "error", {"event": "write_failed", "cause": cause})["cause"] == cause
    with pytest.raises(structlog.DropEvent):
        seldom(None, "error", {"event": "write_failed", "cause": "disk full"})


@given(st.text().filter(lambda event: event not in REPEATED), st.integers(2, 5))
def test_everything_else_is_written_each_time(event: str, times: int) -> None:
    """A message that dies, a release, a refusal: none is left out."""
    seldom = Seldom(lambda: 0.0)
    for _ in range(times):
        assert seldom(None, "error", {"event": event, "cause": "same"}) == {"event": event, "cause": "same"}
