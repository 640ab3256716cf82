"""What a running service tells whoever started it: on standard output, and what is odd in the log."""

from pathlib import Path
from typing import NamedTuple

import structlog

from app.settings import unknown_settings
from app.simulator.exchange import Delivered
from app.simulator.serve import SwitchAddresses

_log = structlog.get_logger()

SIMULATED_INBOXES = Path("var/simulator")
"""Where the simulated network keeps what the states got, a folder for each ORI."""

_EXAMPLE = Path("docs/examples/release.json")


class Announcement(NamedTuple):
    """That the service takes requests at `url`. `key` is one to try out with, None where nobody is trying out."""

    url: str
    key: str | None

    def say(self) -> None:
        """Prints it."""
        _print(f"LENS serves {self.url} (documentation: {self.url}/docs). Ctrl-C stops it.")
        if self.key is None:
            return
        body = f"@{_EXAMPLE}" if _EXAMPLE.exists() else "@release.json"
        _print(
            f"\nA key with every role:\n  {self.key}\n\nSend an invented release, from another terminal in this folder:\n"
            f"  export KEY={self.key}\n"
            f'  curl -sS {self.url}/v1/releases -H "Authorization: Bearer $KEY" --data-binary {body}\n'
        )


def warn_of_unknown_settings() -> None:
    """Logs each variable that looks like a setting and is none: one that is misspelt must not look like one obeyed."""
    for name in unknown_settings():
        _log.warning("setting_unknown", setting=name, consequence="it changes nothing; is it misspelt?")


def say_simulator(addresses: SwitchAddresses) -> None:
    """Prints where the simulated network is."""
    _print(
        f"The simulated network takes messages at {addresses.switch}. What the states got: files in {SIMULATED_INBOXES}/, "
        f"or http://{addresses.control}/inboxes"
    )


def say_arrival(message: Delivered) -> None:
    """Prints that a message has arrived at a simulated state: its number and where, nothing else."""
    _print(f"{message.message_id} has arrived at {message.ori}.")


def _print(text: str) -> None:
    print(text, flush=True)
