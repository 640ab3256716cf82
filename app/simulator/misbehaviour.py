"""Which scripted faults are in force, and how often each may still happen."""

from collections.abc import Callable
from dataclasses import dataclass

from app.simulator.script import ScriptedFault


@dataclass(slots=True)
class _InForce:
    fault: ScriptedFault
    left: int | None

    def use(self) -> ScriptedFault:
        if self.left is not None:
            self.left -= 1
        return self.fault


class Misbehaviour:
    """Faults in force."""

    def __init__(self) -> None:
        self._in_force: list[_InForce] = []

    def add(self, fault: ScriptedFault) -> None:
        """Brings a fault into force."""
        self._in_force.insert(0, _InForce(fault, fault.count))

    def clear(self) -> None:
        """Takes all back."""
        self._in_force.clear()

    def take(self, ori: str) -> ScriptedFault | None:
        """The newest fault that fits a message to `ori`, one use of it taken."""
        return self._take(lambda fault: fault.kind != "cut_reading" and ori.startswith(fault.ori))

    def take_reading(self) -> bool:
        """Whether bytes just come are to be cut off, one use of it taken."""
        return self._take(lambda fault: fault.kind == "cut_reading") is not None

    def _take(self, fits: Callable[[ScriptedFault], bool]) -> ScriptedFault | None:
        for entry in self._in_force:
            if fits(entry.fault):
                fault = entry.use()
                if entry.left == 0:
                    self._in_force.remove(entry)
                return fault
        return None
