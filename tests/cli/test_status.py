import os
import signal
import subprocess
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import IO

import msgspec
import pytest
from rich.console import Console

from app.cli.operating.status import looker
from app.cli.operating.status_view import as_json, as_text
from app.domain.surge import Breaker
from app.store.database.engine import Store
from app.store.desk.lane_pauses import PauseLane, pause_lanes
from app.store.outbox.outbox import Claim, claim
from tests.cli.conftest import Lens
from tests.cli.programs import KEY, LENS, Program, environment, until
from tests.cli.programs import lens as run_lens
from tests.dispatch.outbox_rows import AZ, NM, TX, change, queue, store_in
from tests.store.invented import NOON, run

BREAKER = Breaker()


def shown(store: Store, height: int | None = None) -> list[str]:
    """The lines of a wide terminal."""
    console = Console(width=160, file=StringIO())
    with console.capture() as said:
        console.print(as_text(looker(store, BREAKER)(), height))
    return [line.rstrip() for line in said.get().splitlines()]


@pytest.fixture
def busy(new_store: Callable[[], Store]) -> Store:
    """A store in which one lane is in hand, one fails, and one is paused."""
    store = new_store()
    queue(store, [AZ, AZ, TX])
    run(store, claim, Claim(worker="w1", room=1, window=1, lease=60_000_000, horizon=600_000_000))
    queue(store, [NM], status="held")
    queue(store, [NM])
    change(store, "UPDATE lane SET fails = 2 WHERE ori = :ori", ori=NM)
    run(store, pause_lanes, PauseLane(TX, "a drill", "op", NOON))
    return store


def test_a_terminal_shows_what_waits_and_why(busy: Store) -> None:
    """What is paused comes first; each lane says what goes on in it."""
    lines = shown(busy)
    assert lines[1].startswith(f"paused: {TX}, by operator, for ")
    assert lines[1].endswith(": op: a drill")
    facts = " ".join(lines)
    for words in ("to send        4", "1 held, 3 queued, 1 sending", "w1: 1 lanes in hand"):
        assert words in facts, lines
    lanes = {line.split()[0]: line for line in lines if line.startswith((AZ, TX, NM))}
    assert lanes[AZ].endswith("in hand of w1")
    assert lanes[TX].endswith("paused")
    assert lanes[NM].split() == [NM, "NM", "1", "0", "s", "2", "waits"]


def test_a_small_terminal_shows_the_oldest_lanes(busy: Store) -> None:
    """And how many more there are."""
    queue(busy, ["OHSIR0000", "UTSIR0000"])
    assert shown(busy, height=10)[-1] == "and 2 more"


def test_a_script_gets_all_of_it(busy: Store) -> None:
    """As JSON."""
    found = msgspec.json.decode(msgspec.json.encode(as_json(looker(busy, BREAKER)())))
    assert found["messages"] == {"held": 1, "queued": 3, "sending": 1}
    assert found["states"]["NM"] == {"held": 1, "queued": 1}
    assert found["queue"]["at_least"]["0s"] == found["queue"]["messages"] == 4
    assert {lane["ori"]: lane["fails"] for lane in found["queue"]["lanes"]} == {AZ: 0, TX: 0, NM: 2}
    assert [(each["scope"], each["why"]) for each in found["pauses"]] == [(TX, "op: a drill")]
    assert found["dispatchers"] == [{"name": "w1", "lanes": 1, "sent": 0, "last_seconds": None}]
    assert found["last_hour"]["messages"] == 5


def test_it_is_printed_once_where_nobody_watches(lens: Lens, tmp_path: Path) -> None:
    """And nothing is made where there is no database."""
    code, _, err = lens("status")
    assert (code, "no database" in err, list(tmp_path.glob("lens.db*"))) == (1, True, [])
    assert ".env" not in err
    (tmp_path / ".env").write_text("LENS_DATABASE_URL=sqlite:///elsewhere.db\n")
    assert "The file .env here was not read" in lens("status")[2]
    store_in(tmp_path).close()
    code, out, _ = lens("status")
    assert (code, out.startswith("LENS  "), "no lane waits" in out) == (0, True, True)
    assert msgspec.json.decode(lens("status", "--json")[1])["messages"] == {}


def test_a_terminal_is_kept_up_to_date_until_ctrl_c(tmp_path: Path) -> None:
    """It shows what waits, shows it anew when that changes, and ends well on Ctrl-C.

    The terminal is a pipe that is said to be as good as one: not every machine that runs this has one to give.
    """
    store = store_in(tmp_path)
    queue(store, [AZ])
    terminal = {"TTY_COMPATIBLE": "1", "TERM": "xterm", "COLUMNS": "120"}
    command, env = [*LENS, "status", "--every", "0.2"], environment(tmp_path) | terminal
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=tmp_path, env=env) as program:
        assert program.stdout is not None
        until_shown(program.stdout, AZ)
        queue(store, [TX])
        until_shown(program.stdout, TX)
        program.send_signal(signal.SIGINT)
        assert program.wait() == 0
    store.close()


def until_shown(terminal: IO[bytes], word: str) -> None:
    """Reads what comes to a terminal until the word does."""
    seen = b""
    while word.encode() not in seen:
        seen = seen[-len(word) :] + os.read(terminal.fileno(), 65536)


def test_it_shows_the_settings_of_the_service_and_not_of_the_shell(tmp_path: Path) -> None:
    """A shell with another floor would tell another band; where nothing runs, that is said."""
    service, shell = {"LENS_SURGE_FLOOR": "5", "LENS_SURGE_FACTOR": "2"}, {"LENS_SURGE_FLOOR": "999"}
    with Program(tmp_path, ["serve", "--port", "0"], service) as program:
        program.url()
        until(lambda: bool(msgspec.json.decode(run_lens(tmp_path, "status", "--json", settings=shell).stdout)["running"]))
        seen = msgspec.json.decode(run_lens(tmp_path, "status", "--json", settings=shell).stdout)
        (running,) = seen["running"]
        assert (running["kind"], running["settings"]["surge_floor"], seen["surge"]["band"]) == ("serve", 5, 5)
        assert KEY not in str(seen)
        text = " ".join(run_lens(tmp_path, "status", settings=shell).stdout.split())
        assert "surge floor 5, factor 2" in text
        assert "5 notices may pass in this hour" in text
        assert "at most 5 notices" in run_lens(tmp_path, "surge", "show", settings=shell).stdout
    seen = msgspec.json.decode(run_lens(tmp_path, "status", "--json", settings=shell).stdout)
    assert (seen["running"], seen["surge"]["band"]) == ([], None)
    assert "no service runs on this database" in run_lens(tmp_path, "status", settings=shell).stdout
    shown = run_lens(tmp_path, "surge", "show", settings=shell).stdout
    assert "No service runs on this database" in shown
    assert "at most 999 notices" in shown
