"""The documentation holds together: links lead somewhere, every page can be found, and the commands shown really run."""

import doctest
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
RUNNABLE = re.compile(r"^<!-- run -->\n```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)


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
    assert [path_of(page) for page in PAGES if page not in reached and page.name != "CHANGELOG.md"] == []


def test_a_broken_link_is_seen(tmp_path: Path) -> None:
    """The reading of links finds one to a file and one to a heading, and leaves code alone."""
    page = tmp_path / "page.md"
    page.write_text("# One two\n[a](gone.md) [b](#three) [c](https://example.org)\n```\n[d](not-a-link)\n```\n")
    assert links(page) == [("gone.md", ""), ("", "three")]
    assert anchors(page) == {"one-two"}


@pytest.mark.parametrize("page", [page for page in PAGES if RUNNABLE.search(page.read_text())], ids=path_of)
def test_commands_shown_run(page: Path, tmp_path: Path) -> None:
    """The blocks marked `<!-- run -->` of a page run, in order, in a folder with the rulebook and the examples."""
    for name in ("rules", "ref_data", "docs"):
        (tmp_path / name).symlink_to(ROOT / name)
    script = "set -euo pipefail\n" + "\n".join(RUNNABLE.findall(page.read_text()))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr


MODULES = sorted(
    ".".join(file.relative_to(ROOT).with_suffix("").parts)
    for file in (ROOT / "app").rglob("*.py")
    if "\n    >>> " in file.read_text()
)


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings_are_true(module: str) -> None:
    """Each `>>>` example in a docstring gives what it says."""
    assert doctest.testmod(import_module(module)).failed == 0
