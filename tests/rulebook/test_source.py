"""Reading files: what stands in them is text with a place, and no file can make reading hang, crash or lie."""

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rulebook.book import load, load_with_problems
from app.rulebook.files.csv_rows import read_csv
from app.rulebook.files.folder_files import FILES_LIMIT, SIZE_LIMIT
from app.rulebook.files.source import (
    DEPTH_LIMIT,
    Mapping,
    Node,
    Scalar,
    Sequence,
    SourceFile,
    read_folder,
    read_yaml,
)
from app.rulebook.problems.problem import Problems, Spot
from app.rulebook.reading.content import content_hash
from tests.rulebook.refusing import refuse_to_open
from tests.rulebook.shipped import ROOT, copied, edited, shipped


def tree(text: str | bytes) -> tuple[Node | None, list[str]]:
    """The tree of a YAML text, and the codes of what was told of it."""
    problems = Problems()
    content = text.encode() if isinstance(text, str) else text
    node = read_yaml(SourceFile("rules/x.yaml", content), problems)
    return node, [problem.code for problem in problems.found]


def plain(node: Node | None) -> object:
    """A tree without its places."""
    if isinstance(node, Mapping):
        return {key.text: plain(value) for key, value in node.items}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return node.text if isinstance(node, Scalar) else node


@pytest.mark.parametrize(
    "word",
    [
        "0101",
        "101",
        "0o17",
        "0x1F",
        "1_000",
        "NO",
        "no",
        "Yes",
        "true",
        "null",
        "~",
        "1e3",
        "12:30:45",
        "2026-10-01",
        ".5",
        "=",
        "<<",
        "NaN",
    ],
)
def test_every_word_is_text(word: str) -> None:
    """No word is taken for a number, a truth value, a date or nothing, as YAML 1.1 would have it."""
    node, told = tree(f"a: {word}\nb: [{word}]\n")
    assert plain(node) == {"a": word, "b": [word]}
    assert told == []


def test_places_count_characters_from_one() -> None:
    """A place is line, column and length in characters, also behind letters that take several bytes."""
    node, _ = tree("a: é\nñandú: {ß: [x, ÿÿ]}\n")
    assert isinstance(node, Mapping)
    key, value = node.items[1]
    assert (key.spot, key.text) == (Spot("rules/x.yaml", 2, 1, 5), "ñandú")
    assert isinstance(value, Mapping)
    listed = value.items[0][1]
    assert isinstance(listed, Sequence)
    assert [item.spot for item in listed.items] == [Spot("rules/x.yaml", 2, 13, 1), Spot("rules/x.yaml", 2, 16, 2)]


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_byte_order_marks_change_nothing(ends: str, mark: str) -> None:
    """Files of any editor say the same, in the same places."""
    node, told = tree((mark + "a: 1\nb:\n  - c\n").replace("\n", ends))
    assert plain(node) == {"a": "1", "b": ["c"]}
    assert told == []
    assert isinstance(node, Mapping)
    assert node.items[1][0].spot == Spot("rules/x.yaml", 2, 1, 1)


@given(st.text(max_size=80))
def test_any_text_is_a_tree_or_told(text: str) -> None:
    """Whatever a file says, there is a tree or a problem with a place in the file."""
    problems = Problems()
    node = read_yaml(SourceFile("rules/x.yaml", text.encode("utf-8", "replace")), problems)
    assert node is not None or problems.has_errors
    lines = max(len(text.splitlines()), 1) + 1
    assert all(1 <= problem.spot.line <= lines and problem.spot.column >= 1 for problem in problems.found)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_tree_or_told(content: bytes) -> None:
    """The same for bytes that may not be text at all."""
    node, told = tree(content)
    assert node is not None or told


@given(
    st.lists(
        st.sampled_from(
            ["{", "}", "[", "]", "- ", "a: ", "&x ", "*x", "!t ", "'", '"', "\n", "  ", "\t", "|\n", "? ", "---\n", "%Y", "#"]
        )
    )
)
def test_pieces_of_yaml_in_any_order_are_a_tree_or_told(pieces: list[str]) -> None:
    """YAML's own signs in any order never raise."""
    node, told = tree("".join(pieces))
    assert node is not None or told


def test_depth_is_bounded() -> None:
    """Values may be nested as deep as the limit and no deeper, and a hundred thousand brackets are told at once."""
    node, told = tree("[" * DEPTH_LIMIT + "x" + "]" * DEPTH_LIMIT)
    assert node is not None
    assert told == []
    assert tree("[" * (DEPTH_LIMIT + 1) + "x" + "]" * (DEPTH_LIMIT + 1)) == (None, ["R003"])
    assert tree("[" * 100_000) == (None, ["R003"])


def test_the_number_of_values_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with more values than the limit is told and not read to its end (a lower limit, to be quick)."""
    monkeypatch.setattr("app.rulebook.files.source.NODE_LIMIT", 1_000)
    assert tree("[" + "x," * 999 + "]")[1] == []
    assert tree("[" + "x," * 1_000 + "]") == (None, ["R003"])


def test_the_size_of_a_file_is_bounded(tmp_path: Path) -> None:
    """A file over the limit is not read at all."""
    copied(tmp_path)
    (tmp_path / "ref_data" / "big.yaml").write_bytes(b"#" * (SIZE_LIMIT + 1))
    problems = Problems()
    files = read_folder(tmp_path, problems)
    assert [(problem.code, problem.spot.file) for problem in problems.found] == [("R003", "ref_data/big.yaml")]
    assert "ref_data/big.yaml" not in {file.name for file in files}


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    """Hidden files, notes and other kinds of files are no part of a rulebook and do not change its hash."""
    copied(tmp_path)
    (tmp_path / "rules" / ".draft.yaml").write_text("kind: [")
    (tmp_path / "rules" / "notes.txt").write_text("to do")
    (tmp_path / "other.yaml").write_text("kind: [")
    assert load(tmp_path).hash == shipped().hash


def test_the_hash_names_what_decides(tmp_path: Path) -> None:
    """The same files have the same hash wherever they lie; any byte, any name and any split of them another one."""
    assert load(copied(tmp_path / "same")).hash == shipped().hash
    assert len(shipped().hash) == 12
    comment = edited(tmp_path / "comment", ("rules/facts.yaml", "kind: facts/v1", "kind: facts/v1  # read me"))
    assert load(comment).hash != shipped().hash
    one, other = SourceFile("a.yaml", b"bc"), SourceFile("ab.yaml", b"c")
    assert content_hash([one]) != content_hash([other])
    two = SourceFile("b.yaml", b"")
    assert content_hash([one, two]) == content_hash([two, one])


def test_a_rulebook_is_loaded_whole_or_not_at_all(tmp_path: Path) -> None:
    """One wrong word anywhere, and there is no rulebook."""
    folder = edited(
        tmp_path,
        (
            "ref_data/states.yaml",
            'ori_status: generic, on_nlets: yes, stage: live, bureau: "Texas',
            'ori_status: generic, on_nlets: yes, stage: alive, bureau: "Texas',
        ),
    )
    assert load_with_problems(folder, Problems()) is None


def test_csv_cells() -> None:
    """Quotes, doubled quotes, commas and line breaks in cells are read as RFC 4180 says; a row's place is where it begins."""
    file = SourceFile("ref_data/x.csv", '\ufeffcode,text\r\n01,"a ""b"", c"\r\n02,"two\r\nlines"\r\n03,x\r\n'.encode())
    problems = Problems()
    heading, rows, *_ = read_csv(file, problems)
    assert problems.found == []
    assert heading == ("code", "text")
    assert [(row.cells["code"], row.cells["text"], row.spot.line) for row in rows] == [
        ("01", 'a "b", c', 2),
        ("02", "two\r\nlines", 3),
        ("03", "x", 5),
    ]
    assert [(row.spot_of("text").column, row.spot_of("text").length) for row in rows] == [(4, 12), (1, 2), (4, 1)]


def test_names_without_a_file_behind_them(tmp_path: Path) -> None:
    """A link to nothing, a pipe and a name that is not UTF-8 are told: nothing that should count is left out unseen."""
    folder = copied(tmp_path)
    (folder / "rules" / "gone.yaml").symlink_to("nowhere")
    os.mkfifo(folder / "rules" / "pipe.yaml")
    Path(os.fsdecode(os.fsencode(folder) + b"/rules/caf\xe9.yaml")).write_text("kind: scenarios/v1\n")
    problems = Problems()
    assert load_with_problems(folder, problems) is None
    assert [(problem.code, problem.spot.file) for problem in problems.sorted()] == [
        ("R002", "rules/caf\\udce9.yaml"),
        ("R001", "rules/gone.yaml"),
        ("R001", "rules/pipe.yaml"),
    ]


SECRET = "SECRET-OF-ANOTHER"


def planted(folder: Path) -> dict[str, Path]:
    """Links of every kind in a rulebook's folder, to files that are not of it; their names, and where they lead."""
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "secret.csv").write_text(f"code,title\n{SECRET},x\n")
    (outside / "deep").mkdir()
    (outside / "deep" / "secret.yaml").write_text(f"# {SECRET}\n")
    hidden = folder / "ref_data" / "..old"
    hidden.mkdir()
    (hidden / "inner.csv").symlink_to(outside / "secret.csv")
    (folder / "ref_data" / "..data").symlink_to("..old")
    links = {
        "ref_data/absolute.csv": outside / "secret.csv",
        "ref_data/relative.csv": Path("../../outside/secret.csv"),
        "ref_data/proc.csv": Path("/proc/self/environ"),
        "ref_data/sibling.csv": Path("charges.csv"),
        "ref_data/other_name.csv": Path("..data/inner.csv"),
        "ref_data/inner.csv": Path("..data/inner.csv"),
        "rules/deep": outside / "deep",
        "rules/scenarios/readme": outside / "secret.csv",
    }
    for name, target in links.items():
        (folder / name).symlink_to(target)
    return links


def test_no_link_is_followed(tmp_path: Path) -> None:
    """To a file outside, by any path, to one beside it, to a folder, by way of a mounted volume: each is a fault and not read."""
    folder = copied(tmp_path / "book")
    links = planted(folder)
    problems = Problems()
    files = read_folder(folder, problems)
    told = [(problem.code, problem.message, problem.spot.file) for problem in problems.sorted()]
    assert told == [("R001", "this is a link, and links are not followed", name) for name in sorted(links)]
    assert files == shipped().content.files


def test_a_volume_that_leads_elsewhere_is_not_one(tmp_path: Path) -> None:
    """Its `..data` must be a real folder beside it: not a path, not a link again."""
    folder = copied(tmp_path / "book")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "more.csv").write_text(SECRET)
    (folder / "ref_data" / "more.csv").symlink_to("..data/more.csv")
    (folder / "ref_data" / "..again").symlink_to(outside)
    for target in (outside, Path("../../outside"), Path("..again"), Path("..")):
        (folder / "ref_data" / "..data").unlink(missing_ok=True)
        (folder / "ref_data" / "..data").symlink_to(target)
        problems = Problems()
        assert read_folder(folder, problems) == shipped().content.files
        assert [problem.spot.file for problem in problems.found] == ["ref_data/more.csv"]


def test_the_two_folders_themselves_may_be_links(tmp_path: Path) -> None:
    """So a volume mounted as the rulebook's folder can be used, and a deployment can change both at once."""
    real = copied(tmp_path / "real")
    folder = tmp_path / "book"
    folder.mkdir()
    for top in ("rules", "ref_data"):
        (folder / top).symlink_to(real / top)
    assert load(folder).hash == shipped().hash


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    """A pipe would hang and a socket fail: each is a fault. So is a link put in a file's place between the look and the reading."""
    folder = copied(tmp_path)
    os.mkfifo(folder / "ref_data" / "pipe.csv")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "rules" / "socket.yaml"))
        problems = Problems()
        read_folder(folder, problems)
    assert [(problem.message, problem.spot.file) for problem in problems.sorted()] == [
        ("this is not a regular file", "ref_data/pipe.csv"),
        ("this is not a regular file", "rules/socket.yaml"),
    ]


def test_the_number_of_files_is_bounded(tmp_path: Path) -> None:
    """So is their size all together; nothing more is read then."""
    folder = copied(tmp_path)
    for number in range(FILES_LIMIT):
        (folder / "rules" / f"more{number:04}.yaml").touch()
    problems = Problems()
    assert read_folder(folder, problems) == ()
    assert [problem.code for problem in problems.found] == ["R003"]


def test_folders_that_are_not_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that may not be read and a link to a folder are told; a hidden one, where a mounted folder keeps its files, is left out."""
    folder = copied(tmp_path)
    versions = folder / "rules" / "..2026_11_24"
    versions.mkdir()
    (folder / "rules" / "messages.yaml").rename(versions / "messages.yaml")
    (folder / "rules" / "..data").symlink_to(versions.name)
    (folder / "rules" / "messages.yaml").symlink_to("..data/messages.yaml")
    assert load(folder).hash == shipped().hash
    (folder / "rules" / "more").symlink_to("scenarios")
    refuse_to_open(monkeypatch, "scenarios")
    problems = Problems()
    assert load_with_problems(folder, problems) is None
    assert [
        (problem.code, problem.message, problem.spot.file) for problem in problems.sorted() if problem.severity == "error"
    ] == [
        ("R001", "this is a link, and links are not followed", "rules/more"),
        ("R001", "the folder cannot be read: Permission denied", "rules/scenarios/"),
    ]


def test_a_csv_file_that_cannot_be_read_is_not_missing(tmp_path: Path) -> None:
    """It is told once, and not as one that is not there."""
    folder = copied(tmp_path)
    (folder / "ref_data" / "charges.csv").unlink()
    (folder / "ref_data" / "charges.csv").symlink_to("nowhere")
    problems = Problems()
    assert load_with_problems(folder, problems) is None
    assert [(problem.code, problem.spot.file) for problem in problems.found if problem.severity == "error"] == [
        ("R001", "ref_data/charges.csv")
    ]


@given(st.binary(max_size=60))
def test_any_bytes_are_csv_or_told(content: bytes) -> None:
    """Whatever a CSV file holds, there are rows or a problem, and never an exception."""
    problems = Problems()
    heading, *_ = read_csv(SourceFile("ref_data/x.csv", content), problems)
    assert heading or problems.has_errors


def test_a_folder_without_a_rulebook(tmp_path: Path) -> None:
    """A folder with nothing in it is told as such, at once."""
    problems = Problems()
    assert load_with_problems(tmp_path / "nowhere", problems) is None
    assert {problem.message for problem in problems.found if problem.code == "R001"} >= {
        "the rulebook has no folder `rules/`",
        "the rulebook has no folder `ref_data/`",
    }


def test_the_shipped_rulebook_is_where_the_tests_look() -> None:
    """The rulebook of these tests is the one at the top of the repository."""
    assert {file.name for file in read_folder(ROOT, Problems())} == {file.name for file in shipped().content.files}
