import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.programs import ROOT, Program, client, release, until


def children_of(pid: int) -> dict[int, str]:
    """The processes started by a process, with their command lines."""
    found = {}
    for folder in Path("/proc").iterdir():
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid:
                found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        except (OSError, ValueError):
            continue
    return {pid: line for pid, line in found.items() if "resource_tracker" not in line}


def is_there(pid: int) -> bool:
    """Whether a process is alive (and not merely unburied)."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ask(api: httpx.Client, path: str) -> int:
    """The status of an answer; 0 when there is none."""
    try:
        return api.get(path).status_code
    except httpx.TransportError:
        return 0


def test_several_processes_share_a_socket_and_are_watched_over(tmp_path: Path) -> None:
    """Requests go through and messages go out with two API processes; one that is killed is replaced; all end together."""
    with Program(tmp_path, ["serve", "--port", "0", "--workers", "2"]) as program, client(program.url()) as api:
        assert api.post("/v1/releases", content=release("W-1")).status_code == 201
        until(lambda: all(message["status"] == "sent" for message in api.get("/v1/messages").json()["items"]))
        until(lambda: ask(api, "/readyz") == 200)
        until(lambda: 'lens_attempts_total{fate="taken"} 2.0' in api.get("/metrics").text)  # as the dispatcher process tells
        first = children_of(program.process.pid)
        assert len(first) == 3
        for child in first:
            os.kill(child, signal.SIGKILL)
        until(lambda: len(set(children_of(program.process.pid)) - set(first)) == 3)
        until(lambda: ask(api, "/readyz") == 200)
        assert api.post("/v1/releases", content=release("W-1")).status_code == 200
        metrics = api.get("/metrics").text
        assert 'lens_releases_accepted_total{mode="normal",outcome="notify"} 1.0' in metrics, (
            "counts of an ended process are kept"
        )
        second = children_of(program.process.pid)
        told = {
            int(pid) for pid in re.findall(r'^process_cpu_seconds_total{pid="(\d+)"}', api.get("/metrics").text, re.MULTILINE)
        }
        assert set(second) <= told, "every process of the service is seen, whichever answers"
        program.process.terminate()
        assert program.process.wait(50) == 0
        assert not any(map(is_there, second))


def test_nothing_is_left_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    """Processes whose supervisor is gone end by themselves: they do not hold the port or send beside a new service."""
    with Program(tmp_path, ["serve", "--port", "0", "--workers", "2"]) as program, client(program.url()) as api:
        until(lambda: ask(api, "/readyz") == 200)
        children = children_of(program.process.pid)
        program.kill()
        until(lambda: not any(map(is_there, children)))
        assert ask(api, "/healthz") == 0


_TWICE = """
import os, signal
from app.running.programs import end_on_signals
end_on_signals()
try:
    os.kill(os.getpid(), signal.{first})
finally:
    os.kill(os.getpid(), signal.SIGTERM)
    print("finished")
"""


@pytest.mark.parametrize("first", ["SIGTERM", "SIGINT"])
def test_a_second_signal_does_not_break_off_what_is_finished(first: str) -> None:
    """A service manager and our own supervisor each send one: else messages under way would go out again, flagged."""
    ended = subprocess.run(
        [sys.executable, "-c", _TWICE.format(first=first)], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, "finished\n"), ended.stderr


def test_a_request_under_way_is_finished_when_asked_to_stop(tmp_path: Path) -> None:
    """SIGTERM in the middle of a batch: the lines that came are answered and the program ends with 0."""
    with Program(tmp_path, ["serve", "--port", "0"]) as program, client(program.url()) as api:
        lines = b"".join(release(f"T-{number}") + b"\n" for number in range(300))

        def body() -> Iterator[bytes]:
            yield lines
            with client(str(api.base_url)) as other:
                until(lambda: other.get("/v1/releases/T-0").status_code == 200)
            program.process.terminate()
            yield lines

        answer = api.post("/v1/releases:batch", content=body())
        assert answer.status_code == 200
        assert len(answer.content.splitlines()) == 600
        assert program.process.wait(50) == 0


def test_where_others_can_reach_it_nothing_goes_live_unapproved(tmp_path: Path) -> None:
    """Off loopback the folder is not followed by default, and a key with every role makes the service degraded."""
    with Program(tmp_path, ["serve", "--host", "0.0.0.0", "--port", "0"]) as program:  # noqa: S104 - that is the point
        health = httpx.get(f"{program.url()}/readyz").json()
        assert health["status"] == "degraded"
        assert "holds every role" in health["parts"]["keys"]
        assert "rulebook_folder_not_followed" in program.log.read_text()
