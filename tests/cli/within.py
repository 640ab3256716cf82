"""The command line run within the test's own process: quicker than a program of its own, where that is not what is tested."""

import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from app.cli.main import main
from tests.cli.programs import ROOT


class Said(NamedTuple):
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str


def said(folder: Path, words: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Said:
    """Runs `lens` with these words in a folder, under the shipped rulebook where none is named."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("LENS_RULEBOOK_DIR", str(ROOT))
    monkeypatch.setattr(sys, "argv", ["lens", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    captured = capfd.readouterr()
    return Said(int(ended.value.code or 0), captured.out, captured.err)
