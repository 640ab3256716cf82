"""Characters that look like others or cannot be seen: what word processors, web pages and keyboards put where a plain one belongs.

Two words that look the same and are not are told apart nowhere on a screen, so whatever is wrong with one says which character it is.
"""

import re
import unicodedata

_QUOTES = "\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb\u2039\u203a"
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_UNSEEN = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_FULL_WIDTH = "\uff02\uff07\uff0c\uff1a\uff3b\uff3d\uff5b\uff5d"
"""Quotes, comma, colon and brackets as wide as a Chinese character."""
_NOT_PLAIN = re.compile("[^ -~\t\n\r\u2026]")
"""Any character but ASCII's, and the ellipsis with which a message shortens a word."""
_TRIPS_A_PARSER = re.compile(rf"[^\S \t\n\r]|[{_UNSEEN}{_FULL_WIDTH}]|^\s*[{_DASHES}]")
_QUOTED = re.compile("`([^`]*)`")
_IN_QUOTES = re.compile(r"\"[^\"]*\"|'[^']*'")


def in_message(message: str) -> str:
    """What is odd about the words that a message quotes, or ""."""
    return next((hint for word in _QUOTED.findall(message) if (hint := of(word))), "")


def of(text: str) -> str:
    r"""What is odd about the first character of a text that is not plain ASCII, and what to write instead; "" where all are.

    >>> of("LENS\u2013E10")
    'this dash is U+2013: write a hyphen, -'
    """
    found = _NOT_PLAIN.search(text)
    if found is None:
        return ""
    char = found[0]
    name = f"U+{ord(char):04X}"
    if char in _QUOTES:
        return f"this quote is a word processor's, {name}: write \" or '"
    if char in _DASHES:
        return f"this dash is {name}: write a hyphen, -"
    if unicodedata.category(char)[0] == "Z":
        return f"a blank of another kind is in it, {name}: type an ordinary one"
    if unicodedata.category(char)[0] == "C":
        return f"a character that cannot be seen is in it, {name}: type the word anew"
    return f"a character in it is {name}, {unicodedata.name(char, 'without a name').lower()}: type the word anew"


def that_trips_a_parser(line: str) -> str:
    """What is odd about a line of YAML where no quotes stand around it: a blank of another kind, or what stands for one of its signs."""
    found = _TRIPS_A_PARSER.search(_IN_QUOTES.sub("", line).partition(" #")[0])
    return of(found[0].strip(" ")) if found else ""


def plain(text: str) -> str:
    r"""The text as it was meant: ASCII's own signs, and no quotes around it.

    >>> plain("\u201cAKSIR0000\u201d")
    'AKSIR0000'
    """
    dashes = dict.fromkeys(map(ord, _DASHES), "-")
    nothing = dict.fromkeys(map(ord, _UNSEEN + _QUOTES))
    return unicodedata.normalize("NFKC", text.translate(dashes | nothing)).strip(" '\"")
