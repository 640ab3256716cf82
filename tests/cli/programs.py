"""The program `lens` as a child process, in a folder of its own."""

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
import msgspec

ROOT = Path(__file__).parents[2]
LENS = (sys.executable, "-c", "from app.cli.main import main; main()")
KEY = "a-key-for-tests-that-is-long-enough"
EXAMPLE = msgspec.json.decode((ROOT / "docs/examples/release.json").read_bytes())


def until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    """Returns once it holds; looks fifty times a second, and fails when it does not hold in time."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.02)


def environment(folder: Path, settings: Mapping[str, str | None] | None = None) -> dict[str, str]:
    """What a program started in `folder` gets: LENS's own rulebook, a store and spool in the folder, and these settings.

    A setting that is None is left out.
    """
    own = {
        "PYTHONPATH": str(ROOT),
        "LENS_RULEBOOK_DIR": str(ROOT),
        "LENS_DATABASE_URL": f"sqlite:///{folder}/lens.db",
        "LENS_SPOOL_DIR": str(folder / "spool"),
        "LENS_ARRIVALS_DIR": str(folder / "arrivals"),
        "LENS_BOOTSTRAP_KEY": KEY,
    }
    return {"PATH": os.environ["PATH"]} | {
        name: value for name, value in (own | dict(settings or {})).items() if value is not None
    }


def lens(folder: Path, *words: str, settings: Mapping[str, str | None] | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end."""
    return subprocess.run(
        [*LENS, *words], cwd=folder, env=environment(folder, settings), capture_output=True, text=True, timeout=60, check=False
    )


class Program:
    """A command that runs until it is ended. `with Program(...) as program:` ends it, however the block ends."""

    def __init__(
        self,
        folder: Path,
        words: Sequence[str],
        settings: Mapping[str, str | None] | None = None,
        program: Sequence[str] = LENS,
    ) -> None:
        self.folder = folder
        self.log = folder / "log"
        self._said: queue.Queue[str | None] = queue.Queue()
        self.heard: list[str] = []
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*program, *words],
                cwd=folder,
                env=environment(folder, settings),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._said.put(line.rstrip("\n"))
        self._said.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(50)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(20)
        self._reader.join(20)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def hears(self, words: str) -> str:
        """The next line it prints that holds `words`."""
        while True:
            line = self._said.get(timeout=40)
            assert line is not None, f"it ended without saying {words!r}; its log: {self.log.read_text()[-2000:]}"
            self.heard.append(line)
            if words in line:
                return line

    def url(self) -> str:
        """Where it serves, once it does."""
        return next(word for word in self.hears("LENS serves").split() if word.startswith("http"))

    def kill(self) -> None:
        """Ends it as a power cut would, as far as a process can feel it."""
        self.process.kill()
        self.process.wait(20)


def client(url: str, key: str = KEY) -> httpx.Client:
    """A client of a served API."""
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.Client(base_url=url, headers=headers, timeout=30, verify=False)  # noqa: S501 - there is no TLS here


def release(release_id: str) -> bytes:
    """The example release under another id, as JSON."""
    return msgspec.json.encode(EXAMPLE | {"release_id": release_id})
