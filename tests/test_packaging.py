"""What is installed: lock files that pin and hash everything and name no host, and a package that carries all its files."""

import ast
import re
import sys
import tomllib
from fnmatch import fnmatch
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements-build.lock", "requirements.lock", "requirements-dev.lock")
PIN = re.compile(
    r"^(?P<name>[a-z0-9-]+)==(?P<version>[^ ]+)[^\n]*\\\n(?P<hashes>(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)",
    re.MULTILINE,
)


def pins(lock: str) -> dict[str, str]:
    """Name and version of everything a lock file pins with at least one hash."""
    return {pin["name"]: pin["version"] for pin in PIN.finditer((ROOT / lock).read_text())}


def project() -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def name_of(requirement: str) -> str:
    """The normal form of a requirement's name."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0]).lower()


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_file_holds_nothing_but_pins_with_hashes(lock: str) -> None:
    """Nothing is left of a lock file once its hashed pins are taken away: no option, no address, no unpinned name."""
    assert PIN.sub("", (ROOT / lock).read_text()) == ""


def test_every_dependency_is_pinned() -> None:
    """What pyproject.toml asks for stands in the lock files; if not, run `make lock`."""
    wanted = {name_of(requirement) for requirement in project()["project"]["dependencies"]}
    assert wanted <= set(pins("requirements.lock"))
    tools = {name_of(requirement) for requirement in project()["project"]["optional-dependencies"]["dev"]}
    assert tools <= set(pins("requirements-dev.lock"))


def test_every_import_is_a_declared_dependency() -> None:
    """Nothing of app/ works only because another package happens to bring what it imports; pytest brings itself."""
    declared = {name_of(requirement) for requirement in project()["project"]["dependencies"]} | {"pytest"}
    provided = packages_distributions()
    imported = {
        alias.name if isinstance(node, ast.Import) else str(node.module)
        for file in (ROOT / "app").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    tops = {name.split(".")[0] for name in imported} - sys.stdlib_module_names - {"app"}
    assert [top for top in sorted(tops) if declared.isdisjoint(map(name_of, provided.get(top, [])))] == []


def test_tests_run_with_what_production_runs_with() -> None:
    """The development lock pins every package of the other at the same version."""
    assert pins("requirements.lock").items() <= pins("requirements-dev.lock").items()


def test_the_package_carries_its_data_files() -> None:
    """Every file below app/ that is not Python is named by package-data, so that a wheel has it too."""
    patterns = project()["tool"]["setuptools"]["package-data"]
    files = [file for file in (ROOT / "app").rglob("*") if file.is_file() and file.suffix not in {".py", ".pyc"}]
    package = {file: ".".join(file.parent.relative_to(ROOT).parts) for file in files}
    left_out = [
        file.relative_to(ROOT).as_posix()
        for file in files
        if not any(fnmatch(file.name, pattern) for pattern in [*patterns.get("*", []), *patterns.get(package[file], [])])
    ]
    assert left_out == []
