import random
import re
import warnings
from pathlib import Path

import pytest

from app.rulebook.files.source import read_folder
from app.rulebook.language import grammar
from app.rulebook.problems.problem import Problems
from app.rulebook.reading.content import read_content
from app.rulebook.reading.patterns import LONGEST, MOST_OPEN, fits, in_words, length, parts_of
from tests.rulebook.shipped import copied

CHARACTERS = "ABCab019 _-."


@pytest.mark.parametrize(
    ("pattern", "words", "characters"),
    [
        ("[A-Z]{2}[A-Z0-9]{7}", "2 of A-Z, then 7 of A-Z or 0-9", 9),
        ("[0-9]{4}", "4 of 0-9", 4),
        ("A-?[0-9]{1,3}", "`A`, then perhaps one `-`, then 1 to 3 of 0-9", None),
        ("[A-Z .]", "A-Z or a blank or .", 1),
    ],
)
def test_a_pattern_in_words(pattern: str, words: str, characters: int | None) -> None:
    """Each part with how many of which characters; their number where it is always the same."""
    assert (in_words(pattern), length(pattern)) == (words, characters)


def invented(chance: random.Random) -> str:
    """A pattern of the form that `matches` may have, most of them hard: parts that overlap, with counts left open."""
    parts = []
    for _ in range(chance.randint(1, 6)):
        unit = chance.choice("AB01 -_")
        if chance.random() < 0.6:
            unit = f"[{''.join(chance.choices(CHARACTERS, k=chance.randint(1, 4)))}]"
        least = chance.randint(0, 4)
        counts = ("", "", "?", f"{{{least}}}", f"{{{least},{least + chance.randint(0, 5)}}}")
        parts.append(unit + chance.choice(counts))
    return "".join(parts)


def test_random_patterns_are_matched_as_re_does() -> None:
    """Patterns and texts by chance, always the same ones: equal to `re`, and refused where `re` knows no such pattern."""
    chance = random.Random(20261124)
    seen = {True: 0, False: 0}
    simple = re.compile(grammar.SIMPLE_PATTERN)
    for _ in range(20_000):
        pattern = invented(chance)
        assert simple.fullmatch(pattern)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of a class that may mean something else one day
            try:
                known: re.Pattern[str] | None = re.compile(pattern)
            except re.error:
                known = None
        assert isinstance(parts_of(pattern), str) is (known is None), pattern
        if known is None:
            continue
        for _ in range(5):
            text = "".join(chance.choices(CHARACTERS[: chance.randint(1, len(CHARACTERS))], k=chance.randint(0, 9)))
            found = known.fullmatch(text) is not None
            seen[found] += 1
            assert fits(pattern, text) is found, (pattern, text)
    assert min(seen.values()) > 1_000


def test_a_pattern_that_re_would_never_end_with() -> None:
    """Each further `A?` would double its time; here 200 characters take as long as any."""
    hostile = f"{'A?' * MOST_OPEN}A{{{MOST_OPEN - 1}}}B"
    assert isinstance(parts_of(hostile), tuple)
    assert not fits(hostile, "A" * (2 * MOST_OPEN))
    assert fits(hostile, "A" * (MOST_OPEN + 5) + "B")
    assert fits("[A-Z]{0,999}" * 10 + "[0-9]", "A" * 5000 + "1")
    assert not fits("[A-Z]{0,999}" * 10 + "[0-9]", "A" * 5000)


@pytest.mark.parametrize("pattern", ["A?" * (MOST_OPEN + 1), "A" * (LONGEST + 1), "[Z-A]", "A{3,2}", "[a-Z]"])
def test_a_pattern_that_cannot_be_used_is_a_fault(tmp_path: Path, pattern: str) -> None:
    """Told at its place, as R119; a range that ends before it begins had broken LENS."""
    folder = copied(tmp_path)
    states = folder / "ref_data/states.yaml"
    states.write_text(states.read_text().replace('matches: "[A-Z]{2}", title', f'matches: "{pattern}", title'))
    problems = Problems()
    read_content(read_folder(folder, problems), problems)
    assert [(found.code, found.spot.file) for found in problems.found] == [("R119", "ref_data/states.yaml")]
