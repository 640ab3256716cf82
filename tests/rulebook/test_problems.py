"""Like faults are told once, and what is told of a rulebook is bounded, whatever is in it."""

from app.rulebook.files.source import SourceFile
from app.rulebook.problems.problem import ALIKE, GROUPS_KEPT, LONGEST, MOST_TOLD, PLACES, Problems, Spot
from app.rulebook.reading.content import read_content
from tests.rulebook.shipped import shipped


def test_very_many_faults_are_told_once() -> None:
    """A list of thousands of unknown rows is one problem, with their count and the first places."""
    rows = ", ".join(f"sectoin_{number}" for number in range(2_000))
    problems = Problems()
    assert read_content(with_flags(rows), problems) is not None
    unknown = [
        problem for problem in problems.sorted() if problem.code == "R107" and problem.spot.file == "ref_data/holds.yaml"
    ]
    assert [problem.message for problem in unknown] == ["there is no row `sectoin_0`, and 1,999 more like it in this file"]
    assert unknown[0].label == "did you mean `section_1367`?"
    assert len(unknown[0].also) == PLACES - 1
    assert problems.errors >= 2_000


def with_flags(rows: str) -> tuple[SourceFile, ...]:
    """The files of the shipped rulebook with these rows in the set of flags."""
    return tuple(
        SourceFile(file.name, file.content.replace(b"any_hold: {where: {stops: yes}}", f"any_hold: [{rows}]".encode()))
        for file in shipped().content.files
    )


def test_a_few_faults_are_told_each_by_itself() -> None:
    """So many like faults as a person writes in one go are told one by one, each with the word probably meant."""
    rows = ", ".join(f"sealed{number}" for number in range(ALIKE))
    problems = Problems()
    read_content(with_flags(rows), problems)
    unknown = [problem for problem in problems.sorted() if problem.spot.file == "ref_data/holds.yaml"]
    assert [problem.label for problem in unknown] == ["did you mean `sealed`?"] * ALIKE


def test_what_is_told_is_bounded() -> None:
    """Of thousands of faults that are all different the first hundred are told, errors before warnings, and the rest is counted."""
    problems = Problems()
    problems.warning("R330", "a warning before all errors", Spot("a.yaml"))
    for number in range(5_000):
        problems.error("R107", "there is no such row", Spot(f"file-{number}.yaml"), help="x" * 10_000)
    told = problems.sorted()
    assert len(told) == MOST_TOLD
    assert {problem.severity for problem in told} == {"error"}
    assert len(told) + problems.more == 5_001
    assert problems.errors == 5_000
    assert max(len(problem.help) for problem in told) == LONGEST + 1
    assert len(problems.found) == GROUPS_KEPT + 1
