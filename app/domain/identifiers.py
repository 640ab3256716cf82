"""Identifiers of the field: ORI, FBI number (UCN), message number. Pure functions; sources in docs/reference/identifiers.md.

Facts marked [H], [M], [L] in the project's domain notes: ORI rules are from primary public sources [H], the FBI number's
check digit is second hand [M], its old forms are unchecked [L]; so an odd FBI number is a warning, never a refusal.
"""

import re
from collections.abc import Collection

UCN_DIGITS = "0123456789ACDEFHJKLMNPRTVWX"
"""The 27 digits of a new-form FBI number, in order of their value."""

_UCN_VALUES = {digit: value for value, digit in enumerate(UCN_DIGITS)}

_UCN_WEIGHTS = (2, 4, 5, 7, 8, 10, 11, 13)
_UCN_OLD_FORM = re.compile(r"[0-9]{1,7}|[0-9]{1,6}[A-H]|[0-9]{1,6}[J-Z][0-9]{1,2}|[0-9]{1,6}[A-Z]{2}[0-9]")
_ORI = re.compile(r"[A-Z]{2}[A-Z0-9]{7}")
_FORBIDDEN_ENDINGS = ("HELP", "UPDT", "APND", "CNCL")
_MESSAGE_ID = re.compile(r"LN[0-9A-Z]{8}")
_BASE36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PAIRS = tuple(first + second for first in _BASE36 for second in _BASE36)

_SAME_CODE = (
    "AK AL AR AZ CA CO CT DC DE FL GA HI IA ID IL IN KS KY LA MA MD ME MI MN MO MS MT NC ND NH NJ NM NV NY OH OK OR PA PR RI SC "
    "SD TN TX UT VA VI VT WA WI WV WY"
)
NLETS_CODES = {**{code: code for code in _SAME_CODE.split()}, "NE": "NB", "GU": "GM", "AS": "AM", "MP": "MK"}
"""The Nlets code of each of the 56 jurisdictions, by its postal code [H]. Four differ; the postal ones of those are no Nlets codes."""

DRY_RUN_ID = "LN--------"
"""What stands where a message number would, in a decision that is not stored: as long as one, which the control field limits to 10."""

LAST_MESSAGE_NUMBER = 36**8 - 1


def ucn_check_digit(first_eight: str) -> str:
    """The ninth digit of a new-form FBI number whose first eight are given (each of UCN_DIGITS).

    >>> ucn_check_digit("12345678")
    'A'
    """
    total = sum([weight * _UCN_VALUES[digit] for weight, digit in zip(_UCN_WEIGHTS, first_eight, strict=True)])
    return UCN_DIGITS[total % 27]


def ucn_problem(ucn: str) -> str | None:
    """Why an FBI number of 1 to 9 characters A-Z 0-9 looks wrong: "check-digit", "form", or None when nothing does.

    >>> ucn_problem("12345678A"), ucn_problem("12345678C"), ucn_problem("1234567"), ucn_problem("A1B2C3")
    (None, 'check-digit', None, 'form')
    """
    if _UCN_OLD_FORM.fullmatch(ucn):
        return None
    if len(ucn) == 9 and _UCN_VALUES.keys() >= set(ucn):
        return None if ucn_check_digit(ucn[:8]) == ucn[8] else "check-digit"
    return "form"


def ori_problem(ori: str, nlets_codes: Collection[str]) -> str | None:
    """Why a message may not be addressed to `ori`, in words, or None when it may. `nlets_codes` are the known state codes."""
    if not _ORI.fullmatch(ori):
        return "an ORI is two letters and seven letters or digits"
    if ori.startswith("NL"):
        return "an ORI that begins NL belongs to Nlets itself"
    if ori.endswith(_FORBIDDEN_ENDINGS):
        return f"an ORI ending in {ori[-4:]} edits Nlets' help files or is one"
    if ori[:2] not in nlets_codes:
        return f"{ori[:2]} is not a state's Nlets code"
    return None


def message_id(number: int) -> str:
    """The message number as it stands in the message: `LN` and eight of 0-9A-Z.

    >>> message_id(13119)
    'LN00000A4F'
    """
    if not 0 < number <= LAST_MESSAGE_NUMBER:
        raise ValueError(f"a message number is 1 to {LAST_MESSAGE_NUMBER}")
    rest, fourth = divmod(number, 36**2)
    rest, third = divmod(rest, 36**2)
    first, second = divmod(rest, 36**2)
    return f"LN{_PAIRS[first]}{_PAIRS[second]}{_PAIRS[third]}{_PAIRS[fourth]}"


def message_number(identifier: str) -> int | None:
    """The number behind a message id, or None when the text is no message id.

    >>> message_number("LN00000A4F"), message_number("LN--------")
    (13119, None)
    """
    return int(identifier[2:], 36) or None if _MESSAGE_ID.fullmatch(identifier) else None
