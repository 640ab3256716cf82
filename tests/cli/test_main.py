import subprocess
from pathlib import Path

import pytest

from app.cli.main import COMMANDS
from tests.cli.conftest import Lens
from tests.cli.programs import LENS, environment

SUBCOMMANDS = {
    "keys": ("create", "list", "revoke"),
    "rulebook": ("draft", "list", "show", "diff", "approve", "publish", "rollback", "pack", "verify", "keygen"),
    "db": ("upgrade", "recovered"),
    "lanes": ("pause", "resume"),
    "audit": ("verify",),
    "inquiries": ("list", "show", "close"),
    "inbound": ("list", "show"),
}
ALL = [f"{name} {sub}".strip() for name in COMMANDS for sub in SUBCOMMANDS.get(name, ("",))]


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


@pytest.mark.parametrize("words", ALL)
def test_every_help_has_an_example(lens: Lens, words: str) -> None:
    """The help of each command and subcommand shows how it is used."""
    code, out, _ = lens(*words.split(), "--help")
    usage, example = f"Usage: lens {words}", f"lens {words}"
    assert (code, usage in out) == (0, True)
    assert example in " ".join(out.split()).replace(usage, "")


def test_wrong_use_is_2(lens: Lens) -> None:
    """An unknown command or option exits with 2 and helps."""
    code, _, err = lens("serv")
    assert (code, "Did you mean 'serve'?" in err) == (2, True)
    assert lens("serve", "--prot", "1")[0] == 2
    assert lens()[0] == 2


def test_wrong_settings_are_2_and_all_named(lens: Lens) -> None:
    """Every setting that cannot be used is named at once, without a trace."""
    code, _, err = lens("db", "upgrade", WINDOW="0", CHANNEL="pigeon", LEASE="soon")
    assert code == 2
    for name in ("LENS_WINDOW", "LENS_CHANNEL", "LENS_LEASE"):
        assert name in err


def test_a_database_that_cannot_be_opened_is_2(lens: Lens) -> None:
    """A wrong database address ends the command with words."""
    code, _, err = lens("db", "upgrade", DATABASE_URL="mysql://x/y")
    assert (code, "LENS_DATABASE_URL" in err) == (2, True)


def test_the_tables_are_made_and_made_again(lens: Lens) -> None:
    """`db upgrade` may be repeated."""
    for _ in range(2):
        assert lens("db", "upgrade")[:2] == (0, "The sqlite database is up to date.\n")
