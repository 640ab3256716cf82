import io
from contextlib import closing
from pathlib import Path

import pytest

from app.domain.surge import Breaker
from app.store.accepted.releases import accept_many
from app.store.database.engine import open_store, upgrade
from tests.cli.conftest import Lens
from tests.store.invented import acceptance, rows, run


def flood(folder: Path) -> None:
    """Six releases, of which two pass."""
    with closing(open_store(f"sqlite:///{folder / 'lens.db'}")) as store:
        upgrade(store)
        run(store, accept_many, *[acceptance(f"EX-{n}")._replace(breaker=Breaker(floor=4)) for n in range(6)])


@pytest.mark.parametrize(("verb", "did", "status"), [("release", "released", "queued"), ("drop", "dropped", "cancelled")])
def test_a_surge_is_shown_and_decided_once(
    lens: Lens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str, did: str, status: str
) -> None:
    """By whoever sits at the machine; what cannot be taken back is asked for."""
    assert "there is no database" in lens("surge", "show")[2]
    flood(tmp_path)
    code, out, _ = lens("surge", "show")
    assert (code, out.splitlines()[1].split()) == (0, ["1", "8", "notices", "4", "2026-11-23", "12:00", "UTC"])
    assert "In this hour any number of notices may pass." in out
    yes = ["--yes"] if verb == "drop" else []
    assert lens("surge", verb, "1", "--reason", " ", *yes)[0] == 2
    if verb == "drop":
        monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
        assert lens("surge", "drop", "1", "--reason", "false")[0] == 1
    assert lens("surge", verb, "1", "--reason", "by telephone", *yes)[:2] == (0, f"8 messages were held; they are {did}.\n")
    code, _, err = lens("surge", verb, "1", "--reason", "again", *yes)
    assert (code, "Work item 1 is resolved" in err) == (1, True)
    assert lens("surge", "show")[1].startswith("There are none.\n")
    with closing(open_store(f"sqlite:///{tmp_path / 'lens.db'}")) as store:
        counted = dict(rows(store, "SELECT status, count(*) FROM message GROUP BY status"))
        assert counted == ({"queued": 12} if status == "queued" else {"queued": 4, "cancelled": 8})
        assert rows(store, "SELECT detail, reason FROM work_item") == [
            (f"8 notices were held; a person {did} them", "by telephone")
        ]


def test_only_a_surge_is_decided_so(lens: Lens, tmp_path: Path) -> None:
    """Another work item stays as it is."""
    flood(tmp_path)
    with closing(open_store(f"sqlite:///{tmp_path / 'lens.db'}")) as store:
        run(store, accept_many, acceptance("EX-9", "review"))
    assert "Work item 2 is no surge" in lens("surge", "drop", "2", "--reason", "false", "--yes")[2]
    assert "There is no work item 3" in lens("surge", "release", "3", "--reason", "true")[2]
