"""The hooks that policy repositories take from here: what `.pre-commit-hooks.yaml` names runs, passes what is good and stops the rest."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.rulebook.shipped import ROOT, copied

HOOKS = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
PROGRAM = Path(sys.executable).parent / "lens"


def run(hook: str, folder: Path, *files: str) -> int:
    """What a hook ends with, run in a repository as pre-commit does: with the files changed, where it takes them."""
    program, *words = shlex.split(HOOKS[hook]["entry"])
    assert program == "lens"
    named = files if HOOKS[hook].get("pass_filenames", True) else ()
    return subprocess.run([PROGRAM, *words, *named], cwd=folder, capture_output=True, check=False).returncode


def test_the_hooks() -> None:
    """There are three, each with all that pre-commit needs."""
    assert set(HOOKS) == {"lens-fmt", "lens-check", "lens-test"}
    assert all(hook["language"] == "system" and hook["name"] and hook["description"] for hook in HOOKS.values())


@pytest.mark.parametrize("hook", HOOKS)
def test_a_good_rulebook_passes(hook: str, tmp_path: Path) -> None:
    """Nothing is wrong with the shipped rulebook, and nothing is written."""
    path = copied(tmp_path) / "rules" / "routing.yaml"
    before = path.read_bytes()
    assert run(hook, tmp_path, "rules/routing.yaml") == 0
    assert path.read_bytes() == before


@pytest.mark.parametrize("hook", HOOKS)
def test_a_broken_rulebook_is_stopped(hook: str, tmp_path: Path) -> None:
    """A file that is not YAML stops every hook."""
    path = copied(tmp_path) / "rules" / "routing.yaml"
    path.write_text(path.read_text() + "more: [\n")
    assert run(hook, tmp_path, "rules/routing.yaml") == 1


def test_an_untidy_file_is_written(tmp_path: Path) -> None:
    """pre-commit stops a commit when a hook writes a file, so `lens-fmt` writes it and ends well."""
    path = copied(tmp_path) / "rules" / "routing.yaml"
    path.write_text(path.read_text().replace("[release_state, residence_state]", "[release_state,residence_state ]"))
    assert run("lens-fmt", tmp_path, "rules/routing.yaml") == 0
    assert path.read_bytes() == (ROOT / "rules" / "routing.yaml").read_bytes()


@pytest.mark.parametrize(
    ("path", "hooks"),
    [
        ("rules/facts.yaml", {"lens-fmt", "lens-check", "lens-test"}),
        ("policy/rules/scenarios/a.yml", {"lens-fmt", "lens-check", "lens-test"}),
        ("ref_data/charges.csv", {"lens-check", "lens-fmt", "lens-test"}),
        ("docs/rules.md", set[str]()),
        ("overrules/a.yaml", set[str]()),
    ],
)
def test_files_that_call_for_a_hook(path: str, hooks: set[str]) -> None:
    """A hook runs for files of a rulebook, wherever it is in the repository, and for no other."""
    assert {name for name, hook in HOOKS.items() if re.search(hook["files"], path)} == hooks
