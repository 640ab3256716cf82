"""The documentation holds together: links lead somewhere, every page can be found, and the commands shown really run."""

import doctest
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from shlex import quote
from shutil import copytree, which
from typing import IO

import pytest

from app.rulebook.files.source import read_folder
from app.rulebook.problems.problem import Problems
from app.rulebook.reading.content import read_content
from app.trials.mutants import mutants

ROOT = Path(__file__).parents[1]
ANN = {"NAME": "Ann Example", "EMAIL": "ann@agency.example"}
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])


def path_of(page: Path) -> str:
    """A page's path from the root of the repository."""
    return page.relative_to(ROOT).as_posix()


def links(page: Path) -> list[tuple[str, str]]:
    """(file, anchor) of every relative link on a page; code blocks have none."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    return [(file, anchor) for target in targets if "://" not in target for file, _, anchor in [target.partition("#")]]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and the usual tools make them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=path_of)
def test_links_lead_somewhere(page: Path) -> None:
    """Each relative link names a file that is there, and a heading of it where it names one."""
    broken = []
    for file, anchor in links(page):
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(f"{file}#{anchor}")
    assert broken == []


def test_every_page_can_be_found() -> None:
    """Following links from README.md reaches every page."""
    reached: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        waiting += [(page.parent / file).resolve() for file, _ in links(page) if file.endswith(".md")]
    assert [path_of(page) for page in PAGES if page not in reached] == []


def test_a_broken_link_is_seen(tmp_path: Path) -> None:
    """The reading of links finds one to a file and one to a heading, and leaves code alone."""
    page = tmp_path / "page.md"
    page.write_text("# One two\n[a](gone.md) [b](#three) [c](https://example.org)\n```\n[d](not-a-link)\n```\n")
    assert links(page) == [("gone.md", ""), ("", "three")]
    assert anchors(page) == {"one-two"}


def pages_with(marker: str) -> list[Path]:
    """Every page that has a block with this marker."""
    return [page for page in PAGES if blocks(page, marker)]


def blocks(page: Path, marker: str) -> str:
    """The blocks of a page under `<!-- marker -->`, and the edits it asks for if it has any, in order, as one script."""
    run = rf"<!-- {marker} -->\n```bash\n(?P<run>.*?)^```$"
    edit = r"<!-- edit (?P<file>\S+) (?P<where>before|after|instead of) `(?P<line>[^\n]+)` -->\n```(?:yaml|csv)\n(?P<lines>.*?)^```$"
    script = []
    for found in re.finditer(f"^(?:{run}|{edit})", page.read_text(), re.MULTILINE | re.DOTALL):
        words = map(quote, found.group("file", "where", "line")) if found["file"] else ()
        script.append(found["run"] or f"lens_edit {' '.join(words)} <<'LINES'\n{found['lines']}LINES\n")
    return "\n".join(script) if any("lens_edit " not in part for part in script) else ""


EDIT = """lens_edit() { python3 -c '
import sys, pathlib
name, where, line = sys.argv[1:]
path = pathlib.Path(name)
lines = path.read_text().splitlines(keepends=True)
at = [number for number, text in enumerate(lines) if text.startswith(line)]
assert len(at) == 1, f"{name} has {len(at)} lines that begin with {line!r}"
new = sys.stdin.read().splitlines(keepends=True)
lines[at[0] + (where == "after") : at[0] + (where != "before")] = new
path.write_text("".join(lines))
' "$@"; }"""
"""What an analyst does in a text editor: lines put before or after a line, or instead of it; it is the only one that begins so."""


def not_printed(page: Path, said: str) -> list[str]:
    """The blocks under `<!-- prints -->` that a script did not print, each behind the one before. `…` stands for anything."""
    missing = []
    for block in re.findall(r"^<!-- prints -->\n```text\n(.*?)\n```$", page.read_text(), re.MULTILINE | re.DOTALL):
        found = re.search("(.|\n)*?".join(re.escape(part) for part in block.split("…")), said)
        missing += [] if found else [block]
        said = said[found.end() :] if found else said
    return missing


def lay_out(folder: Path) -> dict[str, str]:
    """Makes a folder a git repository with the rulebook, and what else a checkout has; the environment in which `lens` is found."""
    for name in ("rules", "ref_data"):
        copytree(ROOT / name, folder / name)
    (folder / "docs").symlink_to(ROOT / "docs")
    (folder / ".venv").symlink_to(sys.prefix)
    people = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in ANN.items()}
    env = {**os.environ, **people, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for words in (["init", "-q"], ["add", "rules", "ref_data"], ["commit", "-q", "-m", "The rulebook as it is"]):
        subprocess.run(["git", *words], cwd=folder, env=env, check=True)
    return env


def run_script(script: str, folder: Path, env: dict[str, str]) -> str:
    """What a script of bash prints; fails with what it complains of."""
    whole = ["bash", "-c", f'set -euo pipefail\n{EDIT}\ncurl() {{ command curl --fail-with-body "$@"; }}\n{script}']
    done = subprocess.run(whole, cwd=folder, env=env, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("page", pages_with("run"), ids=path_of)
def test_commands_shown_run(page: Path, tmp_path: Path) -> None:
    """The blocks marked `<!-- run -->` of a page run, in order, in a folder with the rulebook and the examples, and print what it shows."""
    said = run_script(blocks(page, "run"), tmp_path, lay_out(tmp_path))
    assert not_printed(page, said) == [], said


def test_the_tutorial_counts_the_wrong_edits_there_are(tmp_path: Path) -> None:
    """The numbers that it shows of `lens test --mutation` add up to the edits of the rulebook that it ends with."""
    page = ROOT / "docs/tutorial/your-first-rule-change.md"
    env = lay_out(tmp_path)
    edits = re.findall(r"^lens_edit .*?^LINES$", blocks(page, "run"), re.MULTILINE | re.DOTALL)
    run_script("\n".join(edits), tmp_path, env)
    content = read_content(read_folder(tmp_path, Problems()), Problems())
    assert content is not None
    made = sum(1 for _ in mutants(content))
    shown = re.findall(r"^([\d,]+) wrong edits: (.*)$", page.read_text(), re.MULTILINE)
    assert len(shown) == 2
    for total, verdicts in shown:
        counts = [
            int(number.replace(",", "")) for number in re.findall(r"([\d,]+) (?:refused|killed|equivalent|survived)", verdicts)
        ]
        assert int(total.replace(",", "")) == sum(counts) == made


@pytest.mark.skipif(which("curl") is None, reason="the pages show curl")
@pytest.mark.parametrize("page", pages_with("run with a server"), ids=path_of)
def test_commands_shown_run_against_a_server(page: Path, tmp_path: Path) -> None:
    """The blocks marked `<!-- run with a server -->` run against `lens serve --with-simulator`, with the key that it prints."""
    env = lay_out(tmp_path)
    command = ["lens", "serve", "--with-simulator", "--port", "0"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        try:
            assert server.stdout is not None
            said = read_until(server.stdout, "export KEY=")
            url = re.findall(r"LENS serves (\S+)", said)[0]
            key = re.findall(r"export KEY=(\S+)", said)[0]
            script = blocks(page, "run with a server").replace("http://127.0.0.1:8000", url)
            assert "LENS-E10" in run_script(script, tmp_path, {**env, "KEY": key})
        finally:
            server.terminate()


def test_what_a_page_shows_is_compared(tmp_path: Path) -> None:
    """A block that was printed is found, with anything for its `…`; one that was not, or not in this order, is named."""
    page = tmp_path / "page.md"
    page.write_text("".join(f"<!-- prints -->\n```text\n{block}\n```\n" for block in ("one (…)\n…\ntwo", "three")))
    assert not_printed(page, "one (1)\nand\nmore\ntwo\nthree\n") == []
    assert not_printed(page, "three\none (1)\nand\ntwo") == ["three"]


def read_until(stream: IO[str], word: str) -> str:
    """What a stream says up to the line that has `word`, or to its end."""
    said = ""
    while word not in said and (line := stream.readline()):
        said += line
    return said


MODULES = sorted(
    ".".join(file.relative_to(ROOT).with_suffix("").parts)
    for file in (ROOT / "app").rglob("*.py")
    if "\n    >>> " in file.read_text()
)


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings_are_true(module: str) -> None:
    """Each `>>>` example in a docstring gives what it says."""
    assert doctest.testmod(import_module(module)).failed == 0
