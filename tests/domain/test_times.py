from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from app.domain.times import SECOND, micros, moment, rfc3339

MOMENTS = st.datetimes(
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-10)), timezone(timedelta(hours=5, minutes=30))])
)


@given(MOMENTS.filter(lambda when: 2 < when.year < 9998))
def test_a_moment_comes_back(when: datetime) -> None:
    """A moment in Micros is the same moment again, whatever its offset."""
    assert moment(micros(when)) == when


@given(st.integers(0, 10**16), st.integers(0, 10**16))
def test_times_as_text_sort_as_times_do(one: int, other: int) -> None:
    """The texts compare as the times they tell."""
    assert (rfc3339(one) < rfc3339(other)) == (one < other)


def test_a_time_as_callers_see_it() -> None:
    """Six decimals, and Z for UTC."""
    assert rfc3339(SECOND // 2) == "1970-01-01T00:00:00.500000Z"
