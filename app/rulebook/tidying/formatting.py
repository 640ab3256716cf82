"""Keeps rulebook files tidy: the same layout everywhere, so that what differs between two versions is what was meant to.

Only blanks, line ends and the order of a rule's keys change; words, quotes, comments and the order of rows and rules stay. The
tree read from the new text is held against that of the old one before anything is taken for tidy.
"""

import re
from collections.abc import Iterator

from app.errors import BadRulebook
from app.rulebook.files.source import Mapping, Node, Scalar, Sequence, SourceFile, read_yaml
from app.rulebook.language.grammar import RULE, RULE_ORDER
from app.rulebook.problems.problem import Problems
from app.rulebook.tidying.layout import laid_out

_BEHIND = re.compile(r"\s*(?P<dash>-)?\s*(#.*)?")
"""A line without a word, that may have the dash of what follows."""

ROUNDS = 100
"""How often a text is laid out at the most until nothing changes."""


def tidied(file: SourceFile, problems: Problems) -> bytes | None:
    """What a YAML file is when tidy; None where it cannot be read, which is told. Raises BadRulebook where it would not stay the same."""
    before = len(problems.found)
    tree = read_yaml(file, problems)
    if tree is None or len(problems.found) > before:
        return None
    text = file.content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    text = _order_keys(text, tree)
    for _ in range(ROUNDS):
        last, text = text, laid_out(text)
        if text == last:
            break
    content = text.encode()
    if _meaning(read_yaml(SourceFile(file.name, content), Problems())) != _meaning(tree):
        raise BadRulebook(
            f"{file.name} would not say the same when tidied, so it is left as it is; simplify its layout by hand"
        )
    return content


def _meaning(node: Node | None) -> object:
    """A tree without its places, and with the keys of each rule in their usual order."""
    if isinstance(node, Mapping):
        pairs = [(key.text, _meaning(value)) for key, value in node.items]
        return ("keys", sorted(pairs, key=lambda pair: _rank(pair[0])) if _is_rule(node) else pairs)
    if isinstance(node, Sequence):
        return [_meaning(item) for item in node.items]
    return node.text if isinstance(node, Scalar) else None


def _is_rule(node: Node) -> bool:
    return isinstance(node, Mapping) and {"id", "then"} <= {key.text for key, _ in node.items}


def _rank(key: str) -> int:
    """Where a key stands in a rule; one that no rule has stands last."""
    return RULE_ORDER.index(key) if key in RULE_ORDER else len(RULE.all_keys())


def _order_keys(text: str, tree: Node) -> str:
    """The text with the keys of each rule in their usual order, each with the comments above it."""
    lines = text.split("\n")
    for rule, end in _rules(tree, len(lines)):
        begin, column = rule.spot.line - 1, rule.spot.column - 1
        names = [key.text for key, _ in rule.items]
        a_line_each = len({key.spot.line for key, _ in rule.items}) == len(names) and lines[begin][column] != "{"
        if a_line_each and names != sorted(names, key=_rank):
            lines[begin:end] = _sorted_lines(lines[begin:end], rule)
    return "\n".join(lines)


def _rules(tree: Node, count: int) -> Iterator[tuple[Mapping, int]]:
    """The rules of a file that has any, each with the number of the line where what follows it begins."""
    top = {key.text: (key, value) for key, value in tree.items} if isinstance(tree, Mapping) else {}
    listed = top["rules"][1] if "rules" in top else None
    found = list(listed.items) if isinstance(listed, Sequence) else []
    found += [top["otherwise"][1]] if "otherwise" in top else []
    starts = sorted({node.spot.line - 1 for node in (*found, *(key for key, _ in top.values()))})
    for rule in found:
        if isinstance(rule, Mapping) and _is_rule(rule):
            last = rule.items[-1][0].spot.line - 1
            yield rule, next((start for start in starts if start > last), count)


def _sorted_lines(lines: list[str], rule: Mapping) -> list[str]:
    """The lines of a rule with its keys in order. Behind its last word stay comments, empty lines and the dash of what follows."""
    column = rule.spot.column - 1
    behind = len(lines)
    while (found := _BEHIND.fullmatch(lines[behind - 1])) and found.start("dash") < column:
        behind -= 1
    begins = [_with_comments(lines, key.spot.line - rule.spot.line) for key, _ in rule.items]
    head, lines[0] = lines[0][:column], " " * column + lines[0][column:]
    parts = [lines[begin:end] for begin, end in zip(begins, [*begins[1:], behind], strict=True)]
    names = [key.text for key, _ in rule.items]
    ordered = [line for _, part in sorted(zip(names, parts, strict=True), key=lambda pair: _rank(pair[0])) for line in part]
    own = next(number for number, line in enumerate(ordered) if not _is_comment(line))
    above = [head.partition("-")[0] + line.lstrip() for line in ordered[:own]]
    return [*above, head + ordered[own][column:], *ordered[own + 1 :], *lines[behind:]]


def _with_comments(lines: list[str], at: int) -> int:
    """Where a key begins that stands in line `at`, with the comments right above it."""
    while at > 1 and _is_comment(lines[at - 1]):
        at -= 1
    return at


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")
