import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

from tests.cli.conftest import Lens
from tests.cli.programs import LENS, Program, client, environment, lens, release, until
from tests.dispatch.outbox_rows import store_in
from tests.store.invented import accept, acceptance


def test_a_backup_of_a_running_service_is_restored(tmp_path: Path) -> None:
    """Made while releases come in, proved, and a service goes on with it once it was said to be recovered; none is lost."""
    stop = Event()
    with Program(tmp_path, ["serve", "--port", "0"]) as program, client(program.url()) as api, ThreadPoolExecutor(1) as pool:
        assert api.post("/v1/releases", content=release("B-first")).status_code == 201

        def keep_sending() -> int:
            sent = 0
            while not stop.is_set():
                assert api.post("/v1/releases", content=release(f"B-{sent}")).status_code == 201
                sent += 1
            return sent

        sending = pool.submit(keep_sending)
        try:
            made = lens(tmp_path, "db", "backup", "copy.db")
        finally:
            stop.set()
        assert (made.returncode, sending.result() > 0) == (0, True), made.stderr
        actions = [row["action"] for row in api.get("/v1/audit", params={"order": "newest", "limit": 1000}).json()["items"]]
        assert "back_up_store" in actions
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600
    assert "is whole" in lens(tmp_path, "db", "verify", "copy.db").stdout
    restored = tmp_path / "restored"
    restored.mkdir()
    (tmp_path / "copy.db").rename(restored / "lens.db")
    until(lambda: lens(restored, "db", "recovered").returncode == 0)  # the leases in the copy have to end
    with Program(restored, ["serve", "--port", "0"]) as program, client(program.url()) as api:
        assert api.get("/v1/releases/B-first").status_code == 200
        assert api.post("/v1/releases", content=release("B-later")).status_code == 201


def test_a_disk_that_is_full_leaves_no_half_copy(tmp_path: Path) -> None:
    """It is said, without a trace, and nothing is left."""
    store = store_in(tmp_path)
    accept(store, acceptance("EX-1"))
    store.close()
    before = set(tmp_path.iterdir())
    words = ["sh", "-c", 'ulimit -f 128; exec "$@"', "sh", *LENS, "db", "backup", "copy.db"]
    done = subprocess.run(
        words, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, "there is no backup" in done.stderr, "Traceback" in done.stderr) == (1, True, False)
    assert set(tmp_path.iterdir()) - before <= {tmp_path / "lens.db-wal", tmp_path / "lens.db-shm"}


def test_a_backup_that_others_can_read_is_told(lens: Lens, tmp_path: Path) -> None:
    """With what to do about it."""
    store_in(tmp_path).close()
    assert lens("db", "backup", "copy.db")[0] == 0
    assert lens("db", "verify", "copy.db")[0] == 0
    (tmp_path / "copy.db").chmod(0o644)
    code, out, _ = lens("db", "verify", "copy.db")
    assert (code, "chmod 600 copy.db" in out) == (1, True)


def test_what_backs_up_postgresql_is_said(lens: Lens, tmp_path: Path) -> None:
    """The very command, without the password, and nothing is made; where there is no store, that is said."""
    url = "postgresql+psycopg://lens:secret@db/lens"
    code, _, err = lens("db", "backup", "a copy.dump", DATABASE_URL=url)
    assert code == 1
    assert "(umask 077 && pg_dump --format=custom --file='a copy.dump' --dbname=postgresql://lens@db/lens)" in err
    assert "secret" not in err
    code, _, err = lens("db", "backup", "copy.db")
    assert (code, "no database to copy" in err, list(tmp_path.iterdir())) == (1, True, [])


def test_what_the_log_says_is_not_among_what_a_command_prints(tmp_path: Path) -> None:
    """A key made in a new database is all that is printed, for a script takes it as it is."""
    made = lens(tmp_path, "keys", "create", "feed", "--role", "system_of_record")
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("lens_")
    assert len(made.stdout.split()) == 1
    assert "database_made" in made.stderr
