"""Runs the simulated switch as a program: the server, its control address and its script."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from app.simulator.control import control_socket, serve_control
from app.simulator.script import Script
from app.simulator.setup import Setup
from app.simulator.switch import Switch


@dataclass(frozen=True, slots=True)
class SwitchAddresses:
    """Where a running switch is reached, each `host:port`."""

    switch: str
    control: str


async def serve_switch(
    setup: Setup,
    *,
    host: str = "127.0.0.1",
    port: int = 7070,
    control_port: int = 7071,
    script: Script | None = None,
    ready: Callable[[SwitchAddresses], None] = lambda _: None,
) -> None:
    """Serves until cancelled. `ready` is called once both addresses listen; a port of 0 takes any free one.

    Raises OSError when a port cannot be listened on.
    """
    with control_socket(control_port) as listening:
        async with Switch(setup, host, port) as switch, asyncio.TaskGroup() as tasks:
            ready(SwitchAddresses(switch.address, "{}:{}".format(*listening.getsockname())))
            tasks.create_task(serve_control(switch, listening), name="switch-control")
            if script is not None:
                tasks.create_task(switch.play(script), name="switch-script")
