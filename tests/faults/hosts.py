"""LENS's programs as on several hosts: started, killed, made to stand still, started again."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.cli.programs import LENS, Program


class Host:
    """One program. `url` is where its API is, None for a dispatcher alone or while it is down."""

    def __init__(
        self, folder: Path, words: Sequence[str], settings: Mapping[str, str | None], prefix: Sequence[str] = ()
    ) -> None:
        """`prefix` goes before the program, e.g. to run it in a namespace."""
        folder.mkdir(parents=True)
        self._folder, self._words, self._settings = folder, words, settings
        self._program = (*prefix, *LENS)
        self._stack = ExitStack()
        self.running: Program | None = None
        self.url: str | None = None

    async def start(self) -> None:
        """Starts it; returns once it serves, or at once where it has no API."""
        self.running = self._stack.enter_context(Program(self._folder, self._words, self._settings, self._program))
        if self._words[0] == "serve":
            self.url = await asyncio.to_thread(self.running.url)

    def signal(self, number: signal.Signals) -> None:
        """Sends it a signal."""
        assert self.running is not None
        os.kill(self.running.process.pid, number)

    async def kill(self) -> None:
        """Ends it as a power cut would, as far as a process can feel it."""
        self.url = None
        self.signal(signal.SIGKILL)
        await asyncio.to_thread(self._stack.close)
        self.running = None

    async def stop(self) -> None:
        """Ends it in good order."""
        self.url = None
        await asyncio.to_thread(self._stack.close)
        self.running = None


class Hosts:
    """Several, all ended however the block ends."""

    def __init__(self, hosts: Sequence[Host]) -> None:
        self.all = hosts

    async def __aenter__(self) -> Self:
        await asyncio.gather(*(host.start() for host in self.all))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for host in self.all:
            if host.running is not None:
                host.signal(signal.SIGCONT)
        await asyncio.gather(*(host.stop() for host in self.all))

    def urls(self) -> list[str]:
        """Where an API answers, as far as is known."""
        return [host.url for host in self.all if host.url is not None]
