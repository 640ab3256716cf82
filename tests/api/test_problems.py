import msgspec
import pytest

from app import errors
from app.api.requests.problems import _ADVICE, EXPLAINED, STATUS, page, problem, status_of
from app.errors import Fault, LensError, NotFound, NotJson, Refused

PROGRAM_ONLY = {errors.LensError, errors.BadSetting, errors.BadRulebook}
"""Errors that end or spoil a start; no request meets them."""


def tree(kind: type[LensError]) -> set[type[LensError]]:
    """A class of errors and all below it."""
    return {kind}.union(*(tree(below) for below in kind.__subclasses__()))


def test_every_error_a_request_may_meet_has_its_status() -> None:
    """No class of the error tree, or of the API's own, is left to a guess."""
    met = {kind for kind in tree(LensError) if kind.__module__.startswith(("app.errors", "app.api"))}
    assert met - PROGRAM_ONLY == set(STATUS)


def test_every_code_is_explained() -> None:
    """Each code's page says its status, what it means and how to mend it."""
    assert set(EXPLAINED) == set(_ADVICE)
    for code, kind in EXPLAINED.items():
        assert page(code).startswith(f"{code} (HTTP {STATUS[kind]})")


def test_an_unknown_code_has_no_page() -> None:
    """Only codes that LENS uses have a page."""
    with pytest.raises(NotFound):
        page("teapot")


def test_a_subclass_without_a_row_has_its_parents_status() -> None:
    """A finer error is answered like the nearest one above it that the table names."""

    class Odd(Refused):
        """Odd."""

    assert status_of(Odd(())) == 422
    assert status_of(LensError()) == 500


def test_a_problem_lists_every_fault() -> None:
    """The members of RFC 9457, and each fault with its place and what is allowed there."""
    error = NotJson((Fault("/a", "x", "wrong", ("b", "c")), Fault("", "y", "bad")), "Not so.")
    told = msgspec.json.decode(msgspec.json.encode(problem(error, "1234", line=7)))
    assert told == {
        "type": "/problems/not-json",
        "title": "The body is not one JSON document.",
        "status": 400,
        "detail": "Not so.",
        "instance": "urn:uuid:1234",
        "errors": [
            {"pointer": "/a", "code": "x", "message": "wrong", "allowed": ["b", "c"]},
            {"pointer": "", "code": "y", "message": "bad"},
        ],
        "line": 7,
    }
