from pathlib import Path

import pytest

from app.errors import BadRulebook, BadSetting
from app.running.database import database, prepare_database
from app.running.following import desk_of, following
from app.settings import read_settings
from app.store.database.writer import Writer
from tests.intake.desks import WORDS, folder_in, rewrite


def in_force(folder: Path, **more: object) -> str:
    """The version that decides at a start."""
    own: dict[str, object] = {"database_url": f"sqlite:///{folder}/lens.db", "rulebook_dir": folder / "book"}
    settings = read_settings(**{**own, **more})
    with database(settings) as store, Writer(store) as writer:
        prepare_database(store, settings)
        with following(settings, desk_of(settings, store, writer)) as current:
            return current.shelf.in_force.version


def test_where_new_versions_come_from(tmp_path: Path) -> None:
    """With `published` a change in the folder does nothing over a new start; with `folder` it goes live."""
    folder_in(tmp_path / "book")
    first = in_force(tmp_path, rulebook_source="published")
    rewrite(tmp_path / "book", "rules/messages.yaml", *WORDS)
    assert in_force(tmp_path, rulebook_source="published") == first
    assert in_force(tmp_path) != first


def test_nothing_to_begin_with(tmp_path: Path) -> None:
    """No folder, or one that is not signed where it must be: told with every fault, and with the setting where that is wrong."""
    with pytest.raises(BadRulebook, match="R001"):
        in_force(tmp_path)
    folder_in(tmp_path / "book")
    with pytest.raises(BadSetting, match="LENS_RULEBOOK_TRUSTED_KEYS: the file cannot be read"):
        in_force(tmp_path, rulebook_trusted_keys=tmp_path / "none")
    (tmp_path / "keys").write_text("hello\n")
    with pytest.raises(BadSetting, match="LENS_RULEBOOK_TRUSTED_KEYS: line 1: no public key"):
        in_force(tmp_path, rulebook_trusted_keys=tmp_path / "keys")
    (tmp_path / "keys").write_text("lens-ed25519 15vxoQINBSgfrc9+ToiNtz6Uu18Nfto+zSfqLVpAbsU= ann\n")
    with pytest.raises(BadRulebook, match="not-signed"):
        in_force(tmp_path, rulebook_trusted_keys=tmp_path / "keys")
