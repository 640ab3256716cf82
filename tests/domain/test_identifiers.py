import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.identifiers import (
    DRY_RUN_ID,
    LAST_MESSAGE_NUMBER,
    UCN_DIGITS,
    message_id,
    message_number,
    ori_problem,
    ucn_check_digit,
    ucn_problem,
)

EIGHT = st.text(UCN_DIGITS, min_size=8, max_size=8)


@given(EIGHT)
def test_a_number_with_its_check_digit_passes(first_eight: str) -> None:
    """Any eight digits of a new-form FBI number and their check digit are no problem."""
    assert ucn_problem(first_eight + ucn_check_digit(first_eight)) is None


@given(EIGHT, st.sampled_from(UCN_DIGITS))
def test_a_wrong_check_digit_is_seen(first_eight: str, digit: str) -> None:
    """Any other ninth digit is a wrong check digit, unless the number has an old form."""
    number = first_eight + digit
    expected = None if digit == ucn_check_digit(first_eight) else "check-digit"
    assert ucn_problem(number) == expected or (ucn_problem(number) is None and number[:6].isdigit())


@given(EIGHT, st.integers(0, 7), st.sampled_from(UCN_DIGITS))
def test_one_wrong_digit_is_seen_where_its_weight_allows(first_eight: str, place: int, digit: str) -> None:
    """A single wrong digit changes the check digit; no weight shares a factor with 27 that could hide it."""
    other = first_eight[:place] + digit + first_eight[place + 1 :]
    assert (ucn_check_digit(other) == ucn_check_digit(first_eight)) == (other == first_eight)


@pytest.mark.parametrize("number", ["1", "1234567", "123456A", "123456H", "123456J12", "1Z9", "123456AB7", "1AA0"])
def test_old_forms_pass(number: str) -> None:
    """The old forms of the FBI number are known: digits, a letter behind, one or two digits behind it."""
    assert ucn_problem(number) is None


@pytest.mark.parametrize("number", ["A1B2C3", "12345678", "1234567A", "123456J123", "ABCDEFGHI", "00000000B"])
def test_odd_forms_are_seen(number: str) -> None:
    """Anything else of nine characters at most has no form that is known."""
    assert ucn_problem(number) == "form"


@given(st.integers(1, LAST_MESSAGE_NUMBER))
def test_a_message_number_comes_back(number: int) -> None:
    """A number written as an identifier is read as the same number, and fits the control field."""
    identifier = message_id(number)
    assert message_number(identifier) == number
    assert len(identifier) == len(DRY_RUN_ID) == 10
    assert identifier.isalnum()
    assert identifier.isupper()


@given(st.integers(1, LAST_MESSAGE_NUMBER - 1))
def test_message_numbers_sort_as_they_count(number: int) -> None:
    """Later numbers are later in the alphabet too."""
    assert message_id(number) < message_id(number + 1)


@pytest.mark.parametrize("number", [0, -1, LAST_MESSAGE_NUMBER + 1])
def test_no_other_number_is_written(number: int) -> None:
    """A number that would not fit is an error and not a wrong identifier."""
    with pytest.raises(ValueError, match="message number"):
        message_id(number)


@pytest.mark.parametrize("text", [DRY_RUN_ID, "LN00000000", "LN0000000", "ln00000A4F", "LN00000A4F ", "XX00000A4F", ""])
def test_what_is_no_message_number(text: str) -> None:
    """The stand-in of a dry run, zero, and other lengths, cases and beginnings are no numbers."""
    assert message_number(text) is None


@pytest.mark.parametrize(
    ("ori", "words"),
    [
        ("TXSIR0000", None),
        ("TX", "two letters and seven"),
        ("TXSIR000", "two letters and seven"),
        ("txsir0000", "two letters and seven"),
        ("TXSIR0000\n", "two letters and seven"),
        ("NL0000000", "belongs to Nlets itself"),
        ("TX000HELP", "HELP"),
        ("TX000UPDT", "UPDT"),
        ("TX000APND", "APND"),
        ("TX000CNCL", "CNCL"),
        ("NESIR0000", "NE is not a state's Nlets code"),
    ],
)
def test_an_address_that_may_not_be_used(ori: str, words: str | None) -> None:
    """Everything that could misdirect a message or edit Nlets' files is refused, in words that say why."""
    problem = ori_problem(ori, {"TX", "NB", "NL"})
    assert problem is None if words is None else words in str(problem)
