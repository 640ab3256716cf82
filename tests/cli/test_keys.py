import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Lens


def test_a_key_is_shown_once_and_stored_hashed(lens: Lens, tmp_path: Path) -> None:
    """`create` prints the key and nothing else; no file of the database holds it; `list` does not show it."""
    code, out, _ = lens("keys", "create", "feed", "--role", "system_of_record", "--expires", "90d")
    key = out.strip()
    assert (code, key.startswith("lens_"), len(key) > 40) == (0, True, True)
    assert key.encode() not in b"".join(file.read_bytes() for file in tmp_path.glob("lens.db*"))
    shown = lens("keys", "list")[1]
    assert "feed" in shown
    assert "good" in shown
    assert key not in shown


def test_revoking_by_name(lens: Lens) -> None:
    """All keys of a name end at once; a second time there is none left, which is an error."""
    for _ in range(2):
        assert lens("keys", "create", "ops", "--role", "operator", "--expires", "never")[0] == 0
    assert lens("keys", "revoke", "ops")[:2] == (0, "2 keys revoked.\n")
    code, _, err = lens("keys", "revoke", "ops")
    assert (code, "no key ops" in err) == (1, True)
    assert lens("keys", "list")[1].count("revoked") == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("x", "--role", "king"), "king"),
        (("x",), "--role"),
        (("bad/name", "--role", "policy"), "name"),
        (("x", "--role", "policy", "--expires", "soon"), "--expires"),
    ],
)
def test_wrong_use(lens: Lens, words: tuple[str, ...], said: str) -> None:
    """A wrong role, name or duration is told as wrong use."""
    code, _, err = lens("keys", "create", *words)
    assert (code, said in err) == (2, True), err


def test_a_name_with_two_roles_is_a_conflict(lens: Lens) -> None:
    """One name has one role at a time."""
    lens("keys", "create", "feed", "--role", "auditor")
    code, _, err = lens("keys", "create", "feed", "--role", "operator")
    assert (code, "auditor" in err) == (1, True)


def test_the_trail_knows_and_a_change_of_it_shows(lens: Lens, tmp_path: Path) -> None:
    """Making a key stands in the audit trail; a row changed behind LENS's back is found, with exit code 1."""
    lens("keys", "create", "feed", "--role", "auditor")
    assert lens("audit", "verify")[:2] == (0, "The audit trail is whole: every row follows from the one before.\n")
    with closing(sqlite3.connect(tmp_path / "lens.db")) as connection, connection:
        connection.execute("UPDATE audit SET actor = 'nobody' WHERE action = 'create_key'")
    code, out, _ = lens("audit", "verify")
    assert (code, "broken at row 2: its content was changed" in out) == (1, True)
