"""Takes typed values out of the trees of `source.py`, telling every fault with its place, what is allowed and how to mend it.

A reader of a file (`read_*.py`) says what shape it expects; the faults themselves are worded here, once.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

from app.rulebook.files.source import Mapping, Node, Scalar, Sequence
from app.rulebook.language import grammar
from app.rulebook.language.model import Period
from app.rulebook.problems.problem import Problems, Spot, did_you_mean, list_meant, one_of

SUGGESTED = 200
"""How many problems are told with the word probably meant; the rest are told without."""

_SYNONYMS = {
    "through": {"to", "until", "till", "end", "ends", "thru", "expires"},
    "from": {"since", "start", "starts", "begin", "begins"},
    "when": {"if", "condition", "conditions", "where"},
    "then": {"do", "result", "action"},
    "overrides": {"priority", "beats", "wins", "supersedes"},
    "in": {"is", "equals", "any_of", "one_of"},
    "not_in": {"except", "unless", "none_of"},
    "except": {"not", "not_in", "without"},
    "text": {"line", "message"},
}
"""What other languages call a key."""
_DURATION = re.compile(grammar.DURATION)
_PLAIN_COMMENT = re.compile(r"(?:  |[ ]*\t)[ \t]*#+(?:[ \t]|$)")
"""A comment that nobody could mean as text: set apart from it, and with a space of its own."""
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Keys:
    """A mapping whose keys have been checked: values by key, and where each key stands."""

    values: dict[str, Node]
    spots: dict[str, Spot]
    spot: Spot

    def get(self, key: str) -> Node | None:
        """The value under `key`, or None."""
        return self.values.get(key)


class Shapes:
    """Reads shapes and collects what does not fit. Each method returns None for what it had to refuse."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems

    def keys(self, node: Node | None, what: str, required: Collection[str], optional: Collection[str] = ()) -> Keys | None:
        """A mapping with these keys and no others."""
        allowed = [*required, *optional]
        mapping = self.mapping(node, what, f"{{{allowed[0]}: …}}" if allowed else "{}")
        if mapping is None:
            return None
        for key, _ in mapping.items:
            if key.text not in allowed:
                word, colon, _ = key.text.partition(":")
                blank = f"write `{word}: …`, with a blank behind the colon" if colon and word in allowed else ""
                label = blank or self._suggest(key.text, allowed) or _synonym(key.text, allowed)
                self.problems.error("R101", f"{what} has no key `{key.text}`", key.spot, help=one_of(allowed), label=label)
        values = {key.text: value for key, value in mapping.items}
        for name in required:
            if name not in values:
                self.problems.error("R102", f"{what} lacks `{name}`", mapping.spot, help=f"add `{name}: …`; {one_of(allowed)}")
        for name in grammar.PROSE:
            if name in optional and name in values:
                self.scalar(values[name], f"`{name}` of {what}")
        for name in (*grammar.PROSE, *grammar.KEPT_TEXTS):
            if name in allowed and isinstance(text := values.get(name), Scalar):
                self.check_whole(text, f"`{name}` of {what}")
        return Keys(values, {key.text: key.spot for key, _ in mapping.items}, mapping.spot)

    def check_uncut(self, text: Scalar, what: str) -> None:
        """Tells a text that is sent, or compared with what is sent, and that YAML cut at ` #`: none of these has a comment behind it."""
        if text.rest and text.text:
            help = 'put the whole line in quotes: "…"; a comment goes on a line of its own'
            self.problems.error("R136", f"{what} ends before ` #`, where YAML begins a comment", text.spot, help=help)

    def check_whole(self, text: Scalar, what: str) -> None:
        """Tells a text for people that YAML may have cut at ` #`; what is set apart like a comment is meant as one."""
        if text.rest and text.text and not _PLAIN_COMMENT.match(text.rest):
            help = (
                'if that belongs to the text, put the whole of it in quotes: "…"; '
                "a comment has two spaces before the # and one after it"
            )
            self.problems.warning("R351", f"{what} ends before ` #`, where YAML begins a comment", text.spot, help=help)

    def mapping(self, node: Node | None, what: str, example: str = "{key: value}") -> Mapping | None:
        """Any mapping; nothing at all is an empty one."""
        if isinstance(node, Mapping):
            return node
        if isinstance(node, Scalar) and not node.text:
            return Mapping((), node.spot)
        self._wrong(node, what, "keys with values", example)
        return None

    def said(self, node: Node | None, what: str, instead: str) -> Node | None:
        """The value under a key, which must not be left empty: what is meant by nothing at all is written."""
        if isinstance(node, Scalar) and not node.text:
            self.problems.error("R103", f"{what} is empty", node.spot, help=instead)
            return None
        return node

    def items(self, node: Node | None, what: str, example: str = "[a, b]") -> tuple[Node, ...]:
        """The entries of a list; nothing at all is an empty list."""
        if node is None or (isinstance(node, Scalar) and not node.text):
            return ()
        if isinstance(node, Sequence):
            return node.items
        self._wrong(node, what, "a list", example)
        return ()

    def scalar(self, node: Node | None, what: str) -> Scalar | None:
        """One text."""
        if isinstance(node, Scalar):
            return node
        self._wrong(node, what, "one word or text", "word")
        return None

    def text(self, node: Node | None, what: str) -> str:
        """One text that is not empty, or "" when refused."""
        scalar = self.scalar(node, what)
        if scalar is not None and not scalar.text.strip():
            self.problems.error(
                "R103", f"{what} is empty", scalar.spot, help="give it a text; what stands behind a # is a comment"
            )
        return scalar.text if scalar else ""

    def choice(self, node: Node | None, what: str, allowed: Collection[str]) -> str | None:
        """One of the words allowed."""
        scalar = self.scalar(node, what)
        if scalar is None:
            return None
        if scalar.text in allowed:
            return scalar.text
        label = self._suggest(scalar.text, allowed)
        help = one_of(allowed)
        if set(allowed) == {"yes", "no"}:
            help = "write yes or no, in small letters and without quotes"
        self.problems.error("R104", f"{what} cannot be `{scalar.text}`", scalar.spot, help=help, label=label)
        return None

    def yes_no(self, node: Node | None, what: str) -> bool:
        """Whether the word is `yes`; False when refused."""
        return self.choice(node, what, ("yes", "no")) == "yes"

    def words(self, node: Node | None, what: str) -> tuple[Scalar, ...]:
        """One word, or a list of words."""
        if isinstance(node, Scalar):
            return (node,)
        return tuple(
            scalar for item in self.items(node, what) if (scalar := self.scalar(item, f"an entry of {what}")) is not None
        )

    def whole(self, node: Node | None, what: str, least: int, most: int) -> int | None:
        """A whole number between the bounds."""
        scalar = self.scalar(node, what)
        if scalar is None:
            return None
        if re.fullmatch("[0-9]{1,9}", scalar.text) and least <= int(scalar.text) <= most:
            return int(scalar.text)
        self.problems.error("R104", f"{what} is a whole number", scalar.spot, help=f"from {least:,} to {most:,}, in digits")
        return None

    def day(self, node: Node | None, what: str) -> date | None:
        """A calendar day, YYYY-MM-DD."""
        scalar = self.scalar(node, what)
        if scalar is None:
            return None
        try:
            if re.fullmatch(grammar.DAY, scalar.text):
                return date.fromisoformat(scalar.text)
        except ValueError:
            pass
        help = "write a day of the calendar as YYYY-MM-DD, e.g. 2026-10-01"
        label = _day_meant(scalar.text)
        self.problems.error("R115", f"{what} is not a day: `{scalar.text}`", scalar.spot, help=help, label=label)
        return None

    def period(self, keys: Keys | None, what: str) -> Period:
        """`from` and `through` of a mapping already checked; both days count. A missing one means no limit."""
        if keys is None:
            return Period()
        first = self.day(keys.get("from"), f"`from` of {what}") if keys.get("from") else None
        last = self.day(keys.get("through"), f"`through` of {what}") if keys.get("through") else None
        period = Period(first or Period().first, last or Period().last)
        if period.first > period.last:
            spot = keys.values["through"].spot
            help = f"`through` is the last day that counts, so it is {period.first.isoformat()} or later"
            self.problems.error("R116", f"{what} ends before it begins", spot, help=help, also=(keys.values["from"].spot,))
            return Period()
        return period

    def duration(self, node: Node | None, what: str) -> int | None:
        """A duration such as 30m in seconds; None when absent."""
        if node is None:
            return None
        scalar = self.scalar(node, what)
        if scalar is None:
            return None
        match = _DURATION.fullmatch(scalar.text)
        if match is None:
            help = "a whole number and a unit: 30s, 30m, 1h, 2d"
            self.problems.error("R118", f"{what} is not a duration: `{scalar.text}`", scalar.spot, help=help)
            return None
        return int(match[1]) * _SECONDS[match[2]]

    def authority(self, keys: Keys, what: str, spot: Spot) -> tuple[str, ...]:
        """The citations under `authority`, a list or a single one. Whoever changes what LENS does says on what ground."""
        node = keys.get("authority")
        if node is None or (isinstance(node, Scalar) and not node.text) or (isinstance(node, Sequence) and not node.items):
            message = f"{what} has no `authority`" if node is None else f"`authority` of {what} cites nothing"
            self._tell_no_ground(message, node.spot if node else spot)
            return ()
        entries = (node,) if isinstance(node, Mapping) else self.items(node, f"`authority` of {what}", "[{cite: …}]")
        cites = []
        for entry in entries:
            found = self.keys(entry, f"an authority of {what}", [], grammar.AUTHORITY.all_keys())
            cite = self.scalar(found.get("cite"), "`cite`") if found else None
            if cite is not None and cite.text.strip():
                cites.append(cite.text)
            elif found is not None and (cite is not None or found.get("cite") is None):
                self._tell_no_ground(f"an authority of {what} cites nothing", cite.spot if cite else entry.spot)
        return tuple(cites)

    def _tell_no_ground(self, message: str, spot: Spot) -> None:
        help = 'say on what ground, e.g. `authority: [{cite: "80 FR 24269"}]`'
        self.problems.error("R129", message, spot, help=help)

    def known(self, scalar: Scalar, code: str, what: str, allowed: Iterable[str], prefix: str = "") -> bool:
        """Whether the word is one of those known; tells it with the nearest one when not."""
        if isinstance(allowed, Collection) and scalar.text in allowed:
            return True
        options = list(allowed)
        if scalar.text in options:
            return True
        label = self._suggest(scalar.text.removeprefix(prefix), options, prefix)
        self.problems.error(code, what.replace("{}", f"`{scalar.text}`"), scalar.spot, help=one_of(options), label=label)
        return False

    def _suggest(self, word: str, allowed: Collection[str], prefix: str = "") -> str:
        """The word probably meant. Looking for it is slow, so a file with very many faults gets no more of it."""
        if self.problems.errors >= SUGGESTED:
            return ""
        return list_meant(word, allowed) or did_you_mean(word, allowed, prefix)

    def _wrong(self, node: Node | None, what: str, expected: str, example: str) -> None:
        if node is None:
            return
        found = {Scalar: "one text", Sequence: "a list", Mapping: "keys with values"}[type(node)]
        help = f"e.g. `{example}`"
        if expected == "a list" and isinstance(node, Mapping):
            help = "begin each entry with a hyphen and a blank: `- `"
            if node.items and node.spot.column != node.items[0][0].spot.column:
                help = "put brackets around it: `[{…}]`"
        elif isinstance(node, Mapping) and len(node.items) == 1 and node.items[0][1] == Scalar("", node.items[0][1].spot):
            help = f'braces that belong to a text stand in quotes: `"{{{node.items[0][0].text}}}"`'
        self.problems.error("R103", f"{what} must be {expected}, not {found}", node.spot, help=help)


def _synonym(word: str, allowed: Collection[str]) -> str:
    """The key that stands for a word which other languages have in its place; "" where none is allowed here."""
    meant = next((key for key, words in _SYNONYMS.items() if word.lower() in words and key in allowed), None)
    counts = ", the last day that counts" if meant == "through" else ""
    return f"that is called `{meant}` here{counts}" if meant else ""


def _day_meant(text: str) -> str:
    """The day that was probably meant by one written with a digit short, such as 2026-1-5."""
    match = re.fullmatch("([0-9]{4})[-./]([0-9]{1,2})[-./]([0-9]{1,2})", text)
    if match is None:
        return ""
    day = f"{match[1]}-{match[2]:0>2}-{match[3]:0>2}"
    try:
        date.fromisoformat(day)
    except ValueError:
        return ""
    return f"did you mean `{day}`?"
