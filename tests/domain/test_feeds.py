import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.feeds import Feed, Noticed, Watch, notice

HOUR = 3600
NOON = 12 * HOUR

TIMES = st.integers(0, 50)


def feed(heard_at: int, silent_since: int | None, caller: str = "sor") -> Feed:
    """A feed last heard of at a time, and raised as silent at another."""
    return Feed(caller, heartbeat_at=0, heard_at=heard_at, silent_since=silent_since, differences=0)


@pytest.mark.parametrize(
    ("silent_since", "heard_at", "expected"),
    [
        (None, NOON, None),
        (None, NOON - 1, "silent"),
        (NOON, NOON, None),
        (NOON - 1, NOON, "back"),
    ],
)
def test_silence_is_noticed_once_and_so_is_its_end(silent_since: int | None, heard_at: int, expected: str | None) -> None:
    """A feed is newly silent, newly heard, or nothing is new about it."""
    noticed = notice([feed(heard_at, silent_since)], Watch(NOON + HOUR, HOUR))
    assert [each.what for each in noticed] == ([] if expected is None else [expected])


@given(heard=st.lists(st.tuples(TIMES, st.none() | TIMES), max_size=5), now=TIMES, after=TIMES)
def test_what_was_carried_out_is_not_noticed_again(heard: list[tuple[int, int | None]], now: int, after: int) -> None:
    """Once a silence is raised, or settled, a second look at the same time never raises or settles the same again."""
    feeds = {f"f{place}": feed(*each, caller=f"f{place}") for place, each in enumerate(heard)}
    watch = Watch(now, after)
    noticed = notice(tuple(feeds.values()), watch)
    for each in noticed:
        since = each.heard_at if each.what == "silent" else None
        feeds[each.caller] = feeds[each.caller]._replace(silent_since=since)
    again = notice(tuple(feeds.values()), watch)
    assert not set(again) & set(noticed)
    for each in again:  # heard again, and silent since: that is news
        assert Noticed(each.caller, "back", each.heard_at) in noticed
