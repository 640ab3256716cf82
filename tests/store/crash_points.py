"""Stores something in a child process that dies by SIGKILL at a chosen point; run by test_crash_points.py.

    python -m tests.store.crash_points FOLDER WORK

WORK is `accept`, two releases, `arrive`, two AMs about the subject of a release that is stored already, or `surge`, a flood and then
its release. Point n is before the nth statement or commit of the child's work. For each, `FOLDER/n.db` is left as the child left it, and
a line `n acknowledged` or `n not acknowledged` is printed; the last line is the first point that the work no longer reaches.
"""

import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import event

from app.domain.inbound import Heard
from app.domain.surge import Breaker
from app.errors import Conflict
from app.store.accepted.releases import accept_many
from app.store.database.engine import Store, open_store
from app.store.database.writer import Writer
from app.store.desk import surges
from app.store.desk.inbound import take_in
from app.store.desk.subjects import Learn, learn
from tests.store.invented import NOON, acceptance


def die_at(store: Store, point: int) -> None:
    """Kills this process without warning just before its `point`th statement or commit."""
    left = [point]

    def step(*_: object) -> None:
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1

    event.listen(store.write, "before_cursor_execute", step)
    event.listen(store.write, "commit", step)


NAMES = ("EX-1", "EX-2")
"""Of the releases, or the sources of the AMs."""


def accept_one(writer: Writer, name: str) -> object:
    """Accepts a release."""
    return writer.do_and_wait(accept_many, acceptance(name, "held"))


def take_one(writer: Writer, name: str) -> object:
    """Takes in an AM as the dispatcher does."""
    while writer.do_and_wait(learn, Learn(1)):
        pass
    return writer.do_and_wait(take_in, Heard(name, "AM", "text", "AM from TXSIR0000", fbi_numbers=(FBI_NUMBER,)))


FBI_NUMBER = "12345678A"


def flood_or_release(writer: Writer, name: str) -> None:
    """First two releases, of which the breaker lets one pass; then a person releases the other, a message at a time."""
    if name == NAMES[0]:
        for number in range(2):
            writer.do_and_wait(accept_many, acceptance(f"EX-{number}")._replace(breaker=Breaker(floor=2)))
        return
    surges.AT_ONCE = 1
    with contextlib.suppress(Conflict):  # decided already
        writer.do_and_wait(surges.decide, surges.Decide(work_item=1, choice="release", reason="looked at", by="op", at=NOON))
    while writer.do_and_wait(surges.carry_out, surges.CarryOut()).more:
        pass


WORK: dict[str, Callable[[Writer, str], object]] = {"accept": accept_one, "arrive": take_one, "surge": flood_or_release}


def child(file: Path, work: str, point: int, acknowledged: int) -> None:
    """Stores one thing and says so on `acknowledged`, then one more, or dies on the way."""
    store = open_store(f"sqlite:///{file}")
    die_at(store, point)
    with Writer(store) as writer:
        for name in NAMES:
            WORK[work](writer, name)
            os.write(acknowledged, f"{name} ".encode())
    os._exit(0)


def tried(folder: Path, work: str, point: int) -> bool:
    """One child; whether it died at this point."""
    file = folder / f"{point}.db"
    shutil.copy(folder / "lens.db", file)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        child(file, work, point, writing)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        print(point, pipe.read(), flush=True)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


def main() -> None:
    """Every point there is, in turn."""
    folder, work, point = Path(sys.argv[1]), sys.argv[2], 0
    while tried(folder, work, point):
        point += 1


if __name__ == "__main__":
    main()
