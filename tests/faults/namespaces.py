"""Hosts of their own on this machine: network namespaces behind a bridge, as machines behind a switch. Needs root and iproute2."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from tests.faults.planned import NotHere


class Namespaces:
    """`with Namespaces(2) as net:` has two hosts, `net.addresses`, that reach this one at `net.here`; all is gone afterwards."""

    def __init__(self, count: int) -> None:
        if os.geteuid() != 0 or shutil.which("ip") is None:
            raise NotHere("network namespaces need root and iproute2")
        pid = os.getpid()
        self._names = [f"lens{pid}h{number}" for number in range(1, count + 1)]
        self._bridge = f"lb{pid}"
        prefix = f"10.{200 + pid % 50}.{pid // 50 % 250}"
        self.here = f"{prefix}.1"
        self.addresses = [f"{prefix}.{number + 10}" for number in range(1, count + 1)]

    def __enter__(self) -> Self:
        try:
            _ip("link", "add", self._bridge, "type", "bridge")
            _ip("addr", "add", f"{self.here}/24", "dev", self._bridge)
            _ip("link", "set", self._bridge, "up")
            for place, (name, address) in enumerate(zip(self._names, self.addresses, strict=True)):
                outer = self._outer(place)
                _ip("netns", "add", name)
                _ip("link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", name)
                _ip("link", "set", outer, "master", self._bridge)
                _ip("link", "set", outer, "up")
                for words in (
                    ("addr", "add", f"{address}/24", "dev", "eth0"),
                    ("link", "set", "eth0", "up"),
                    ("link", "set", "lo", "up"),
                ):
                    _ip("-n", name, *words)
        except subprocess.CalledProcessError as error:
            self.__exit__(None, None, None)
            raise NotHere(f"network namespaces cannot be made here: {error.stderr.decode().strip()}") from None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for name in self._names:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)
        subprocess.run(["ip", "link", "delete", self._bridge], check=False, capture_output=True)

    def inside(self, place: int) -> Sequence[str]:
        """What goes before a program so that it runs on that host."""
        return ("ip", "netns", "exec", self._names[place])

    def cut_off(self, place: int) -> None:
        """Pulls that host's cable: nothing comes or goes, and nobody is told."""
        _ip("link", "set", self._outer(place), "down")

    def connect(self, place: int) -> None:
        """Plugs it in again."""
        _ip("link", "set", self._outer(place), "up")

    def _outer(self, place: int) -> str:
        return f"{self._bridge}p{place}"


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
