from app.store.callers.keys import list_keys
from app.store.database.reading import look
from tests.api.serving import Service, as_json, release


def test_the_trail_keeps_the_id_of_the_key_that_acted(service: Service) -> None:
    """Beside its name, which several keys of one caller share."""
    with service.client("system_of_record") as sender:
        assert sender.post("/v1/releases", content=as_json(release("W-1"))).status_code == 201
        assert sender.post("/v1/heartbeat", json={"count": 1}).status_code == 200
    with service.client("auditor") as auditor:
        found = [
            auditor.get("/v1/audit", params={"action": action}).json()["items"][-1]
            for action in ("accept_release", "heartbeat")
        ]
    keys = look(service.store, list_keys)
    feed = next(key.id for key in keys if key.name == "the system_of_record")
    assert [(row["actor"], row["actor_key"]) for row in found] == [("the system_of_record", feed)] * 2
