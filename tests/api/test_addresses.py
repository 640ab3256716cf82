from pathlib import Path
from typing import Any

from app.decide.decide import Decider
from tests.api.serving import EXAMPLE, as_json, release, serving
from tests.kinds import only_sqlite

CODE = "address-over-used"
AWAY = {"street": "1 Mill Rd", "city": "Deming", "state": "NM", "zip": "88030"}


def codes(decision: dict[str, Any]) -> set[str]:
    """The codes of its warnings."""
    return {warning["code"] for warning in decision["warnings"]}


def test_an_address_on_too_many_releases(tmp_path: Path, decider: Decider, database_url: str) -> None:
    """The 201 answer, the stored release, a dry run and a correction warn, nothing is held back, and no address is repeated.

    What moves to another address, or is cancelled, makes room. A dry run under a version named is that version's alone.
    """
    with serving(tmp_path, decider, address_limit=2, database_url=database_url) as service, service.client() as client:

        def post(path: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - parts of a JSON document
            found: dict[str, Any] = client.post(path, content=as_json(release(**changes))).json()
            return found

        assert codes(post("/v1/releases", release_id="U-1")) == codes(post("/v1/releases", release_id="U-2")) == set()
        assert CODE in codes(post("/v1/decisions", release_id="U-3"))
        assert CODE not in codes(post("/v1/decisions", release_id="U-2"))
        live = client.get("/v1/rulebook").json()["version"]
        assert CODE not in codes(post(f"/v1/decisions?rulebook={live}", release_id="U-3"))
        spelt = EXAMPLE["residence"] | {"street": "100 MAIN STREET, APT 2"}
        third = post("/v1/releases", release_id="U-3", residence=spelt)
        assert codes(third) == codes(client.get("/v1/releases/U-3").json()) == {CODE}
        assert [message["status"] for message in third["messages"]] == ["queued", "queued"]
        (warning,) = third["warnings"]
        assert "MAIN" not in warning["message"].upper()

        assert codes(post("/v1/releases/U-1/correction", release_id="U-1", residence=AWAY)) == {"address-no-unit"}
        assert CODE in codes(post("/v1/releases/U-1/correction", release_id="U-1"))
        assert client.post("/v1/releases/U-2/cancellation", json={"reason": "a test"}).status_code == 201
        again = EXAMPLE["subject"] | {"weight": 170}
        assert codes(post("/v1/releases/U-3/correction", release_id="U-3", subject=again)) == set()


@only_sqlite
def test_a_dry_run_does_without_the_count(tmp_path: Path, decider: Decider, database_url: str) -> None:
    """Where the store cannot be read a dry run still decides."""
    with serving(tmp_path, decider, database_url=database_url) as service, service.client() as client:
        with service.store.write.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE release RENAME TO lost")
        assert client.post("/v1/decisions", content=as_json(EXAMPLE)).json()["warnings"] == []
