"""What kind of switch to simulate."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.simulator.exchange import Delivered
from app.simulator.texts import PLAIN, Style


def utc_now() -> datetime:
    """The present, for the times in the network's texts."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What kind of switch.

    `oris` maps each ORI there is to its state's Nlets code; None takes every well-formed one. `us` is the ORI texts are
    addressed to. `niem` says ER and SM as XML, else they have legacy output form, laid out by `style`. `inbox_dir` gets
    each message as a file, in a folder for its ORI; `on_arrival` is called with each message delivered. `said` is how many texts
    the network has numbered before.
    """

    oris: Mapping[str, str] | None = None
    us: str = "VTINS07S0"
    tls: ssl.SSLContext | None = None
    niem: bool = False
    style: Style = PLAIN
    inbox_dir: Path | None = None
    on_arrival: Callable[[Delivered], None] | None = None
    clock: Callable[[], datetime] = utc_now
    said: int = 0


def said_today() -> int:
    """A count to go on from, so that a switch that starts again within the minute gives no stamp twice."""
    now = utc_now()
    return (now.hour * 60 + now.minute) * 60 + now.second
