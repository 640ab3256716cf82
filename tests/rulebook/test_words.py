"""Words of notices: a case is reworded exactly when composing its notices gives other texts; random edits are counted one by one."""

from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.decide.decide import Decider
from app.decide.terms import Terms
from app.rulebook.book import tried
from app.rulebook.comparing.differences import difference
from app.rulebook.reading.content import Content
from app.trials.situations import case_of, notices_in, situations
from tests.rulebook.random_rules import FEWEST
from tests.rulebook.small_books import cut_down, edited, one_by_one
from tests.rulebook.test_changes import EDITS, assert_as_one_by_one

WORDS = (
    "a state only tests",
    "a line less",
    "a line for late notices",
    "another state printed",
    "another condition",
    "two states leave, a dated change of one",
)


@pytest.mark.parametrize("name", WORDS)
def test_a_case_is_reworded_when_its_notices_read_otherwise(name: str) -> None:
    """Held against the composer: late or not, a correction or not, with a residence stated or not."""
    old, new = cut_down(edited()), cut_down(edited(EDITS[name]))
    deciders = decider_of(old), decider_of(new)
    seen = set()
    for case in one_by_one(old, new):
        key = case.first, case.values["release_state"], case.values["residence_state"]
        if case.before.outcome != "notify" or case.before.effect != case.after.effect or key in seen:
            continue
        seen.add(key)
        day = case.first.isoformat() if case.first.year > 1 else "2015-01-01"
        example = {"release_date": day, **case.values}
        before, after = (list(texts(decider, example)) for decider in deciders)
        assert (difference(case.before, case.after) is not None) == (before != after), example
    assert seen


def decider_of(content: Content) -> Decider:
    """What decides under a rulebook."""
    return Decider(tried(content, content.views()), Terms())


def texts(decider: Decider, example: Mapping[str, str]) -> Iterator[str]:
    """Every notice of a case, in every situation."""
    for situation in situations(example):
        yield from (notice.text for notice in notices_in(decider, case_of(example), situation))


@FEWEST
@given(st.sets(st.sampled_from(sorted(set(EDITS) - {"routing reads the reason"})), min_size=1, max_size=3))
def test_random_edits_at_once_are_counted_as_one_by_one(names: set[str]) -> None:
    """No change hides behind another: several edits at once are counted and grouped as deciding every case alone does."""
    texts_edited = [EDITS[name] for name in sorted(names)]
    places = {(file, found) for file, found, _ in texts_edited}
    if len(places) == len(texts_edited) and not clashing(texts_edited):
        assert_as_one_by_one(cut_down(edited()), cut_down(edited(*texts_edited)))


def clashing(edits: list[tuple[str, str, str]]) -> bool:
    """Whether one edit looks for text that another has replaced."""
    return any(first[0] == second[0] and second[1] in first[1] for first in edits for second in edits if first is not second)
