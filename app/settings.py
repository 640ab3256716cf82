"""Settings: environment variables with the prefix LENS_, and for a service a `.env` file in its folder. The one reader of either.

Only `lens serve` and `lens work` read `.env`: whoever can put a file into a folder must not choose what a command that is run there
believes, such as the keys that it trusts.

Read once at start by whoever wires a program (`api/app.py`, `cli/`), then handed down as values; nothing reads them at import.
Every fault is reported at once, by the variable's name. Each setting is described in docs/reference/settings.md; a test
holds the two together.
"""

import os
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.dispatch.channel import is_loopback
from app.errors import BadSetting

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LONGEST_DAYS = 36500
_DOTENV = ".env"
_MOST = 1_000_000_000


def seconds(text: object) -> float:
    """A duration as people write it (`500ms`, `2s`, `15m`, `1h`, `2d`) in seconds. Raises ValueError on anything else."""
    if isinstance(text, int | float) and not isinstance(text, bool):
        return float(text)
    match = _DURATION.fullmatch(str(text).strip())
    if match is None:
        raise ValueError("a duration is a number and a unit, e.g. 500ms, 2s, 15m, 1h, 2d")
    found = float(match[1]) * _SECONDS[match[2]]
    if found > _LONGEST_DAYS * _SECONDS["d"]:
        raise ValueError(f"a duration is at most {_LONGEST_DAYS}d")
    return found


_SHORTEST_KEY = 32


def _not_short(key: str) -> str:
    if len(key) < _SHORTEST_KEY:
        raise ValueError(
            f"it has {len(key)} characters and could be guessed; use {_SHORTEST_KEY} or more, at random: openssl rand -hex 32"
        )
    return key


Duration = Annotated[float, BeforeValidator(seconds)]
"""Seconds, written with a unit."""
Wait = Annotated[Duration, Field(gt=0)]
"""A duration that something waits for: with none it would never rest, or never be in time."""


class Settings(BaseSettings):
    """All settings, typed. Durations are seconds once read."""

    model_config = SettingsConfigDict(env_prefix="LENS_", extra="ignore", frozen=True)

    database_url: str = "sqlite:///var/lens.db"
    create: bool = True
    rulebook_dir: Path = Path()
    rulebook_source: Literal["folder", "published"] | None = None
    rulebook_trusted_keys: Path | None = None
    require_scenarios: bool = True
    channel: Literal["spool", "tcp", "simulator"] = "spool"
    spool_dir: Path = Path("var/spool")
    spool_stale: Wait = 600.0
    spool_keep: Wait = 30 * 86400.0
    arrivals_dir: Path = Path("var/arrivals")
    switch_address: str = "127.0.0.1:7070"
    origin_ori: str = Field("VTINS07S0", pattern="^[A-Z]{2}[A-Z0-9]{7}$")
    message_key: Literal["AM", "AML"] = "AM"
    message_format: Literal["legacy", "niem"] = "legacy"
    bootstrap_key: Annotated[str, AfterValidator(_not_short)] | None = None
    encryption_key: str | None = None
    ack_timeout: Wait = 10.0
    lease: Wait = 10.0
    window: int = Field(16, ge=1, le=1000)
    allow_generic_ori: bool | None = None
    presume_after: Duration = 900.0
    late_after: Duration = 86400.0
    future_tolerance: Duration = 86400.0
    address_limit: int = Field(100, ge=1, le=_MOST)
    feed_silent_after: Wait = 3600.0
    retry_first: Wait = 1.0
    retry_cap: Wait = 300.0
    max_attempts: int = Field(50, ge=1, le=_MOST)
    state_retry: Wait = 300.0
    review_within: Duration = 86400.0
    inbound_within: Duration = 86400.0
    surge_floor: int | None = Field(None, ge=1, le=_MOST)
    surge_factor: float = Field(3.0, ge=1, le=_MOST)
    lane_rate: float | None = Field(None, gt=0, le=100_000)
    rate: float | None = Field(None, gt=0, le=100_000)
    lanes_per_worker: int = Field(64, ge=1, le=1000)
    metrics_address: str | None = Field(None, pattern=r"^.+:[0-9]{1,5}$")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    public_url: str | None = Field(None, pattern=r"^https?://[^\s\"'\\/?#]+(/[^\s\"'\\?#]*)?$")
    runbook_url: str | None = Field(None, pattern=r"^https?://[^\s\"'\\]+$")
    switch_tls_ca: Path | None = None
    switch_tls_cert: Path | None = None
    switch_tls_key: Path | None = None

    @model_validator(mode="after")
    def _can_be_used_together(self) -> "Settings":
        if self.encryption_key is not None:
            raise ValueError("ENCRYPTION_KEY: it is not supported yet; encrypt the disk instead, and leave it out")
        if self.channel == "tcp" and not re.fullmatch(r".+:[0-9]{1,5}", self.switch_address):
            raise ValueError("SWITCH_ADDRESS: give host:port, e.g. 127.0.0.1:7070")
        return self

    def runbook(self, page: str) -> str:
        """Where a runbook is read, e.g. of `dead-letter`; without the setting, its place in the repository."""
        address = self.runbook_url or "docs/how-to/runbooks"
        if "{page}" in address:
            return address.replace("{page}", page)
        return f"{address.rstrip('/')}/{page}.md"

    @property
    def follows_folder(self) -> bool:
        """Whether a change in the rulebook's folder goes live by itself. `lens serve` decides where the setting is left out."""
        return self.rulebook_source != "published"

    @property
    def generic_ori_allowed(self) -> bool:
        """Whether a message may go to an ORI that no state has confirmed: by default only where it cannot leave this machine."""
        if self.allow_generic_ori is not None:
            return self.allow_generic_ori
        return self.channel != "tcp" or is_loopback(self.switch_address.rpartition(":")[0].strip("[]"))


def read_settings(**given: object) -> Settings:
    """The settings of this process; `given` (from command-line options) wins over the environment.

    Raises BadSetting that names every variable that cannot be used, and what it takes.
    """
    return _read(None, given)


def read_service_settings(**given: object) -> Settings:
    """The same for a service, which also reads `.env` in its folder; the environment wins over that."""
    return _read(_DOTENV, given)


def _read(dotenv: str | None, given: dict[str, object]) -> Settings:
    known = {name: value for name, value in given.items() if value is not None}
    try:
        return Settings(_env_file=dotenv, **known)  # type: ignore[arg-type]
    except ValidationError as error:
        faults = [
            f"LENS_{''.join(f'{name}: '.upper() for name in fault['loc'])}{fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors(include_input=False, include_url=False)
        ]
        raise BadSetting("\n".join(faults)) from None


def dotenv_hint() -> str:
    """What to add where a command missed something, and the folder has a `.env` that it did not read; else nothing."""
    if not Path(_DOTENV).is_file():
        return ""
    return " The file .env here was not read: only lens serve and lens work do. For this shell: set -a; . ./.env; set +a"


def unknown_settings() -> list[str]:
    """The variables of the environment and of `.env` that begin with LENS_ and are no setting: misspelt, it may be."""
    file = Path(_DOTENV)
    lines = file.read_text(errors="replace") if file.is_file() else ""
    named = {*os.environ, *re.findall(r"^\s*(?:export\s+)?(\w+)\s*=", lines, re.MULTILINE)}
    known = {f"LENS_{name.upper()}" for name in Settings.model_fields}
    return sorted(name for name in named if name.startswith("LENS_") and name not in known)


def share_metrics(folder: str) -> None:
    """Lets processes started from now on keep their metrics in `folder`, so that any of them can add up those of all.

    prometheus_client reads this variable when it is imported, so it cannot be handed down in any other way.
    """
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
