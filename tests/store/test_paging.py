from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.times import SECOND
from app.errors import Refused
from app.store.paging import LONGEST_PAGE, PAGE, after, cursor, earliest, latest, limited
from tests.store.invented import NOON

DAY = 86_400 * SECOND
MIDNIGHT = NOON - DAY // 2


@given(st.sampled_from(["messages", "work-items"]), st.integers(1, 10**17))
def test_a_cursor_comes_back_as_the_place_it_was(kind: str, last: int) -> None:
    """And is safe in a query string."""
    given_out = cursor(kind, last)
    assert after(kind, given_out) == last
    assert set(given_out) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(st.text(max_size=30))
def test_any_other_text_is_refused_or_is_a_place(text: str) -> None:
    """Never another error."""
    with suppress(Refused):
        assert after("messages", text) >= 0


@pytest.mark.parametrize(("given_size", "size"), [(None, PAGE), (1, 1), (LONGEST_PAGE, LONGEST_PAGE)])
def test_a_page_has_the_size_asked_for(given_size: int | None, size: int) -> None:
    """Within the limit."""
    assert limited(given_size) == size


@pytest.mark.parametrize("size", [0, -1, LONGEST_PAGE + 1])
def test_a_page_of_any_other_size_is_refused(size: int) -> None:
    """It is never quietly cut."""
    with pytest.raises(Refused):
        limited(size)


def test_a_day_stands_for_all_of_it_in_utc() -> None:
    """From its first to its last microsecond."""
    assert earliest("from", "2026-11-23") == MIDNIGHT
    assert latest("to", "2026-11-23") == MIDNIGHT + DAY - 1


def test_a_time_is_taken_with_its_offset() -> None:
    """Noon in UTC is seven in the morning in Virginia."""
    assert earliest("from", "2026-11-23T07:00:00-05:00") == latest("to", "2026-11-23T12:00:00Z") == NOON
    assert (earliest("from", None), latest("to", None)) == (None, None)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-23T12:00:00", "2026-02-30", "23.11.2026", "2026-11-23T25:00:00Z"])
def test_any_other_time_is_refused_by_its_name(text: str) -> None:
    """A time without an offset too: it would be a guess."""
    with pytest.raises(Refused) as caught:
        earliest("from", text)
    assert caught.value.faults[0].pointer == "/from"
