"""A run of the scenarios as JUnit XML, for CI servers: a test case for each scenario case and each promise.

It keeps to what the Jenkins xUnit schema (junit-10) allows, the strictest of those in use: a test case has no attribute for a
line, so its place stands in `system-out` and at the head of a failure's text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from app.rulebook.problems.problem import Spot
from app.trials.scenario_report import Report

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML document can carry, not even escaped."""


@dataclass(frozen=True, slots=True)
class _Case:
    name: str
    kind: str
    spot: Spot
    faults: tuple[str, ...]
    notices: tuple[str, ...] = ()


def as_junit(report: Report) -> bytes:
    """The run as a JUnit XML document, one test suite for each scenario file."""
    cases = list(_cases(report))
    failed = sum(bool(case.faults) for case in cases)
    root = Element("testsuites", {"name": "lens test", **_counts(len(cases), failed, 0), "time": f"{report.seconds:.3f}"})
    for file in dict.fromkeys(case.spot.file for case in cases):
        _suite(root, file, [case for case in cases if case.spot.file == file], report)
    return _document(root)


def refused_as_junit(problems: str, at: datetime) -> bytes:
    """A rulebook that cannot be tested: one test case with an error, so that no CI server takes an old report for a new one."""
    root = Element("testsuites", {"name": "lens test", **_counts(1, 0, 1)})
    suite = SubElement(root, "testsuite", {"name": "rulebook", "timestamp": _time(at), **_counts(1, 0, 1)})
    case = SubElement(suite, "testcase", name="The rulebook can be used", classname="rulebook")
    SubElement(case, "error", message="the rulebook has errors", type="rulebook").text = _clean(problems)
    return _document(root)


def _cases(report: Report) -> Iterator[_Case]:
    trial = report.trial
    for result in trial.results:
        faults, notices = tuple(map(str, result.faults)), tuple(result.notice_lines())
        yield _Case(name=result.scenario.title, kind="scenario", spot=result.scenario.place, faults=faults, notices=notices)
    for promise in trial.promises:
        fault = trial.loaded.fault_of(promise)
        yield _Case(promise.name, "promise", promise.spot, (fault,) if fault is not None else ())


def _suite(root: Element, file: str, cases: list[_Case], report: Report) -> None:
    failed = sum(bool(case.faults) for case in cases)
    name = _clean(file)
    counts = _counts(len(cases), failed, 0)
    suite = SubElement(root, "testsuite", {"name": name, "file": name, "timestamp": _time(report.at), **counts})
    properties = SubElement(suite, "properties")
    SubElement(properties, "property", name="rulebook", value=report.trial.loaded.book.hash)
    for case in cases:
        place = f"{case.spot.file}:{case.spot.line}"
        element = SubElement(suite, "testcase", name=_clean(case.name), classname=_clean(f"{file}.{case.kind}"))
        if case.faults:
            failure = SubElement(element, "failure", message=_clean(case.faults[0]), type=case.kind)
            failure.text = _clean("\n".join((place, *case.faults, *case.notices)))
        SubElement(element, "system-out").text = _clean(place)


def _counts(tests: int, failures: int, errors: int) -> dict[str, str]:
    return {"tests": str(tests), "failures": str(failures), "errors": str(errors)}


def _time(at: datetime) -> str:
    return at.replace(tzinfo=None).isoformat(timespec="seconds")


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _document(root: Element) -> bytes:
    indent(root)
    written: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"
