"""Folders of ours: nothing is made where others could change it, or put something else in its place."""

import os
from pathlib import Path

import pytest

from app.errors import BadSetting
from app.store.database.engine import open_store
from app.store.database.folders import make_folder, require_closed


@pytest.mark.parametrize("way", ["itself", "above", "far above", "the link's place", "the link's target"])
def test_a_folder_that_others_could_replace_is_not_used(tmp_path: Path, way: str) -> None:
    """The folder itself, any above it, and on both ends of a link; nothing is made there."""
    top = tmp_path / "top"
    data = top / "middle" / "data"
    data.mkdir(parents=True)
    link = tmp_path / "links" / "data"
    link.parent.mkdir()
    link.symlink_to(data)
    opened = {
        "itself": data,
        "above": data.parent,
        "far above": top,
        "the link's place": link.parent,
        "the link's target": data.parent,
    }[way]
    used = link if "link" in way else data
    require_closed("LENS_SPOOL_DIR", used)
    opened.chmod(0o777)
    with pytest.raises(BadSetting, match=f"LENS_DATABASE_URL: {opened}.* can be changed by other accounts"):
        open_store(f"sqlite:///{used}/lens.db")
    assert list(data.iterdir()) == []


def test_a_folder_where_each_keeps_what_is_his_may_be_above(tmp_path: Path) -> None:
    """As /tmp is: nobody can rename what is ours there; but our own folder is not such a one."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    open_store(f"sqlite:///{shared}/data/lens.db").close()
    with pytest.raises(BadSetting, match="name a folder of its own"):
        open_store(f"sqlite:///{shared}/lens.db")


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o077])
def test_what_is_made_is_closed_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    """The folder is for this account alone, the file too, and nobody else may write into those above."""
    before = os.umask(umask)
    try:
        make_folder(tmp_path / "a" / "b" / "spool")
        open_store(f"sqlite:///{tmp_path}/c/d/lens.db").close()
    finally:
        os.umask(before)
    modes = {path: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert modes[tmp_path / "a" / "b" / "spool"] == modes[tmp_path / "c" / "d"] == 0o700
    assert modes[tmp_path / "c" / "d" / "lens.db"] == 0o600
    assert [path for path, mode in modes.items() if mode & 0o022] == []
