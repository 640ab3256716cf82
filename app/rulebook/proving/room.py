"""Whether `max_characters` leaves room for the notices: a longer one is not sent, and a person is asked."""

from collections.abc import Callable, Mapping

from app.rulebook.language.model import Messages, TemplateLine
from app.rulebook.problems.problem import Problems, Spot

_NAME = (1, 194)
_NAMES_AT_MOST = 20 * _NAME[1] + 19 * len("; ")
WIDTHS: Mapping[str, tuple[int, int]] = {
    "message_id": (10, 10),
    "type": (3, 10),
    "copy": (4, 9),
    "state": (2, 2),
    "also_sent_to": (2, 4),
    "refers_to": (4, 10),
    "name": _NAME,
    "sex": (1, 1),
    "race": (1, 1),
    "date_of_birth": (8, 13),
    "place_of_birth": (2, 2),
    "fbi_number": (1, 13),
    "release_date": (8, 8),
    "release_state": (2, 2),
    "street": (1, 120),
    "city": (1, 60),
    "residence_state": (2, 10),
    "zip": (5, 10),
    "aliases": (1, _NAMES_AT_MOST),
    "height": (3, 3),
    "weight": (2, 3),
    "eyes": (3, 3),
    "hair": (3, 3),
    "state_id": (3, 13),
    "alien_number": (8, 13),
    "release_reason": (1, 4),
}
"""Fewest and most characters that each field of a message prints, for values that a release may have, in plain letters."""
_ADDED_BY_FOLD = 2
"""Characters that each further line of a folded one has more: the blanks it begins with; its line end stands for the blank cut."""


def check_room(messages: Messages, problems: Problems) -> None:
    """Tells a bound under which no notice of a message could be sent, or not every one."""
    most, spot = messages.max_characters, messages.bound_spot or Spot(messages.file)
    for template in messages.templates.values():
        always = [line for line in template.lines if line.only is None]
        least = sum(_length(line, _fewest) + 1 for line in always)
        longest = sum(_folded(_length(line, _most), messages.line_length) + 1 for line in template.lines)
        if least > most:
            message = (
                f"`max_characters` is {most:,}, and the shortest notice of `{template.name}` has {least:,}: none could be sent"
            )
            help = f"let it be {longest:,} or more, with which the longest one fits too; a longer one is not sent, and a person is asked"
            problems.error("R137", message, spot, help=help)
        elif longest > most:
            message = f"`max_characters` is {most:,}, and a notice of `{template.name}` may have up to {longest:,}: such a one is not sent"
            help = f"let it be {longest:,} or more, or the message shorter; of a notice that is longer a person is asked"
            problems.warning("R353", message, spot, help=help)


def _length(line: TemplateLine, width: Callable[[str], int]) -> int:
    return sum(len(part) if isinstance(part, str) else width(part[0]) for part in line.parts)


def _fewest(field: str) -> int:
    return WIDTHS[field][0]


def _most(field: str) -> int:
    return WIDTHS[field][1]


def _folded(length: int, width: int) -> int:
    """The most that a line comes to when it is folded: every line of it but the last is at least half full."""
    if length <= width:
        return length
    return length + _ADDED_BY_FOLD * (length // (width // 2))
