"""Reads the cases of tests/rulebook/broken/: a small edit of the shipped rulebook, and what `lens check` must say of it.

    fault: A set whose name is one letter off      what is wrong, a sentence
    edit:                                          one or more, in order
      - in: rules/eligibility.yaml
        after: "id: LENS-E10"                      (optional) look for `find` only behind this text
        find: release_reasons.into_us              must stand there exactly once, or be the first behind `after`
        put: release_reasons.in_us
    told:                                          all that is told, in order: nothing more, nothing less
      - error R106: "`release_reasons` has no set `in_us`"
        at: rules/eligibility.yaml
        line: "release_reason: {in: «release_reasons.in_us»}"
        near: did you mean `release_reasons.into_us`?
        help: "allowed: into_us, left_us, needs_a_person, not_a_release"

`line` is a text that stands in the edited file exactly once, with « » around what the carets mark; without it the whole file is
meant. Other things told: `also` (places like `at` and `line`), `cases` and `example`. Other edits: `write: TEXT` (a whole file),
`add: TEXT` (at its end), `remove: yes`, `encoding: latin-1`, `line_ends: crlf`. `engine: NAME` checks with a faulty engine of
tests/rulebook/faulty_engines/. `told: []` is a file that looks odd and is fine.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from app.rulebook.problems.problem import Problem, Spot
from tests.rulebook.shipped import copied

FOLDER = Path(__file__).parent / "broken"
CASES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
ENGINES = Path(__file__).parent / "faulty_engines"

LONG = ("rules/scenarios/tables_test.yaml", "rules/scenarios/words_test.yaml")
"""Hundreds of scenarios that are left out here: no fault depends on them, and all cases would take twice as long."""

Entry = dict[str, Any]


def read_case(name: str) -> Entry:
    """A case as its file gives it."""
    case: Entry = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    return case


def edited_rulebook(case: Entry, to: Path) -> Path:
    """The shipped rulebook below `to` with the edits of a case."""
    copied(to)
    for name in LONG:
        (to / name).unlink()
    for edit in case["edit"]:
        path = to / edit["in"]
        if edit.get("remove"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
            continue
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        path.write_bytes(_ended(_new_text(edit, text), edit).encode(edit.get("encoding", "utf-8")))
    return to


def _new_text(edit: Entry, text: str) -> str:
    if "write" in edit:
        return str(edit["write"])
    if "add" in edit:
        return f"{text}{edit['add']}"
    if "find" not in edit:
        return text
    before, after, rest = text.partition(edit["after"]) if "after" in edit else ("", "", text)
    times = rest.count(edit["find"])
    assert times == 1 or (times and after), f"`{edit['find']}` stands {times} times in {edit['in']}"
    return f"{before}{after}{rest.replace(edit['find'], edit['put'], 1)}"


def _ended(text: str, edit: Entry) -> str:
    return text.replace("\n", "\r\n") if edit.get("line_ends") == "crlf" else text


def as_told(problem: Problem, folder: Path) -> Entry:
    """A problem in the words of a case's `told`."""
    entry: Entry = {f"{problem.severity} {problem.code}": problem.message, **_place(problem.spot, folder)}
    entry |= {"near": problem.label} if problem.label else {}
    entry |= {"help": problem.help} if problem.help else {}
    entry |= {"cases": problem.cases} if problem.cases else {}
    entry |= {"example": dict(problem.example)} if problem.example else {}
    return entry | ({"also": [_place(spot, folder) for spot in problem.also]} if problem.also else {})


def _place(spot: Spot, folder: Path) -> Entry:
    """`at` and `line` of a place: its line with marks, with as many lines before it as make it the only one such."""
    if spot == Spot(spot.file):
        return {"at": spot.file}
    text = (folder / spot.file).read_text(encoding="utf-8-sig", errors="replace")
    lines = text.split("\n")
    line, start = lines[spot.line - 1], spot.column - 1
    inside = line[start : start + spot.length]
    # A text that goes on over further lines is marked by its first character.
    marked = f"{line[:start]}«{inside}»{line[start + spot.length :]}".strip()
    first = spot.line - 1
    while text.count("\n".join([*lines[first : spot.line - 1], line]).strip()) > 1 and first:
        first -= 1
        marked = f"{lines[first].rstrip()}\n" + (marked if first < spot.line - 2 else _indented(line, marked))
    return {"at": spot.file, "line": marked.strip()}


def _indented(line: str, marked: str) -> str:
    return line[: len(line) - len(line.lstrip())] + marked


def in_yaml(told: list[Mapping[str, Any]]) -> str:
    """What was told, as it would stand in a case."""
    return yaml.safe_dump({"told": told}, sort_keys=False, allow_unicode=True, width=10_000)
