"""Reads conditions: one line of a `when`, and the values and sets that words in it name."""

import re
from collections.abc import Mapping as AbstractMapping

from app.rulebook.files.source import Mapping, Node, Scalar, Sequence
from app.rulebook.language import grammar
from app.rulebook.language.model import Comparison, Condition, Fact, Membership, Table, Test
from app.rulebook.problems.problem import did_you_mean, one_of
from app.rulebook.reading.facts import FACTS
from app.rulebook.reading.shapes import Shapes

_OPERATOR = re.compile(
    r"(?P<operator>!=|<>|!|~|=+|(?:not in|not|in|is not|is|equals)(?= |\[))[ =]*(?P<value>[^\s:=].*)", re.IGNORECASE
)
"""A condition as other languages write it, with a word or sign before the value."""
_BUT_NOT = re.compile(r"(?P<value>\S+) (?:and|but) (?:not in|not) (?P<without>\S+)", re.IGNORECASE)
_NEGATIONS = ("!=", "<>", "!", "~", "not in", "not", "is not")


def condition_meant(text: str) -> str:
    """How a condition is written that was put as other languages put it, such as `not in a.b`; "" where it was not.

    >>> condition_meant("not states.routable")
    '{not_in: states.routable}'
    >>> condition_meant("!= none")
    '{not: none}'
    """
    if without := _BUT_NOT.fullmatch(text):
        return f"{{in: {without['value']}, not_in: {without['without']}}}"
    found = _OPERATOR.fullmatch(text)
    if found is None or " and " in text or " or " in text:
        return ""
    value = found["value"].strip("\"'")
    if found["operator"].lower() not in _NEGATIONS:
        return f"{{in: {value}}}" if "." in value else value
    return f"{{not_in: {value}}}" if "." in value else f"{{not: {value}}}"


class ConditionReader:
    """Reads conditions on the facts of one rulebook."""

    def __init__(self, facts: AbstractMapping[str, Fact], tables: AbstractMapping[str, Table], shapes: Shapes) -> None:
        self._facts = facts
        self._tables = tables
        self._shapes = shapes
        self._problems = shapes.problems

    def is_fact(self, word: Scalar, *more: str) -> bool:
        """Whether the word is a fact (or one of `more`). One that facts.yaml lacks is told there and not again."""
        if word.text in FACTS and word.text not in self._facts:
            return False
        return self._shapes.known(word, "R105", "there is no fact {}", [*FACTS, *more])

    def condition(self, key: Scalar, value: Node) -> Condition:
        """The tests of one line `fact: value` of a `when` (`key` names a known fact)."""
        fact = self._facts[key.text]
        if not isinstance(value, Mapping):
            return Condition(fact.name, (self._membership(fact, value, negated=False),), key.spot)
        if self._told_as_operator(fact, value):
            return Condition(fact.name, (), key.spot)
        keys = self._shapes.keys(value, f"the condition on `{fact.name}`", *grammar.CONDITION)
        tests: list[Test] = []
        for name, node in keys.values.items() if keys else ():
            if name in {"in", "not", "not_in"}:
                tests.append(self._membership(fact, node, negated=name != "in"))
            elif name in {"same_as", "differs_from"}:
                test = self._comparison(fact, node, negated=name == "differs_from")
                tests += [test] if test else []
        if keys is not None and not keys.values:
            self._problems.error(
                "R103", f"the condition on `{fact.name}` says nothing", keys.spot, help="e.g. `{in: table.set}`"
            )
        return Condition(fact.name, tuple(tests), key.spot)

    def _told_as_operator(self, fact: Fact, value: Mapping) -> bool:
        """Whether braces hold one text without a colon, such as `{not in a.b}`; then it is told how to write it."""
        if len(value.items) != 1:
            return False
        key, rest = value.items[0]
        meant = condition_meant(key.text)
        if not meant or rest != Scalar("", rest.spot):
            return False
        message = f"the condition on `{fact.name}` lacks a colon: `{key.text}`"
        self._problems.error("R101", message, key.spot, label=f"write `{fact.name}: {meant}`")
        return True

    def _membership(self, fact: Fact, node: Node, *, negated: bool) -> Membership:
        rows: list[str] = []
        sets: list[str] = []
        words = self._shapes.words(node, f"the condition on `{fact.name}`")
        if isinstance(node, Sequence) and not node.items:
            self._problems.error(
                "R103", f"the condition on `{fact.name}` names nothing", node.spot, help="name a value or a set"
            )
        for word in words:
            if self.told_as_condition(fact, word):
                continue
            member = self.member(fact, word)
            if member is not None:
                (sets if "." in member else rows).append(member)
        return Membership(
            fact=fact.name,
            rows=tuple(rows),
            sets=tuple(s.removeprefix(f"{fact.table}.") for s in sets),
            negated=negated,
            spot=node.spot,
        )

    def told_as_condition(self, fact: Fact, word: Scalar, instead: str = "") -> bool:
        """Whether a word has an operator before it, such as `not a.b`, or a tag that was told; then no row is looked for.

        `instead` is what to say of it where no condition can stand.
        """
        table = self._tables.get(fact.table or "")
        if table is None or word.text in table.rows:
            return False
        if not word.text:
            return self._problems.told_at(word.spot)
        meant = condition_meant(word.text)
        if not meant:
            return False
        code, thing = ("R106", "set") if "." in word.text else ("R107", "row")
        help = instead or "what the fact must not be is written `{not: …}`, or for a set `{not_in: …}`"
        message = f"`{table.name}` has no {thing} `{word.text}`"
        label = "" if instead else f"write `{fact.name}: {meant}`"
        self._problems.error(code, message, word.spot, help=help, label=label)
        return True

    def member(self, fact: Fact, word: Scalar) -> str | None:
        """The row or `table.set` that a word names among the values of a fact; None when it names none (told)."""
        if fact.table is None:
            return word.text if self._shapes.choice(word, f"`{fact.name}`", ("yes", "no")) else None
        table = self._tables[fact.table]
        if "." in word.text:
            prefix = f"{table.name}."
            if not word.text.startswith(prefix):
                help = f"`{fact.name}` is one of `{table.name}`: {one_of(prefix + name for name in table.sets)}"
                label = did_you_mean(word.text.partition(".")[2], table.sets, prefix)
                self._problems.error("R106", f"`{word.text}` is not a set of `{table.name}`", word.spot, help=help, label=label)
                return None
            set_word = Scalar(word.text.removeprefix(prefix), word.spot)
            return (
                word.text
                if self._shapes.known(set_word, "R106", f"`{table.name}` has no set {{}}", table.sets, prefix)
                else None
            )
        if word.text in table.lost or (not table.whole and word.text not in table.rows):
            return None
        if word.text in table.sets and word.text not in table.rows:
            label = f"did you mean `{table.name}.{word.text}`?"
            help = "a set is named with its table"
            self._problems.error("R107", f"`{table.name}` has no row `{word.text}`", word.spot, help=help, label=label)
            return None
        return word.text if self._shapes.known(word, "R107", f"`{table.name}` has no row {{}}", table.rows) else None

    def _comparison(self, fact: Fact, node: Node, *, negated: bool) -> Comparison | None:
        word = self._shapes.scalar(node, f"the condition on `{fact.name}`")
        if word is not None and word.text in FACTS and word.text not in self._facts:
            return None
        others = [other for other in self._facts.values() if other.name != fact.name and not other.per_conviction]
        comparable = [other.name for other in others if other.table == fact.table and not fact.per_conviction]
        if word is None or not self._shapes.known(word, "R105", f"`{fact.name}` cannot be compared with {{}}", comparable):
            return None
        return Comparison(fact.name, word.text, negated, node.spot)
