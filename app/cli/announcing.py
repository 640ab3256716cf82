"""What a running service tells whoever started it, on standard output. The log goes to standard error."""

from pathlib import Path
from typing import NamedTuple

from app.simulator.exchange import Delivered
from app.simulator.serve import Addresses

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


def say_simulator(addresses: Addresses) -> None:
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
