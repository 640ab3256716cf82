import pytest

from app.rulebook.patterns import in_words, length


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
