import pytest

from app.domain.surge import Breaker, usual

NOW = 24 * 20_000 + 10
"""An hour of some day, at 10."""


def days(counts: dict[int, int], hour: int = NOW) -> dict[int, int]:
    """Counts of the same hour, by how many days ago."""
    return {hour - 24 * back: count for back, count in counts.items()}


def test_too_little_is_known_of_six_days() -> None:
    """Nothing is normal before seven days with messages; today's do not count, nor those of more than four weeks ago."""
    six = days(dict.fromkeys(range(1, 7), 10))
    assert usual(NOW, six) is None
    assert usual(NOW, six | {NOW - 1: 10_000, NOW - 10: 10_000}) is None
    assert usual(NOW, six | days({29: 10})) is None
    assert usual(NOW, six | days({28: 10})) == 10


def test_days_without_messages_do_not_make_a_history() -> None:
    """A row that says nothing came is no day of experience."""
    assert usual(NOW, days(dict.fromkeys(range(1, 29), 0))) is None


def test_two_freak_days_do_not_become_normal() -> None:
    """The third highest peak is usual, so a surge let through once, and a day after it, change nothing; a third day does."""
    ordinary = days({back: 10 + back % 3 for back in range(1, 29)})
    assert usual(NOW, ordinary) == 12
    assert usual(NOW, ordinary | days({3: 8000})) == 12
    assert usual(NOW, ordinary | days({3: 8000, 4: 7000})) == 12
    assert usual(NOW, ordinary | days({3: 8000, 4: 7000, 5: 90})) == 90


def test_a_weekly_rush_is_usual() -> None:
    """Four weeks have four of its kind."""
    assert usual(NOW, days({back: 300 if back % 7 == 0 else 5 for back in range(1, 29)})) == 300


@pytest.mark.parametrize(("moved", "known"), [(-2, 0), (-1, 40), (0, 40), (1, 40), (2, 0)])
def test_a_rush_that_daylight_saving_moved_is_usual(moved: int, known: int) -> None:
    """An hour earlier or later is as good as the same hour; two are not."""
    assert usual(NOW, days(dict.fromkeys(range(1, 29), 40), NOW + moved)) == known


def test_the_band_is_never_below_its_floor() -> None:
    """Nor is there one before it is learned, unless an operator sets a floor."""
    assert Breaker().band(None) is None
    assert Breaker(floor=30).band(None) == 30
    assert [Breaker().band(each) for each in (0, 66, 67, 1000)] == [200, 200, 201, 3000]
    assert [Breaker(floor=30, factor=1.5).band(each) for each in (0, 20, 21)] == [30, 30, 32]
