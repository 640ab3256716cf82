"""A rulebook in a folder of its own: the shipped rules and tables with a few scenarios, and edits as a test wants them."""

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]

SCENARIOS = """\
kind: scenarios/v1
title: A few
given: {release_date: 2025-11-03, charge_code: "0902", charge_status: convicted, release_reason: OSUP, stay_ended: yes,
  hold: none, release_state: AZ, residence_state: TX}
scenarios:
  - name: Both states are told
    expect: {outcome: notify, sends_to: [AZSIR0000, TXSIR0000]}
  - name: Nebraska is NB on Nlets
    but: {residence_state: NE}
    expect: {sends_to: [AZSIR0000, NBSIR0000]}
  - name: A hold is looked at by a person
    for_each: {hold: [juvenile, sealed]}
    expect: {outcome: hold_for_review, because: [LENS-E30], beaten: [LENS-E10]}
  - name: The first day
    table:
      - {release_date: 2015-05-31, expect: {outcome: do_not_notify}}
      - {release_date: 2015-06-01, expect: {outcome: notify}}
always:
  - name: Nothing is sent for a person with a hold
    when: {hold: {in: holds.any_hold}}
    expect: {sends: []}
"""
CASES = 6

WRONG = ("[AZSIR0000, NBSIR0000]", "[AZSIR0000, NESIR0000]")
"""An edit of SCENARIOS that makes a scenario fail."""
NEAR = ("sends_to: [AZSIR0000, NBSIR0000]", 'text: ["NAM/Sample, PAT Q", "TYPE/NEW COPY/RECEIVING STATE/NE ALSO SENT TO/AZ"]')
"""Two lines that no notice has, each a slip away from one that does."""
BROKEN = ("when: {hold: {in: holds.any_hold}}", "when: {hold: none}")
"""An edit of SCENARIOS that breaks its promise."""
FAULTY = ("because: [LENS-E30]", "because: [LENS-E31]")
"""An edit of SCENARIOS that keeps the rulebook from being used."""


def book_folder(folder: Path, *edits: tuple[str, str], scenarios: str = SCENARIOS) -> Path:
    """`folder`, with a rulebook in it; `edits` replace texts (found, written instead) of its one scenario file."""
    shutil.copytree(ROOT / "ref_data", folder / "ref_data")
    shutil.copytree(ROOT / "rules", folder / "rules", ignore=shutil.ignore_patterns("scenarios"))
    (folder / "rules/scenarios").mkdir()
    for found, instead in edits:
        assert found in scenarios
        scenarios = scenarios.replace(found, instead)
    scenario_file(folder).write_text(scenarios)
    return folder


def scenario_file(folder: Path) -> Path:
    """Its scenario file."""
    return folder / "rules/scenarios/few_test.yaml"
