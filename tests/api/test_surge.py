from pathlib import Path

from app.decide.decide import Decider
from tests.api.serving import as_json, release, serving
from tests.cli.programs import until


def test_a_surge_is_seen_lifted_and_over(tmp_path: Path, decider: Decider) -> None:
    """Held messages in the answer, one work item, figures and words for those who watch; lifted once, with its work item as answer."""
    with serving(tmp_path, decider, surge_floor=4) as service, service.client() as client:
        answers = [client.post("/v1/releases", content=as_json(release(f"S-{number}"))) for number in range(5)]
        assert {answer.status_code for answer in answers} == {201}
        assert [message["status"] for answer in answers for message in answer.json()["messages"]] == ["queued"] * 4 + [
            "held"
        ] * 6
        (item,) = client.get("/v1/work-items?code=surge").json()["items"]
        assert answers[-1].json()["work_items"] == [
            {key: item[key] for key in ("id", "code", "audience", "state", "rule", "opened_at", "due_at", "status")}
        ]
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (200, "ready")
        assert ready.json()["surge"] == f"6 messages are held until a person decides about work item {item['id']}"
        page = client.get("/metrics").text.splitlines()
        assert {"lens_surge_open 1.0", "lens_surge_held_messages 6.0", "lens_surge_band 4.0"} <= set(page)
        lifted = client.post(f"/v1/work-items/{item['id']}/lift", json={"reason": "true"})
        assert (lifted.status_code, lifted.json()["status"], lifted.json()["code"]) == (200, "resolved", "surge")
        assert client.post(f"/v1/work-items/{item['id']}/lift", json={"reason": "true"}).status_code == 409
        assert len(client.get("/v1/messages?status=queued").json()["items"]) == 10
        until(lambda: "surge" not in client.get("/readyz").json())


def test_a_surge_that_is_resolved_is_never_sent(tmp_path: Path, decider: Decider) -> None:
    """And there is no band, nor its figure, where none is learned or set."""
    with serving(tmp_path, decider, surge_floor=2) as service, service.client() as client:
        for number in range(3):
            client.post("/v1/releases", content=as_json(release(f"S-{number}")))
        (item,) = client.get("/v1/work-items?code=surge").json()["items"]
        assert client.post(f"/v1/work-items/{item['id']}/resolve", json={"reason": "false"}).status_code == 200
        listed = client.get(f"/v1/messages?work_item={item['id']}").json()["items"]
        assert [message["status"] for message in listed] == ["cancelled"] * 4
        history = client.get(f"/v1/messages/{listed[0]['message_id']}").json()["history"]
        assert [event["status"] for event in history] == ["held", "cancelled"]
        assert history[1]["cause"].endswith(": false")
    with serving(tmp_path / "other", decider) as service, service.client(None) as client:
        page = client.get("/metrics").text
    assert "\nlens_surge_open 0.0\n" in page
    assert "\nlens_surge_band " not in page
