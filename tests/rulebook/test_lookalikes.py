import pytest

from app.rulebook.problems.lookalikes import in_message, of, plain, that_trips_a_parser


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("\u00a0convicted", "U+00A0: type an ordinary one"),
        ("convicted\u200b", "cannot be seen is in it, U+200B"),
        ("\u201c0902\u201d", "a word processor's, U+201C"),
        ("LENS\u2013E10", "U+2013: write a hyphen"),
        ("\u0441onvicted", "U+0441, cyrillic small letter es"),
        ("convicted, and so on\u2026", ""),
    ],
)
def test_what_looks_like_another_character_is_named(text: str, says: str) -> None:
    """By itself, and where a message quotes it; a message's own words are not looked at."""
    assert says in of(text)
    assert (of(text) == "") == (says == "")
    assert in_message(f"there is no `{text}`") == of(text)
    assert in_message(f"there is no {text}") == ""


@pytest.mark.parametrize(
    "text", ["\u201cAKSIR0000\u201d", "AKSIR0000\u00a0", "\uff21KSIR0000", "AKSIR\u200b0000", "'AKSIR0000'"]
)
def test_the_plain_word_that_was_meant(text: str) -> None:
    """Without quotes, blanks and what cannot be seen, in ASCII's own letters."""
    assert plain(text) == "AKSIR0000"


def test_what_trips_a_parser_stands_outside_of_quotes_and_comments() -> None:
    """A title may hold any blank and dash; between words of YAML it is the fault."""
    assert "U+00A0" in that_trips_a_parser("when:\u00a0{}")
    assert "U+2013" in that_trips_a_parser("  \u2013 id: LENS-E50")
    for line in ('title: "a\u00a0b"', "when: {} # a\u00a0b", "title: notice \u2013 or none", "title: caf\u00e9"):
        assert that_trips_a_parser(line) == ""
