import re
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from app.cli.main import COMMANDS
from tests.cli.conftest import Lens
from tests.cli.programs import LENS, environment
from tests.test_docs import commands


def test_the_list_of_commands(lens: Lens) -> None:
    """`lens --help` names every command."""
    code, out, _ = lens("--help")
    assert code == 0
    for name in COMMANDS:
        assert f" {name} " in out


def test_the_list_imports_no_command(tmp_path: Path) -> None:
    """Showing the list takes no library that a command needs, so it is quick."""
    heavy = "any(name.partition('.')[0] in {'fastapi', 'sqlalchemy', 'pydantic', 'durable'} for name in sys.modules)"
    program = f"import sys, app.cli.main; sys.argv = ['lens', '--help']\ntry: app.cli.main.main()\nfinally: assert not {heavy}"
    shown = subprocess.run([LENS[0], "-c", program], cwd=tmp_path, env=environment(tmp_path), capture_output=True, check=False)
    assert shown.returncode == 0, shown.stderr


@pytest.mark.parametrize("words", commands())
def test_every_help_has_an_example(lens: Lens, words: str) -> None:
    """The help of each command and subcommand shows how it is used, on a line of its own."""
    code, out, _ = lens(*words.split(), "--help")
    assert (code, f"Usage: lens {words}" in out) == (0, True)
    assert re.search(rf"^ (Example: |LENS_\S+ )*lens {words}\b", out, re.MULTILINE), out


def test_the_version(lens: Lens) -> None:
    """`lens --version` says it, and nothing else."""
    assert lens("--version") == (0, f"lens {version('lens')}\n", "")


def test_wrong_use_is_2(lens: Lens) -> None:
    """An unknown command or option exits with 2 and helps."""
    code, _, err = lens("serv")
    assert (code, "Did you mean 'serve'?" in err) == (2, True)
    assert lens("serve", "--prot", "1")[0] == 2
    assert lens()[0] == 2


def test_wrong_settings_are_2_and_all_named(lens: Lens) -> None:
    """Every setting that cannot be used is named at once, without a trace."""
    wrong = {
        "WINDOW": "0",
        "CHANNEL": "pigeon",
        "LEASE": "soon",
        "STATE_RETRY": "0s",
        "LATE_AFTER": "9" * 400 + "d",
        "SURGE_FACTOR": "inf",
        "SURGE_FLOOR": "9" * 30,
    }
    code, _, err = lens("db", "upgrade", **wrong)
    assert (code, [name for name in wrong if f"LENS_{name}: " not in err]) == (2, [])


def test_a_database_that_cannot_be_opened_is_2(lens: Lens) -> None:
    """A wrong database address ends the command with words."""
    code, _, err = lens("db", "upgrade", DATABASE_URL="mysql://x/y")
    assert (code, "LENS_DATABASE_URL" in err) == (2, True)


LOOKING = (
    "inquiries list",
    "inbound show 1",
    "status",
    "surge show",
    "keys list",
    "keys revoke feed",
    "lanes pause all --reason drill",
    "rulebook list",
    "rulebook publish 0123456789ab",
    "audit verify",
)


@pytest.mark.parametrize("words", LOOKING)
def test_looking_makes_no_database(lens: Lens, tmp_path: Path, words: str) -> None:
    """Where there is none, for instance because its address is misspelt, that is said, and none is left behind."""
    code, _, err = lens(*words.split())
    assert (code, "there is no database" in err, "lens db upgrade" in err) == (1, True, True)
    assert list(tmp_path.iterdir()) == []


def test_what_must_be_there_is_not_made(lens: Lens, tmp_path: Path) -> None:
    """A store to move from, and one that was restored: where it is not, nothing is made in its place."""
    assert lens("db", "move", "sqlite:///gone.db", "postgresql+psycopg://nobody@127.0.0.1:1/x")[0] == 2
    assert lens("db", "recovered")[0] == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", ["keys list", "status", "db upgrade"])
def test_a_damaged_database_is_told(lens: Lens, tmp_path: Path, words: str) -> None:
    """In words, without a trace."""
    (tmp_path / "lens.db").write_text("no database" * 1000)
    code, _, err = lens(*words.split())
    assert (code, "(damaged)" in err, "Traceback" in err) == (1, True, False)


def test_the_tables_are_made_and_made_again(lens: Lens) -> None:
    """`db upgrade` may be repeated."""
    for _ in range(2):
        assert lens("db", "upgrade")[:2] == (0, "The sqlite database is up to date.\n")


def test_wrong_use_is_told_in_plain_lines(lens: Lens, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal of 80 columns a long word, to be copied from what is told, is neither cut, wrapped nor framed."""
    monkeypatch.setenv("COLUMNS", "80")
    folder = f"/srv/policy/{'a-long-name/' * 9}rulebook"
    code, _, err = lens("check", folder)
    assert code == 2
    assert f"there is no folder {folder}\n" in err
    assert not re.search("[\u2500-\u257f]", err)
