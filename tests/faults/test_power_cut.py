from pathlib import Path
from random import Random

from tests.faults.power_cut import WEAK, cuts, live


def test_a_power_cut_at_any_instant_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """Whatever the disk keeps of what was not synced: releases, messages, audit trail and the spool's files are whole."""
    found = list(cuts(live(tmp_path, 40), tmp_path, 40, Random(1)))
    assert [violation for cut in found for violation in cut.violations] == []
    assert max(cut.acknowledged for cut in found) > 30


def test_the_power_cut_finds_what_synchronous_normal_loses(tmp_path: Path) -> None:
    """The same cuts of a service that does not wait for the disk: so the test above proves something."""
    found = list(cuts(live(tmp_path, 40, WEAK), tmp_path, 40, Random(1)))
    assert sum(cut.lost for cut in found) > 40
    assert any(violation.startswith("LOST") for cut in found for violation in cut.violations)
