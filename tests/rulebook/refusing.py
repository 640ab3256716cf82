"""A system that lets nobody look into some folder."""

import os

import pytest


def refuse_to_open(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """From now on nobody may look into a folder of this name."""
    system_open = os.open

    def refusing(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if path == name:
            raise PermissionError(13, "Permission denied", path)
        return system_open(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", refusing)
