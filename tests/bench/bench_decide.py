"""How fast a release is decided, beside other ways to decide the same, in the same run, on one core.

`lens decide` reads, checks, decides, composes and writes; the others only decide, so each is also put beside LENS's own deciding
(the look-up). Yardsticks: the rules written out by hand in Python, the plain evaluator, and durable_rules asked anew each time.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from app.decide.decide import Decider
from app.decide.facts import FactFinder, FactValues
from app.decide.terms import Terms
from app.domain.release import Release
from app.rulebook.book import RuleBook, load
from app.rulebook.language.evaluate import evaluate
from app.rulebook.language.model import CONVICTION_FACTS

ROOT = Path(__file__).parents[2]
SECONDS = 1.0
LINES = 20_000


def rate(releases: Sequence[Release], decide: Callable[[Release], object]) -> float:
    """Releases decided a second of processor time, over about SECONDS."""
    done = 0
    began = time.process_time()
    while (spent := time.process_time() - began) < SECONDS:
        for release in releases:
            decide(release)
        done += len(releases)
    return done / spent


def by_hand(book: RuleBook) -> Callable[[FactValues], str]:
    """The shipped rules as a programmer would write them out (outcome only)."""
    view = book.eligibility[-1].view
    violent, reasons = view.sets["charges"]["violent_or_serious"], view.sets["release_reasons"]
    into_us, person = reasons["into_us"], reasons["needs_a_person"]

    def one(code: str, status: str, values: FactValues) -> str:
        shared = values.shared
        if status != "convicted" or shared["stay_ended"] == "no":
            return "do_not_notify"
        if code == "unknown":
            return "hold_for_review" if shared["release_reason"] in into_us | person else "do_not_notify"
        if code not in violent:
            return "do_not_notify"
        if shared["release_reason"] in into_us:
            return "notify" if shared["hold"] == "none" else "hold_for_review"
        return "hold_for_review" if shared["release_reason"] in person else "do_not_notify"

    return lambda values: min(one(code, status, values) for code, status in values.convictions)


def test_deciding_beside_its_yardsticks(capsys: pytest.CaptureFixture[str]) -> None:
    """Prints decisions a second of processor time for each way, and the ratio to the hand-written rules."""
    book = load(ROOT)
    decider = Decider(book, Terms())
    lines = (ROOT / "docs/examples/releases.ndjson").read_bytes().splitlines()
    releases = [decider.read(line) for line in lines]
    finder = FactFinder(book.content.facts, book.content.tables)
    values = {release.release_id: finder.find(release)[0] for release in releases}
    look_up = book.eligibility[-1]
    assert look_up.network is not None
    network, hand = look_up.network, by_hand(book)

    def facts(release: Release) -> list[dict[str, str]]:
        found = values[release.release_id]
        return [{**found.shared, **dict(zip(CONVICTION_FACTS, pair, strict=True))} for pair in found.convictions]

    ways: dict[str, Callable[[Release], object]] = {
        "rules written by hand": lambda release: hand(values[release.release_id]),
        "look-up (LENS)": lambda release: look_up.verdicts_of(
            values[release.release_id].shared, values[release.release_id].convictions
        ),
        "plain evaluator": lambda release: [evaluate(look_up.program.table, look_up.view, one) for one in facts(release)],
        "durable_rules each time": lambda release: [
            network.holding(look_up.program.flags(look_up.view, one)) for one in facts(release)
        ],
    }
    rates = {name: rate(releases, way) for name, way in ways.items()}
    base = rates["rules written by hand"]
    with capsys.disabled():
        print()
        for name, found in rates.items():
            print(f"{name:26} {found:10,.0f}/s  {found / base:6.2f}")
    assert rates["look-up (LENS)"] > rates["durable_rules each time"]


def test_lens_decide_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Prints releases a second of `lens decide` on one core, start included and not, beside reading the same JSON alone."""
    source = [json.loads(line) for line in (ROOT / "docs/examples/releases.ndjson").read_text().splitlines()]
    many = tmp_path / "many.ndjson"
    with many.open("w") as out:
        for number in range(LINES):
            out.write(json.dumps(source[number % len(source)] | {"release_id": f"B-{number}"}) + "\n")
    one = tmp_path / "one.ndjson"
    one.write_text(json.dumps(source[0]) + "\n")
    start, whole = _seconds(one), _seconds(many)
    began = time.perf_counter()
    for line in many.read_bytes().splitlines():
        json.loads(line)
    reading = time.perf_counter() - began
    with capsys.disabled():
        print(f"\nlens decide: {LINES / whole:,.0f}/s in all, {LINES / (whole - start):,.0f}/s after the start")
        print(f"json.loads alone: {LINES / reading:,.0f}/s, so deciding takes {(whole - start) / reading:.1f} times reading")
    assert whole > start


def _seconds(file: Path) -> float:
    core = min(os.sched_getaffinity(0))
    began = time.perf_counter()
    command: list[str | Path] = [Path(sys.executable).with_name("lens"), "decide", file, "--rulebook", ROOT]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, preexec_fn=lambda: os.sched_setaffinity(0, {core}))
    return time.perf_counter() - began
