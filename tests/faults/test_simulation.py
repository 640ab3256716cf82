from collections.abc import Callable
from pathlib import Path

import pytest

from app.decide.decide import Decider
from app.dispatch import inbound, lanes, retry
from app.dispatch.channel import Receipt
from app.store.outbox import tries
from app.store.outbox.tries import AttemptResult
from tests.faults.simulation import Outcome, decider_of_shipped_rules, simulate

SEEDS = range(1, 26)


@pytest.fixture(scope="module")
def decider() -> Decider:
    """The rules in this repository."""
    return decider_of_shipped_rules()


@pytest.fixture
def seed(sqlite_template: Path, tmp_path: Path, decider: Decider) -> Callable[[int], Outcome]:
    """Runs a seed."""
    return lambda number: simulate(number, sqlite_template, tmp_path, decider)


def test_no_seed_has_a_violation(seed: Callable[[int], Outcome]) -> None:
    """Whatever goes wrong in whatever order; `python -m tests.faults.simulation SEED` shows one. `make faults` runs far more."""
    outcomes = [seed(number) for number in SEEDS]
    assert {outcome.seed: outcome.violations for outcome in outcomes if outcome.violations} == {}
    for figure in ("extras", "flagged", "status cancelled", "status held_by_network"):
        assert sum(outcome.figures.get(figure, 0) for outcome in outcomes) > 0


def test_a_seed_is_the_same_run_each_time(seed: Callable[[int], Outcome]) -> None:
    """To the last row; so a failing number can be looked at."""
    assert seed(7) == seed(7)
    assert seed(7).digest != seed(8).digest


def without_the_flag(patch: pytest.MonkeyPatch) -> None:
    """A message found under way is not flagged."""
    patch.setattr(tries, "_BEGIN", tries._BEGIN.replace("maybe_duplicate OR status = 'sending'", "maybe_duplicate"))


def sent_again_though_kept(patch: pytest.MonkeyPatch) -> None:
    """SM .02. is taken for SM .04."""
    patch.setitem(inbound.SM_CODES, "02", inbound.SM_CODES["04"])


def with_unknown_as_sent(patch: pytest.MonkeyPatch) -> None:
    """A try of which no word came counts as sent."""
    real = retry.verdict

    def verdict(message: tries.Taken, receipt: Receipt, max_attempts: int) -> AttemptResult:
        return real(message, receipt._replace(fate="taken") if receipt.fate == "unknown" else receipt, max_attempts)

    patch.setattr(lanes, "verdict", verdict)


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (without_the_flag, "UNFLAGGED"),
        (sent_again_though_kept, "UNFLAGGED"),
        (with_unknown_as_sent, "UNSENT"),
    ],
)
def test_the_simulation_finds_a_planted_fault(
    seed: Callable[[int], Outcome], monkeypatch: pytest.MonkeyPatch, spoil: Callable[[pytest.MonkeyPatch], None], word: str
) -> None:
    """Each within the seeds of the test above; so that test proves something."""
    spoil(monkeypatch)
    assert any(violation.startswith(word) for number in SEEDS for violation in seed(number).violations)
