"""Faults that need no program: seeds of the simulation, crash points, and upgrades with a backlog."""

import logging
import multiprocessing
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from pathlib import Path

import structlog

from app.store.database.engine import open_store, upgrade
from tests.faults.planned import Figures, Planned, Room
from tests.faults.simulation import decider_of_shipped_rules, simulate

ROOT = Path(__file__).parents[2]
SEEDS = 10_000


def simulated(room: Room) -> Figures:
    """Every seed from 1 on; a failing one is named, and `python -m tests.faults.simulation SEED` shows it."""
    seeds = range(1, room.times(SEEDS) + 1)
    processes = len(os.sched_getaffinity(0))
    shares = [(seeds[place::processes], room.folder / f"share-{place}") for place in range(processes)]
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        counts = list(pool.map(_share, *zip(*shares, strict=True)))
    return {"seeds": len(seeds), **sum(counts, Counter[str]())}


def _share(seeds: Sequence[int], folder: Path) -> Counter[str]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    folder.mkdir()
    template, decider = folder / "template.db", decider_of_shipped_rules()
    with closing(open_store(f"sqlite:///{template}")) as store:
        upgrade(store)
    figures: Counter[str] = Counter()
    for seed in seeds:
        outcome = simulate(seed, template, folder, decider)
        assert not outcome.violations, f"seed {seed}: {outcome.violations}"
        figures.update(outcome.figures)
        figures.update(f"fault {words.split()[1]}" for words in outcome.faults)
    return figures


def tests_of(*names: str) -> Figures:
    """Tests of `make test` that are the whole of a fault; how many passed."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n0", *names],
        cwd=ROOT, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    return {"tests": sum(line.count(".") for line in done.stdout.splitlines() if line.rstrip().endswith("%]"))}


def crash_points(_: Room) -> Figures:
    """Killed before each statement and commit of accepting, and before each call of the spool into the operating system."""
    return tests_of("tests/store/test_crash_points.py", "tests/dispatch/channels/test_spool_crash.py")


def upgrades(_: Room) -> Figures:
    """From every version there ever was, on both databases."""
    return tests_of("tests/faults/test_upgrade.py")


def racing(_: Room) -> Figures:
    """32 at once with one id, in the store and over HTTP."""
    return tests_of("tests/intake/test_accept.py", "tests/api/test_releases.py", "-k", "racing")


def network_oddities(_: Room) -> Figures:
    """Each kind alone, over tcp, on both databases."""
    return tests_of(
        "tests/dispatch/test_over_tcp.py", "tests/dispatch/test_dispatcher.py", "tests/dispatch/test_network_words.py"
    )


FAULTS = (
    Planned("every crash point", "0 lost, 0 half, 0 unflagged", crash_points),
    Planned("32 racing POSTs with one id", "one release; 200 or 409 for the rest", racing),
    Planned("upgrade with a backlog", "0 stranded", upgrades),
    Planned("each fault of the switch, poison message", "0 lost, extras flagged, other lanes go on", network_oddities),
    Planned("seeded simulation", "no violation in any seed", simulated),
)
