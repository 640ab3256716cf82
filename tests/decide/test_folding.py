import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.decide.folding import fold, wrap
from app.domain.decision import NUMBER_MARK

TEXTS = st.one_of(
    st.text(), st.text(st.characters(max_codepoint=0x17F)), st.text(st.sampled_from("a é\r\n\0\x7f\x85\u2028ß王'"))
)
LINES = st.text(st.sampled_from("AB  -."), max_size=250)
WIDTHS = st.integers(40, 72)


@given(TEXTS)
def test_what_can_be_sent(text: str) -> None:
    """Whatever is folded, the result is printable upper-case ASCII on one line."""
    folded, _ = fold(text)
    assert folded.isascii()
    assert folded.isprintable()
    assert folded == folded.upper()


@given(TEXTS)
def test_folding_again_changes_nothing(text: str) -> None:
    """A folded text is folded already."""
    folded, _ = fold(text)
    assert fold(folded) == (folded, False)


@given(TEXTS)
def test_a_lost_character_is_said(text: str) -> None:
    """A text is said to have lost a character when one of its characters is, and then it has a `?` more than before."""
    folded, replaced = fold(text)
    assert replaced == any(fold(char)[1] for char in text)
    assert replaced == (folded.count("?") > text.count("?") + sum(char != "?" and fold(char) == ("?", False) for char in text))


@given(TEXTS)
def test_lengths_are_bounded(text: str) -> None:
    """A character becomes 18 at the most (a ligature of a whole phrase), and a text of plain letters keeps its length."""
    folded, _ = fold(text)
    assert len(folded) <= 18 * len(text)
    if text.isascii() and text.isprintable():
        assert len(folded) == len(text)


@given(st.text(), st.text())
def test_texts_are_folded_character_by_character(one: str, other: str) -> None:
    """What stands beside a character does not matter, but that neighbouring control characters are one blank."""
    assert fold(f"{one}x{other}")[0] == f"{fold(f'{one}x')[0]}{fold(f'x{other}')[0][1:]}"


@pytest.mark.parametrize(
    ("text", "folded", "replaced"),
    [
        ("Núñez", "NUNEZ", False),
        ("Łukasz", "LUKASZ", False),
        ("Groß", "GROSS", False),
        ("Þórsson", "THORSSON", False),
        ("İbrahim \u0131Ş\u0131k", "IBRAHIM ISIK", False),
        ("Nguyễn", "NGUYEN", False),
        ("E\u0301tienne", "ETIENNE", False),
        ("Æsop Œuvre", "AESOP OEUVRE", False),
        ("O\u2019Brien \u2013 \u201cX\u201d", 'O\'BRIEN - "X"', False),
        ("½ ﬁ №", "1/2 FI NO", False),
        ("\uff21\uff22", "AB", False),
        ("A\u00a0B\u2003C", "A B C", False),
        ("A\u200bB\u00adC", "ABC", False),
        ("Петров", "??????", True),
        ("王", "?", True),
        ("Γεωργίου", "????????", True),
        ("\U0001f600", "?", True),
        ("100% & <b>", "100% & <B>", False),
        ("", "", False),
    ],
)
def test_how_letters_are_written(text: str, folded: str, *, replaced: bool) -> None:
    """Accents go, Latin letters are written out, other scripts are not guessed at."""
    assert fold(text) == (folded, replaced)


@pytest.mark.parametrize(
    "control", ["\r", "\n", "\r\n", "\0", "\x02", "\x03", "\x1b", "\x7f", "\x85", "\x9f", "\u2028", "\u2029", "\t"]
)
def test_a_control_character_is_one_blank(control: str) -> None:
    """No control character and no line end survives: a run of them is one blank."""
    assert fold(f"A{control}B") == ("A B", False)
    assert fold(f"A{control}{control}B") == ("A B", False)
    assert fold(control) == (" ", False)


@given(LINES, WIDTHS)
def test_no_line_is_too_long(line: str, width: int) -> None:
    """Wrapped lines are within the width, and each further one is indented by two blanks."""
    lines = wrap(line, width)
    assert all(len(piece) <= width for piece in lines)
    assert all(piece.startswith("  ") for piece in lines[1:])


@given(LINES, WIDTHS)
def test_nothing_is_lost_but_blanks(line: str, width: int) -> None:
    """Put together again, the pieces say what the line said."""
    lines = wrap(line, width)
    assert "".join(lines).replace(" ", "") == line.replace(" ", "")
    if len(line) <= width:
        assert lines == [line]


@given(st.lists(st.text(st.sampled_from("AB"), min_size=1, max_size=20), max_size=30), WIDTHS)
def test_words_are_kept_whole(words: list[str], width: int) -> None:
    """Where there are blanks to cut at, no word is cut."""
    lines = wrap(" ".join(words), width)
    assert [word for piece in lines for word in piece.split()] == words


@pytest.mark.parametrize(
    ("line", "lines"),
    [
        ("A" * 72, ["A" * 72]),
        ("A" * 72 + " B", ["A" * 72, "  B"]),
        ("A" * 71 + " BC", ["A" * 71, "  BC"]),
        ("A" * 73, ["A" * 72, "  A"]),
        ("ADR/" + "9" * 120, ["ADR/" + "9" * 68, "  " + "9" * 52]),
        ("A B" + " " + "C" * 71, ["A B", "  " + "C" * 70, "  C"]),
        ("A" * 72 + " " + "B" * 70 + " C", ["A" * 72, "  " + "B" * 70, "  C"]),
    ],
)
def test_where_a_line_is_cut(line: str, lines: list[str]) -> None:
    """At the last blank that leaves at most 72 characters, and at 72 where there is none; the rest is indented by two blanks."""
    assert wrap(line, 72) == lines


@given(st.integers(0, 90), st.integers(0, 4), st.integers(0, 90), WIDTHS)
def test_a_message_number_is_never_cut(before: int, numbers: int, after: int, width: int) -> None:
    """A stretch without a blank is cut beside a message number, never within."""
    lines = wrap("X" * before + NUMBER_MARK * numbers + "Y" * after, width)
    assert sum(piece.count(NUMBER_MARK) for piece in lines) == numbers
    assert all(len(piece) <= width for piece in lines)
