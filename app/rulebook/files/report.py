"""Problems as people and machines read them: text with the line and carets, JSON, SARIF 2.1.0."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from app.rulebook.files.source import SourceFile
from app.rulebook.problems.problem import Problem, Spot
from app.rulebook.problems.titles import TITLES

_LONG_VALUE = 100
SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def as_text(problems: Sequence[Problem], files: Sequence[SourceFile]) -> str:
    """Each problem with its place, its line, carets under what is meant, and how to mend it; a blank line between two."""
    lines = {file.name: file.content.decode("utf-8-sig", errors="replace").splitlines() for file in files}
    return "\n\n".join(_one(problem, lines) for problem in problems)


def _one(problem: Problem, lines: Mapping[str, Sequence[str]]) -> str:
    places = " and ".join(str(spot) for spot in (problem.spot, *problem.also))
    out = [f"{problem.severity}[{problem.code}]: {problem.message}", f"  --> {places}"]
    for spot in (problem.spot, *problem.also):
        out += _excerpt(spot, lines.get(spot.file, ()), problem.label if spot == problem.spot else "")
    if problem.cases:
        example = f", for example: {case_words(problem.example)}" if problem.example else ""
        out.append(f"  in {problem.cases:,} cases{example}")
    elif problem.example:
        out.append(f"  case: {case_words(problem.example)}")
    if problem.help:
        out.append(f"  help: {problem.help}")
    return "\n".join(out)


def _excerpt(spot: Spot, lines: Sequence[str], label: str) -> list[str]:
    if not 0 < spot.line <= len(lines):
        return []
    line = lines[spot.line - 1]
    start = min(max(spot.column - 61, 0), max(len(line) - 100, 0))
    shown = "".join(_visible(char) for char in line[start : start + 120])
    caret = " " * (spot.column - 1 - start) + "^" * max(min(spot.length, start + len(shown) - spot.column + 1), 1)
    number = f"{spot.line:4d} | "
    return [f"{number}{shown}", f"{' ' * (len(number) - 2)}| {caret}{' ' + label if label else ''}"]


def _visible(char: str) -> str:
    """A character as it is shown: a tab as a blank, and what a screen shows as nothing or as a blank as a dot."""
    return char if char.isprintable() else {"\t": " "}.get(char, "\u00b7")


def case_words(example: Mapping[str, str] | None) -> str:
    """An example case on one line, e.g. `release_date 2015-06-01, charge_code 0902`."""
    return ", ".join(f"{name} {value[:_LONG_VALUE]}" for name, value in (example or {}).items())


def as_json(problems: Sequence[Problem], rulebook: str, more: int = 0) -> dict[str, Any]:
    """The contract's machine-readable form of a check; `more` problems were found that are not listed."""
    told = {
        "ok": not any(problem.severity == "error" for problem in problems),
        "rulebook": rulebook,
        "problems": [
            {
                "code": problem.code,
                "severity": problem.severity,
                "file": problem.spot.file,
                "line": problem.spot.line,
                "column": problem.spot.column,
                "message": problem.message,
                "help": _sentences(problem.label, problem.help),
                "cases": problem.cases,
                "example": _example(problem),
                "also": [{"file": spot.file, "line": spot.line, "column": spot.column} for spot in problem.also],
            }
            for problem in problems
        ],
    }
    return {**told, "more": more} if more else told


def _example(problem: Problem) -> dict[str, str] | None:
    return {name: value[:_LONG_VALUE] for name, value in problem.example.items()} if problem.example else None


def _sentences(*parts: str) -> str:
    return ". ".join(part for part in parts if part).replace("?. ", "? ")


def as_sarif(problems: Sequence[Problem], version: str, more: int = 0) -> dict[str, Any]:
    """The problems as a SARIF 2.1.0 log, for code review tools."""
    codes = sorted({problem.code for problem in problems})
    return {
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "lens check", "version": version, "rules": list(map(_sarif_rule, codes))}},
                "columnKind": "unicodeCodePoints",
                "results": [_sarif_result(problem) for problem in problems],
                **({"properties": {"more": more}} if more else {}),
            }
        ],
    }


def _sarif_rule(code: str) -> dict[str, Any]:
    title = {"text": TITLES[code]}
    help = {"text": f"{TITLES[code]}: docs/reference/problems/{code}.md"}
    return {"id": code, "shortDescription": title, "fullDescription": title, "help": help}


def _sarif_result(problem: Problem) -> dict[str, Any]:
    text = _sentences(problem.message, problem.label, problem.help)
    return {
        "ruleId": problem.code,
        "level": problem.severity,
        "message": {"text": text},
        "locations": [_sarif_place(problem.spot)],
        "relatedLocations": [_sarif_place(spot) for spot in problem.also],
    }


def _sarif_place(spot: Spot) -> dict[str, Any]:
    region = {"startLine": spot.line, "startColumn": spot.column, "endColumn": spot.column + spot.length}
    return {"physicalLocation": {"artifactLocation": {"uri": quote(spot.file)}, "region": region}}
