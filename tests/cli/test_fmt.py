"""`lens fmt`: folders and files, written, only checked or shown."""

from pathlib import Path

from tests.cli.conftest import Lens
from tests.rulebook.shipped import copied


def untidy(folder: Path) -> Path:
    """A copy of the shipped rulebook with one untidy file, which is returned."""
    path = copied(folder) / "rules" / "routing.yaml"
    path.write_text(
        path.read_text().replace("{release_state: {in: states.routable}}", "{ release_state: {in: states.routable} }")
    )
    return path


def test_a_rulebook_is_tidied(lens: Lens, tmp_path: Path) -> None:
    """What is not tidy is written anew and named; then all is."""
    path = untidy(tmp_path)
    code, out, _ = lens("fmt")
    assert (code, out) == (0, "tidied rules/routing.yaml\n15 files, 1 tidied\n")
    assert "{ " not in path.read_text()
    assert lens("fmt", "--check")[:2] == (0, "15 files, 0 not tidy\n")


def test_only_checked(lens: Lens, tmp_path: Path) -> None:
    """`--check` writes nothing and ends with 1; `--diff` shows the lines."""
    path = untidy(tmp_path / "policy")
    before = path.read_text()
    code, out, _ = lens("fmt", "policy", "--check")
    assert (code, out) == (1, "not tidy: rules/routing.yaml\n15 files, 1 not tidy\n")
    code, out, _ = lens("fmt", "policy", "--diff")
    assert (code, "+    when: {release_state: {in: states.routable}}\n" in out) == (0, True)
    assert lens("fmt", "policy", "--diff", "--check")[0] == 1
    assert path.read_text() == before


def test_single_files(lens: Lens, tmp_path: Path) -> None:
    """Files are named one by one, as a hook does; one that is no file of a rulebook or not there is wrong use."""
    path = untidy(tmp_path)
    code, out, _ = lens("fmt", "rules/routing.yaml", "rules/facts.yaml")
    assert (code, out) == (0, "tidied rules/routing.yaml\n2 files, 1 tidied\n")
    assert "{ " not in path.read_text()
    (tmp_path / "rules" / "notes.txt").write_text("notes")
    assert lens("fmt", "rules/notes.txt")[0] == 2
    assert lens("fmt", "rules/gone.yaml")[0] == 2


def test_what_cannot_be_read_is_left_alone(lens: Lens, tmp_path: Path) -> None:
    """A file with a fault keeps its bytes and is told with its place, the others are tidied, exit code 1."""
    path = untidy(tmp_path)
    broken = tmp_path / "rules" / "facts.yaml"
    broken.write_bytes(b"kind: facts/v1\n\tfacts: {}\n")
    code, out, err = lens("fmt")
    assert (code, out) == (1, "tidied rules/routing.yaml\n15 files, 1 tidied\n")
    assert "rules/facts.yaml:2:1" in err
    assert broken.read_bytes() == b"kind: facts/v1\n\tfacts: {}\n"
    assert "{ " not in path.read_text()


def test_what_would_not_stay_the_same_is_named(lens: Lens, tmp_path: Path) -> None:
    """A file that tidying would change in meaning is named and left alone, exit code 1."""
    copied(tmp_path)
    odd = tmp_path / "rules" / "odd.yaml"
    odd.write_text("a: |+\n  b\n\n\n")
    code, _, err = lens("fmt")
    assert (code, "rules/odd.yaml would not say the same" in err) == (1, True)
    assert odd.read_text() == "a: |+\n  b\n\n\n"


def test_what_a_spreadsheet_did_to_a_table_is_taken_back(lens: Lens, tmp_path: Path) -> None:
    """Saved by a spreadsheet with one cell changed, the file differs in one line after `lens fmt`, named alone or with its folder."""
    path = copied(tmp_path) / "ref_data" / "charges.csv"
    before = path.read_text().splitlines()
    rows = [line.split(",") for line in before if '"' not in line]
    turned = [[tier, code, category, description, ""] for code, category, description, tier in rows]
    turned[3][0] = "C"
    saved = "\ufeff" + "".join(",".join(f'"{cell}"' for cell in row) + "\r\n" for row in [*turned, [""] * 5])
    for words in (("ref_data/charges.csv",), ()):
        path.write_bytes(saved.encode())
        code, out, err = lens("fmt", *words)
        assert (code, "tidied ref_data/charges.csv\n" in out, err) == (0, True, "")
        after = path.read_bytes().decode().split("\n")
        kept = [line for line in before if '"' not in line]
        assert [line for line in after if line not in kept] == ["0103,SOVEREIGNTY,ESPIONAGE,C", ""]
    assert lens("fmt", "--check")[:2] == (0, "15 files, 0 not tidy\n")


def test_a_table_that_cannot_be_read_is_left_alone(lens: Lens, tmp_path: Path) -> None:
    """A row with a cell too many keeps the whole file as it is, and is told."""
    path = copied(tmp_path) / "ref_data" / "charges.csv"
    path.write_bytes(path.read_bytes().replace(b"0103,", b"0103,,", 1).replace(b"\n", b"\r\n"))
    before = path.read_bytes()
    code, _, err = lens("fmt")
    assert (code, "error[R007]: this row has 5 cells, the heading has 4" in err) == (1, True)
    assert path.read_bytes() == before
