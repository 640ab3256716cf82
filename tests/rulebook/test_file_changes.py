from app.rulebook.comparing.file_changes import LINES_LIMIT, file_changes
from app.rulebook.files.source import SourceFile


def test_every_file_that_differs_is_told_line_by_line() -> None:
    """Added, removed and changed, by name; what is the same is left out."""
    old = [
        SourceFile("rules/a.yaml", b"one\ntwo\n"),
        SourceFile("rules/b.yaml", b"same\n"),
        SourceFile("rules/c.yaml", b"gone\n"),
    ]
    new = [SourceFile("rules/a.yaml", b"one\n2\n"), SourceFile("rules/b.yaml", b"same\n"), SourceFile("rules/d.yaml", b"new\n")]
    changes = file_changes(old, new)
    assert [(change.name, change.change) for change in changes] == [
        ("rules/a.yaml", "changed"),
        ("rules/c.yaml", "removed"),
        ("rules/d.yaml", "added"),
    ]
    assert changes[0].diff == "--- old/rules/a.yaml\n+++ new/rules/a.yaml\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n"
    assert file_changes(old, old) == ()


def test_a_very_long_file_is_only_said_to_have_changed() -> None:
    """Comparing it line by line could take minutes."""
    long = [SourceFile("ref_data/a.csv", b"x\n" * (LINES_LIMIT + 1))]
    (change,) = file_changes([], long)
    assert (change.change, change.diff) == ("added", None)
