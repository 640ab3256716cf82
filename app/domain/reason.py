"""Why somebody did something: one line of text, kept in the record."""

import re

from app.errors import Fault

REASON_LENGTH = 500
"""Characters of a reason at the most."""

WORDED = "words that say why: at least one of three letters or more, and four letters in all"
"""What a reason must have, in words."""

_FEWEST_LETTERS, _FEWEST_KINDS = 4, 3


def is_worded(reason: str) -> bool:
    """Whether a reason says anything: it has a word of three letters, four letters in all, and three different ones.

    >>> is_worded("Duplicate"), is_worded("wrong person"), is_worded("."), is_worded("xx"), is_worded("aaaa")
    (True, True, False, False, False)
    """
    words = re.findall(r"[^\W\d_]+", reason)
    letters = "".join(words).casefold()
    return (
        any(len(word) >= _FEWEST_KINDS for word in words)
        and len(letters) >= _FEWEST_LETTERS
        and len(set(letters)) >= _FEWEST_KINDS
    )


def words_fault(name: str, reason: str) -> Fault | None:
    """What is wrong with the words of a reason, named by its field; None where they say why."""
    return None if is_worded(reason) else Fault(f"/{name}", "no-words", f"write {WORDED}")
