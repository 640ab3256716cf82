"""The simulated Nlets switch: a real server of the tcp link, whose faults can be scripted. For trying out and for tests."""

import asyncio
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Literal, Self

from app.simulator.exchange import Delivered, SwitchCounts
from app.simulator.line import Events, Line
from app.simulator.reception import Reception
from app.simulator.script import Script, ScriptedFault, ScriptStep
from app.simulator.setup import Setup
from app.simulator.texts import NetworkText, in_service, out_of_service


class Switch:
    """`async with Switch() as switch:` listens on `switch.address` until the block ends. All of it runs in one event loop.

    Texts go back over the connection that caused them or, when it is gone, over another or the next.
    """

    def __init__(self, setup: Setup | None = None, host: str = "127.0.0.1", port: int = 0) -> None:
        """`port` 0 takes any free one."""
        self._setup = setup or Setup()
        self._host, self._port = host, port
        self._server: asyncio.Server | None = None
        self._reception = Reception(self._setup, self._changed)
        self._waiters: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._refusing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._refusing is not None:
            self._refusing.cancel()
            await asyncio.gather(self._refusing, return_exceptions=True)
        self._reception.stop()
        await self._stop_listening()

    @property
    def address(self) -> str:
        """`host:port` it listens on."""
        return f"[{self._host}]:{self._port}" if ":" in self._host else f"{self._host}:{self._port}"

    @property
    def counts(self) -> SwitchCounts:
        """What has happened so far."""
        return self._reception.exchange.counts

    def times_come(self, message_id: str) -> int:
        """How often a message came, by its control number."""
        return self._reception.exchange.arrivals[message_id]

    def inboxes(self) -> dict[str, Sequence[Delivered]]:
        """The messages delivered, in order, by ORI."""
        return {ori: tuple(inbox) for ori, inbox in self._reception.exchange.inboxes.items()}

    def inbox(self, ori: str) -> Sequence[Delivered]:
        """The messages delivered to one ORI, in order."""
        return tuple(self._reception.exchange.inboxes.get(ori, ()))

    async def until(self, holds: Callable[[], bool]) -> None:
        """Returns once `holds()` is true; it is asked whenever something happens here."""
        if not holds():
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append((holds, waiter))
            await waiter

    async def arrived(self, number: int) -> None:
        """Returns once so many messages lie in inboxes."""
        await self.until(lambda: self.counts.delivered >= number)

    async def connected(self, number: int = 1) -> None:
        """Returns once so many connections are open."""
        await self.until(lambda: len(self._reception.lines) >= number)

    def add_fault(self, fault: ScriptedFault) -> None:
        """Brings a fault into force; the newest that fits a message is the one that happens to it."""
        lines = self._reception.lines
        match fault.kind:
            case "cut":
                self.counts.cuts += lines.cut_all("PONG")
            case "mute":
                lines.mute(muted=True)
                self._reception.later(fault.seconds, lambda: lines.mute(muted=False))
            case "refuse":
                if self._refusing is None or self._refusing.done():
                    self._refusing = asyncio.create_task(self._refuse(fault.seconds), name="switch-refusing")
            case _:
                self._reception.faults.add(fault)

    def clear_faults(self) -> None:
        """Takes every fault back, except that a `refuse` lasts its time."""
        self._reception.faults.clear()
        self._reception.lines.mute(muted=False)

    def set_state(self, code: str, down: Literal["01", "02", "04"] | None) -> None:
        """Puts a state (Nlets code) out of service or back; see `script.StateChange`."""
        self._reception.show(self._reception.exchange.set_state(code, down))
        self._changed()

    def set_network(self, *, service: bool, until: str = "FURTHER NOTICE") -> None:
        """Puts the network out of service or back, and tells every connection so. Out of service, messages get a NAK."""
        self._reception.exchange.in_service = service
        text = in_service(self._setup.us) if service else out_of_service(until, self._setup.us)
        self._reception.lines.tell_all(self._reception.formed(text))

    def inject(self, text: str) -> None:
        """Sends a text to us exactly as given: ER, SM, AM or nonsense."""
        self._reception.lines.tell(text)

    def say(self, text: NetworkText) -> None:
        """Sends a text to us in the form this switch uses."""
        self.inject(self._reception.formed(text))

    async def play(self, script: Script) -> None:
        """Does the steps of a script, each when its trigger comes; returns after the last."""
        async with asyncio.TaskGroup() as steps:
            for step in script.steps:
                steps.create_task(self._do(step))

    async def _do(self, step: ScriptStep) -> None:
        if step.after_seconds is not None:
            await asyncio.sleep(step.after_seconds)
        else:
            await self.until(lambda: self.counts.arrivals >= (step.after_messages or 0))
        if step.fault is not None:
            self.add_fault(step.fault)
        elif step.state is not None:
            self.set_state(step.state.code, step.state.down)
        elif step.network is not None:
            self.set_network(service=step.network.service, until=step.network.until)
        elif step.inject is not None:
            self.inject(step.inject)
        else:
            self.clear_faults()

    def _opened(self, line: Line) -> None:
        self.counts.connections += 1
        self._reception.lines.add(line)
        self._changed()

    def _closed(self, line: Line) -> None:
        self._reception.lines.remove(line)
        self._changed()

    def _cut_while_reading(self) -> bool:
        cut = self._reception.faults.take_reading()
        self.counts.cuts += cut
        return cut

    def _noise(self, line: Line) -> None:
        self.counts.garbage += 1
        line.abort()
        self._changed()

    def _heard(self, line: Line, payload: str) -> None:
        self._reception.heard(line, payload)
        self._changed()

    def _changed(self) -> None:
        for entry in [entry for entry in self._waiters if entry[1].done() or entry[0]()]:
            self._waiters.remove(entry)
            if not entry[1].done():
                entry[1].set_result(None)

    async def _refuse(self, seconds: float) -> None:
        await self._stop_listening()
        await asyncio.sleep(seconds)
        await self._listen()

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        events = Events(
            opened=self._opened,
            closed=self._closed,
            cut_while_reading=self._cut_while_reading,
            heard=self._heard,
            noise=self._noise,
        )
        self._server = await loop.create_server(lambda: Line(events), self._host, self._port, ssl=self._setup.tls)
        self._port = self._server.sockets[0].getsockname()[1]

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
        self._reception.lines.abort_all()
        await self.until(lambda: not self._reception.lines)
