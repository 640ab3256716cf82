"""`lens fmt`: files get one layout, twice changes no more than once, and nothing that they say is lost."""

import random
import re
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.errors import BadRulebook
from app.rulebook.files.source import Mapping, Node, Scalar, Sequence, SourceFile, read_yaml
from app.rulebook.problems.problem import Problems
from app.rulebook.tidying import formatting
from app.rulebook.tidying.formatting import tidied
from tests.rulebook.shipped import ROOT

SHIPPED = sorted(path for top in ("rules", "ref_data") for path in (ROOT / top).rglob("*.yaml"))


def tidy(text: str | bytes) -> str:
    """A text when tidy; it must be one that can be read."""
    problems = Problems()
    content = tidied(SourceFile("x.yaml", text.encode() if isinstance(text, str) else text), problems)
    assert content is not None, problems.found
    return content.decode()


def says(text: str) -> object:
    """What a YAML text says, without where."""
    return plain(read_yaml(SourceFile("x.yaml", text.encode()), Problems()))


def plain(node: Node | None) -> object:
    """A tree without its places; the order of keys counts, but for rules."""
    if isinstance(node, Mapping):
        pairs = [(key.text, plain(value)) for key, value in node.items]
        return dict(pairs) if {"id", "then"} <= {key for key, _ in pairs} else pairs
    if isinstance(node, Sequence):
        return [[plain(item)] for item in node.items]
    return node.text if isinstance(node, Scalar) else None


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_the_shipped_files_are_tidy(path: Path) -> None:
    """Every shipped file is as it should be, aligned columns included."""
    assert tidy(path.read_bytes()) == path.read_text()


LAID_OUT = {
    "blanks in braces": ("a: { b: c }\n", "a: {b: c}\n"),
    "blanks after commas": ("a: [b,c ,  d]\n", "a: [b, c, d]\n"),
    "a colon in quotes": ('a: {"b":c}\n', 'a: {"b": c}\n'),
    "blanks at the end": ("a: b  \n  \nc: d\t\n", "a: b\n\nc: d\n"),
    "no line end": ("a: b", "a: b\n"),
    "lines at the end": ("a: b\n\n\n", "a: b\n"),
    "line ends of Windows": ("a: b\r\nc: d\r\n", "a: b\nc: d\n"),
    "byte order mark": ("\ufeffa: b\n", "a: b\n"),
    "tab between words": ("a:\tb\t# c\n", "a: b # c\n"),
    "four blanks": ("a:\n    b:\n        c: d\n", "a:\n  b:\n    c: d\n"),
    "list at the edge": ("a:\n- b: c\n  d: e\n- f\n", "a:\n  - b: c\n    d: e\n  - f\n"),
    "wide dash": ("a:\n  -   b: c\n      d: e\n", "a:\n  - b: c\n    d: e\n"),
    "lists of lists": ("a:\n  -   - b\n      -   c\n", "a:\n  - - b\n    - c\n"),
    "aligned columns": ("a: {b: c,   d: e}\nf: {g: hij, k: l}\n", "a: {b: c,   d: e}\nf: {g: hij, k: l}\n"),
    "not aligned": ("a: {b: c,   d: e}\nf: {g: h}\n", "a: {b: c, d: e}\nf: {g: h}\n"),
    "aligned no more": ("ab: {c: d,  e: f}\ngh: {i:  j, l: m}\n", "ab: {c: d, e: f}\ngh: {i: j, l: m}\n"),
    "comment in its column": ("a: { b: c }   # d\ne: f          # g\n", "a: {b: c}     # d\ne: f          # g\n"),
    "comment pushed": ("a: [b,c,d]  # e\n", "a: [b, c, d]  # e\n"),
    "comment with its key": ("a:\n    # why\n    b: c\n    # end\n", "a:\n  # why\n  b: c\n  # end\n"),
    "list over lines": ("a:\n    [\n      b,c,\n      d\n    ]\n", "a:\n  [\n    b, c,\n    d\n  ]\n"),
    "text over lines": ('a:\n    b: "c\n      d  \n      e"   # f\n', 'a:\n  b: "c\n    d  \n    e"     # f\n'),
    "text in lines": ("a:\n    b: |\n      c \n\n       d\n    e: f\n", "a:\n  b: |\n    c \n\n     d\n  e: f\n"),
    "quotes stay": ("a: ['b', \"c\",  d]\n", "a: ['b', \"c\", d]\n"),
    "rows stay in order": ("rows:\n  b: {}\n  a: {}\n", "rows:\n  b: {}\n  a: {}\n"),
}


@pytest.mark.parametrize("name", LAID_OUT)
def test_a_layout(name: str) -> None:
    """One thing at a time: what is untidy, and what becomes of it, once and for all."""
    untidy, expected = LAID_OUT[name]
    assert tidy(untidy) == expected
    assert tidy(expected) == expected


def test_the_keys_of_a_rule_in_order() -> None:
    """Keys move with the comments above them, behind their own text; comments behind the last word stay where they are."""
    untidy = """\
rules:
  - then: {}  # asks for nothing
    # how it is called
    id: A
    when:
      hold: none
    title: >-
      in
      two lines

  # about the next one
  - id: B
    title: x
    when: {}
    then: {}
    # the end
otherwise:
  then: {}
  id: C
  title: y
"""
    assert (
        tidy(untidy)
        == """\
rules:
  # how it is called
  - id: A
    title: >-
      in
      two lines
    when:
      hold: none
    then: {}  # asks for nothing

  # about the next one
  - id: B
    title: x
    when: {}
    then: {}
    # the end
otherwise:
  id: C
  title: y
  then: {}
"""
    )


def test_what_cannot_be_read_is_told() -> None:
    """A file with a fault is not touched; the fault is told as `lens check` does."""
    problems = Problems()
    assert tidied(SourceFile("x.yaml", b"a:\n\tb: c\n"), problems) is None
    assert [(problem.code, problem.spot.line) for problem in problems.found] == [("R002", 2)]
    assert tidied(SourceFile("x.yaml", b"a: &b c\n"), problems) is None


def test_a_change_of_meaning_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the layout ever to change what a file says, nothing is written and the file is named."""
    monkeypatch.setattr(formatting, "laid_out", lambda text: text.replace("c", "d"))
    with pytest.raises(BadRulebook, match=r"x\.yaml would not say the same"):
        tidied(SourceFile("x.yaml", b"a: c\n"), Problems())


def test_a_layout_that_cannot_be_kept_is_refused() -> None:
    """Lines kept by `|+` at the end of a file are said by nothing but its end, so the file is left alone."""
    with pytest.raises(BadRulebook):
        tidied(SourceFile("x.yaml", b"a: |+\n  b\n\n\n"), Problems())


Tree = str | list["Tree"] | dict[str, "Tree"]

WORDS = st.sampled_from(["a", "bc", "rules", "0101", '"x: y, #"', "'it''s'", "charges.some", "id", "then", "title", '""'])
KEYS = WORDS.filter(lambda word: word[0] not in "'\"")
TREES: st.SearchStrategy[Tree] = st.recursive(
    WORDS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


def written(tree: Tree, chance: random.Random, indent: int) -> str:
    """A tree as careless people might write it: any indentation, blanks and comments, in lines or in brackets."""
    if isinstance(tree, str):
        return tree
    if not tree or chance.random() < 0.3:
        return in_brackets(tree, chance)
    step = indent + chance.choice([1, 2, 2, 3, 4])
    lines = []
    for mark, value in _marked(tree):
        if chance.random() < 0.15:
            lines.append(" " * chance.choice([0, step]) + f"# note {chance.random()}")
        text = written(value, chance, step)
        comment = f"  # {chance.random()}" if chance.random() < 0.15 else ""
        blanks = " " * chance.choice([1, 1, 1, 2, 4])
        rest = comment + text if text.startswith("\n") else blanks + text + comment
        lines.append(" " * step + mark + rest + chance.choice(["", "", "  "]))
    return "\n" + "\n".join(lines)


def _marked(tree: list[Tree] | dict[str, Tree]) -> list[tuple[str, Tree]]:
    return [(f"{key}:", value) for key, value in tree.items()] if isinstance(tree, dict) else [("-", item) for item in tree]


def in_brackets(tree: Tree, chance: random.Random) -> str:
    """A tree in braces and brackets, with blanks anywhere."""
    if isinstance(tree, str):
        return tree
    inner = [in_brackets(value, chance) for _, value in _marked(tree)]
    if isinstance(tree, dict):
        inner = [f"{key}{_some(chance)}: {_some(chance)}{text}" for key, text in zip(tree, inner, strict=True)]
    first, last = "{}" if isinstance(tree, dict) else "[]"
    return f"{first}{_some(chance)}{f'{_some(chance)},{_some(chance)}'.join(inner)}{_some(chance)}{last}"


def _some(chance: random.Random) -> str:
    return " " * chance.choice([0, 0, 1, 2])


def test_a_dash_on_a_line_of_its_own_stays_with_its_rule() -> None:
    """When the keys of the rule before it are put in order."""
    start, end = "rules:\n  -\n", "  # of B\n  -  # its dash\n    id: B\n    then: notify\n"
    assert tidy(f"{start}    then: notify\n    id: A\n{end}") == tidy(f"{start}    id: A\n    then: notify\n{end}")


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(["kind", "rules", "otherwise", "sets"]), TREES, min_size=1, max_size=3), st.integers())
def test_nothing_is_lost(tree: dict[str, Tree], seed: int) -> None:
    """However a file is written: tidying keeps what it says and every comment, and a second time changes nothing."""
    untidy = written(tree, random.Random(seed), -1).lstrip("\n") + "\n"
    before = says(untidy)
    assume(before is not None)
    once = tidy(untidy)
    assert says(once) == before
    assert comments(once) == comments(untidy)
    assert tidy(once) == once
    assert not re.search("[ \t]$", once, re.MULTILINE)


def comments(text: str) -> list[str]:
    """All comments of a text."""
    return sorted(re.findall(r"# (?:note )?[0-9.e-]+", text))
