"""The dispatcher and the simulated network as work in the background, and how they are."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import astuple
from pathlib import Path
from typing import Self

from app.dispatch.counts import DispatchCounts
from app.dispatch.dispatcher import Dispatcher
from app.running.background import Background
from app.running.wiring import channel_of, dispatcher_of
from app.settings import Settings
from app.simulator.exchange import Delivered
from app.simulator.serve import SwitchAddresses, serve_switch
from app.simulator.setup import Setup, said_today
from app.store.database.writer import Writer
from app.store.upkeep.given_out import GivenOut


class Sending:
    """A dispatcher in the background, made anew with its channel when it breaks down. Use as a `with` block."""

    def __init__(
        self,
        settings: Settings,
        writer: Writer,
        switch_address: str | None = None,
        numbers: GivenOut | None = None,
    ) -> None:
        """`switch_address` is that of the simulated network; `numbers` keeps the highest number given out."""
        self._settings = settings
        self._writer = writer
        self._switch_address = switch_address
        self._numbers = numbers
        self._dispatcher: Dispatcher | None = None
        self.counts = DispatchCounts()
        """What it has done; a dispatcher made anew goes on counting."""
        self._channel = channel_of(settings, switch_address)
        self._background = Background("dispatcher", self._dispatch)

    def __enter__(self) -> Self:
        self._background.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._background.__exit__()

    def wake(self) -> None:
        """Says that something may be due; a hint, from any thread."""
        if self._dispatcher is not None:
            self._dispatcher.wake()

    def channel_problem(self) -> str | None:
        """Why nothing can or may be sent on the link at this moment, in words, or None."""
        behind = None if self._dispatcher is None else self._dispatcher.behind()
        return behind or self._channel.problem()

    def worker_problem(self) -> str | None:
        """Why the dispatcher is not at work, in words, or None when it is."""
        return self._background.problem()

    async def _dispatch(self) -> None:
        self._channel = channel_of(self._settings, self._switch_address)
        self._dispatcher = dispatcher_of(self._settings, self._writer, self._channel, self.counts, self._numbers)
        await self._dispatcher.run()


class Simulator:
    """The simulated network in the background, on free ports of loopback. Use as a `with` block."""

    def __init__(self, settings: Settings, inbox_dir: Path, on_arrival: Callable[[Delivered], None]) -> None:
        """`inbox_dir` gets each message as a file; `on_arrival` is called for each, on the simulator's thread."""
        self._setup = Setup(
            us=settings.origin_ori,
            niem=settings.message_format == "niem",
            inbox_dir=inbox_dir,
            on_arrival=on_arrival,
            said=said_today(),
        )
        self._addresses: Future[SwitchAddresses] = Future()
        self._background = Background("simulator", self._simulate)

    def __enter__(self) -> Self:
        self._background.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._background.__exit__()

    def addresses(self) -> SwitchAddresses:
        """Where it is reached, once it is."""
        return self._addresses.result(timeout=30)

    async def _simulate(self) -> None:
        port = control_port = 0
        if self._addresses.done():  # begun again: where it was, since the channel knows no other place
            port, control_port = (int(each.rpartition(":")[2]) for each in astuple(self.addresses()))
        await serve_switch(self._setup, port=port, control_port=control_port, ready=self._note)

    def _note(self, addresses: SwitchAddresses) -> None:
        if not self._addresses.done():
            self._addresses.set_result(addresses)
