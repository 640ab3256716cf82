from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli import main as command_line
from tests.cli.programs import environment

Lens = Callable[..., tuple[int, str, str]]
"""Runs `lens` with these words in this process; its exit code, standard output and standard error."""


@pytest.fixture
def lens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lens:
    """The command line in a folder of its own, with settings given as keywords (`LENS_` left out)."""
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("LENS_BOOTSTRAP_KEY")
    monkeypatch.chdir(tmp_path)

    def run(*words: str, **settings: str) -> tuple[int, str, str]:
        with monkeypatch.context() as patch:
            for name, value in settings.items():
                patch.setenv(f"LENS_{name}", value)
            patch.setattr("sys.argv", ["lens", *words])
            with pytest.raises(SystemExit) as ended:
                command_line.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run
