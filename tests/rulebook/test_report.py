"""Problems as people, programs and code review read them."""

from app.rulebook.files.report import as_json, as_sarif, as_text
from app.rulebook.files.source import SourceFile
from app.rulebook.problems.problem import Problem, Problems, Spot, did_you_mean, one_of

FILES = (
    SourceFile("rules/a.yaml", b"\xef\xbb\xbfone: two\nthree: [four, five]\n"),
    SourceFile("rules/b.yaml", ("x: " + "y" * 300 + " z\n").encode()),
)
PLACE = Spot("rules/a.yaml", 2, 9, 4)
PROBLEM = Problem(
    code="R106", severity="error", message="there is no `four`", spot=PLACE, help="allowed: for", label="did you mean `for`?"
)


def test_a_problem_in_text() -> None:
    """Code, words, place, the line, carets with the word meant, and how to mend it."""
    assert as_text([PROBLEM], FILES) == (
        "error[R106]: there is no `four`\n"
        "  --> rules/a.yaml:2:9\n"
        "   2 | three: [four, five]\n"
        "     |         ^^^^ did you mean `for`?\n"
        "  help: allowed: for"
    )


def test_several_places_and_a_counted_example() -> None:
    """Each place has its line; cases are counted in thousands, with one of them."""
    problem = Problem(
        "R201", "error", "they clash", Spot("rules/a.yaml", 1, 1, 3), cases=1234567, example={"hold": "none"}, also=(PLACE,)
    )
    assert as_text([problem], FILES) == (
        "error[R201]: they clash\n"
        "  --> rules/a.yaml:1:1 and rules/a.yaml:2:9\n"
        "   1 | one: two\n"
        "     | ^^^\n"
        "   2 | three: [four, five]\n"
        "     |         ^^^^\n"
        "  in 1,234,567 cases, for example: hold none"
    )


def test_a_long_line_is_cut_around_the_place() -> None:
    """Of a long line the part around the place is shown, with the carets below it."""
    shown = as_text([Problem("R107", "error", "no", Spot("rules/b.yaml", 1, 305, 1))], FILES).splitlines()
    line, caret = shown[2], shown[3]
    assert len(line) < 130
    assert line[caret.index("^")] == "z"


def test_places_that_cannot_be_shown() -> None:
    """A place in a file that is not there, or beyond its end, is named without a line."""
    for spot in (Spot("rules/"), Spot("rules/a.yaml", 9, 1)):
        assert as_text([Problem("R001", "error", "no", spot)], FILES) == f"error[R001]: no\n  --> {spot}"


def test_what_a_screen_does_not_show() -> None:
    """A no-break space and what has no width are shown as dots, one for each, so that the carets are below what is meant."""
    files = [SourceFile("rules/c.yaml", "hold:\u00a0no\u200bne".encode())]
    shown = as_text([Problem("R107", "error", "no", Spot("rules/c.yaml", 1, 6, 6))], files).splitlines()
    assert shown[2:] == ["   1 | hold:\u00b7no\u00b7ne", "     |      ^^^^^^"]


def test_two_problems_are_apart() -> None:
    """A blank line stands between two."""
    assert as_text([PROBLEM, PROBLEM], FILES).count("\n\nerror[R106]") == 1


def test_order_and_doubles() -> None:
    """Errors come first, then places in order, and the same thing is told once, also with an example."""
    problems = Problems()
    problems.warning("R320", "odd", Spot("a", 1))
    for _ in range(2):
        problems.error("R260", "differs", Spot("b", 2), example={"hold": "none"})
    problems.error("R104", "wrong", Spot("b", 1, 5))
    problems.error("R103", "wrong", Spot("b", 1, 5))
    assert [problem.code for problem in problems.sorted()] == ["R103", "R104", "R260", "R320"]
    assert problems.has_errors


def test_json() -> None:
    """The contract's shape, every key there, the word meant before the help."""
    warning = Problem(
        "R310", "warning", "ends", Spot("rules/a.yaml", 1, 1, 3), cases=7, example={"hold": "none"}, also=(PLACE,)
    )
    assert as_json([PROBLEM, warning], "0123456789ab") == {
        "ok": False,
        "rulebook": "0123456789ab",
        "problems": [
            {
                "code": "R106",
                "severity": "error",
                "file": "rules/a.yaml",
                "line": 2,
                "column": 9,
                "message": "there is no `four`",
                "help": "did you mean `for`? allowed: for",
                "cases": 0,
                "example": None,
                "also": [],
            },
            {
                "code": "R310",
                "severity": "warning",
                "file": "rules/a.yaml",
                "line": 1,
                "column": 1,
                "message": "ends",
                "help": "",
                "cases": 7,
                "example": {"hold": "none"},
                "also": [{"file": "rules/a.yaml", "line": 2, "column": 9}],
            },
        ],
    }
    assert as_json([warning], "")["ok"] is True


def test_sarif() -> None:
    """SARIF 2.1.0: one rule a code, one result a problem, regions from one with an end behind the last character."""
    log = as_sarif([PROBLEM, PROBLEM], "1.0")
    (run,) = log["runs"]
    (rule,) = run["tool"]["driver"]["rules"]
    assert (log["version"], rule["id"], rule["shortDescription"]) == ("2.1.0", "R106", {"text": "There is no such set"})
    assert len(run["results"]) == 2
    result = run["results"][0]
    assert (result["ruleId"], result["level"]) == ("R106", "error")
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "rules/a.yaml"},
        "region": {"startLine": 2, "startColumn": 9, "endColumn": 13},
    }


def test_a_file_in_sarif_is_a_uri() -> None:
    """A blank or umlaut in a file's name is written as a URI must have it; columns are said to be characters."""
    odd = Problem("R106", "error", "there is no `four`", Spot("rules/für Bonn.yaml"))
    (run,) = as_sarif([odd], "1.0")["runs"]
    place = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert (place, run["columnKind"]) == ({"uri": "rules/f%C3%BCr%20Bonn.yaml"}, "unicodeCodePoints")


def test_the_word_meant() -> None:
    """Near words, other cases and codes that lost a zero are found; nothing is offered where nothing is near."""
    assert did_you_mean("in_us", ["into_us", "left_us"], "r.") == "did you mean `r.into_us`?"
    assert did_you_mean("TX", ["tx", "az"]) == "did you mean `tx`?"
    assert did_you_mean("902", ["0902", "4902", "9902"]) == "did you mean `0902`?"
    assert did_you_mean("zebra", ["0902", "tx"]) == ""


def test_a_long_list_is_cut() -> None:
    """Of many allowed words some are shown and the rest counted."""
    assert one_of("abc") == "allowed: a, b, c"
    assert one_of(map(str, range(15))) == "allowed: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 3 more"
