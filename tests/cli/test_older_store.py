"""A store that is older than the numbers given out is not used, and a new one is never made unseen."""

import shutil
from pathlib import Path

import pytest

from tests.cli.programs import Program, client, lens, release, until


def spooled(folder: Path) -> set[str]:
    """Messages in the spool."""
    return {path.name for path in (folder / "spool" / "out").glob("LN*")}


def accept(folder: Path, *release_ids: str) -> None:
    """A service takes releases, spools their notices and stops."""
    with Program(folder, ["serve", "--port", "0"]) as program, client(program.url()) as api:
        for release_id in release_ids:
            before = len(spooled(folder))
            assert api.post("/v1/releases", content=release(release_id)).status_code == 201
            until(lambda before=before: len(spooled(folder)) == before + 2)  # type: ignore[misc]


def test_an_older_store_does_not_start_until_it_is_said_to_be_recovered(tmp_path: Path) -> None:
    """It would give out numbers again, and the network drops a notice whose number it has had; then no number comes twice."""
    accept(tmp_path, "R-1")
    shutil.copy2(tmp_path / "lens.db", tmp_path / "backup.db")
    accept(tmp_path, "R-2", "R-3")
    before = spooled(tmp_path)
    for end in ("-wal", "-shm"):
        (tmp_path / f"lens.db{end}").unlink(missing_ok=True)
    shutil.copy2(tmp_path / "backup.db", tmp_path / "lens.db")
    for words in (("serve", "--port", "0"), ("serve", "--port", "0", "--workers", "2"), ("work",)):
        refused = lens(tmp_path, *words)
        assert refused.returncode == 2
        assert "LN00000006 was, and its last is LN00000002" in refused.stderr
        assert "run `lens db recovered` once; nothing was started." in refused.stderr
    assert lens(tmp_path, "db", "recovered").returncode == 0
    accept(tmp_path, "R-2")
    assert len(spooled(tmp_path) - before) == 2
    accept(tmp_path, "R-4")


def test_a_new_store_beside_the_numbers_of_another_starts_once_it_is_said_to_be_recovered(tmp_path: Path) -> None:
    """It would begin with the first number again, however its tables were made; then it goes on beyond those of every store."""
    accept(tmp_path, "R-1")
    before = spooled(tmp_path)
    other = {"LENS_DATABASE_URL": f"sqlite:///{tmp_path}/other.db"}
    for words in (("serve", "--port", "0"), ("db", "upgrade"), ("serve", "--port", "0", "--workers", "2"), ("work",)):
        refused = lens(tmp_path, *words, settings=other)
        if words[0] != "db":
            assert refused.returncode == 2
            assert "has given out no number yet, and LN00000002 was given out here by another one" in refused.stderr
            assert "run `lens db recovered` once; nothing was started." in refused.stderr
    assert lens(tmp_path, "db", "recovered", settings=other).returncode == 0
    with Program(tmp_path, ["serve", "--port", "0"], other) as program, client(program.url()) as api:
        assert api.post("/v1/releases", content=release("R-1")).status_code == 201
        until(lambda: len(spooled(tmp_path)) == 4)
    assert min(spooled(tmp_path) - before) > max(before)


def test_no_store_is_made_where_none_may_be(tmp_path: Path) -> None:
    """Nothing is left behind, and a store that is there is used."""
    never = {"LENS_CREATE": "no"}
    for words in (("serve", "--port", "0"), ("work",), ("db", "upgrade"), ("keys", "create", "ann", "--role", "auditor")):
        refused = lens(tmp_path, *words, settings=never)
        assert (refused.returncode, (tmp_path / "lens.db").exists()) == (2, False), words
        assert "LENS_CREATE=no" in refused.stderr
    (tmp_path / "lens.db").touch(0o600)
    assert "LENS_CREATE=no" in lens(tmp_path, "work", settings=never).stderr, "an empty file is no store"
    assert lens(tmp_path, "db", "upgrade").returncode == 0
    assert lens(tmp_path, "db", "upgrade", settings=never).returncode == 0


def test_a_store_that_others_can_change_is_not_used(tmp_path: Path) -> None:
    """Nor one whose folder they can change; what they could only read is closed."""
    assert lens(tmp_path, "db", "upgrade").returncode == 0
    database = tmp_path / "lens.db"
    database.chmod(0o666)
    refused = lens(tmp_path, "db", "upgrade")
    assert f"{database} can be changed by other accounts (mode 0666)" in refused.stderr
    database.chmod(0o644)
    assert lens(tmp_path, "db", "upgrade").returncode == 0
    assert database.stat().st_mode & 0o777 == 0o600
    tmp_path.chmod(0o777)
    refused = lens(tmp_path, "db", "upgrade")
    tmp_path.chmod(0o700)
    assert (refused.returncode, "chmod go-w" in refused.stderr) == (2, True)


@pytest.mark.parametrize(("channel", "part"), [("spool", "spool/in"), ("tcp", "arrivals")])
@pytest.mark.parametrize("words", [("serve", "--port", "0"), ("serve", "--port", "0", "--workers", "2"), ("work",)])
def test_a_link_that_anybody_can_write_into_stops_the_start(
    tmp_path: Path, channel: str, part: str, words: tuple[str, ...]
) -> None:
    """Whoever plants a file there speaks as the network; nothing is started, in however many processes."""
    folder = tmp_path / part
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    refused = lens(tmp_path, *words, settings={"LENS_CHANNEL": channel})
    assert refused.returncode == 2
    assert f"{folder} can be changed by other accounts (mode 0777)" in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == [folder.relative_to(tmp_path).parts[0]], "nothing was made before"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_service_whose_database_file_is_removed_takes_nothing_more(tmp_path: Path, workers: str) -> None:
    """A release that would be gone after the next start is answered 503, /readyz says why, and nothing is sent."""
    with Program(tmp_path, ["serve", "--port", "0", "--workers", workers]) as program, client(program.url()) as api:
        assert api.post("/v1/releases", content=release("R-1")).status_code == 201
        until(lambda: len(spooled(tmp_path)) == 2)
        for path in tmp_path.glob("lens.db*"):
            path.unlink()
        for name in ("R-2", "R-3"):
            assert api.post("/v1/releases", content=release(name)).status_code == 503
        until(lambda: api.get("/readyz").status_code == 503)
        assert "removed or replaced" in api.get("/readyz").text
        assert len(spooled(tmp_path)) == 2
