from pathlib import Path

import pytest

from app.decide.decide import Decider
from app.domain.feeds import Watch
from app.domain.times import SECOND
from app.store.callers.feeds import watch_feeds
from tests.api.serving import Service, as_json, release, serving
from tests.api.test_releases import problem_of
from tests.cli.programs import until


def test_a_heartbeat_is_compared_with_what_came(service: Service) -> None:
    """Single releases and lines of a batch count, each once; the answer says what came, since when, and when the next is due."""
    with service.client("system_of_record") as client:
        client.post("/v1/releases", content=as_json(release("HB-1")))
        client.post("/v1/releases", content=as_json(release("HB-1")))
        lines = b"\n".join(as_json(release(f"HB-{number}")) for number in (1, 2, 3)) + b"\n{}\n"
        client.post("/v1/releases:batch", content=lines)
        told = {"count": 3, "sent_at": "2026-11-23T11:00:00.25-07:00"}
        first = client.post("/v1/heartbeat", json=told)
        assert first.status_code == 200, first.text
        body = first.json()
        assert (body["caller"], body["count"], body["received"], body["agrees"]) == ("the system_of_record", 3, 3, True)
        assert (body["since"], body["work_item"]) == (None, None)
        assert body["next_expected_by"] > body["at"]
        again = client.post("/v1/heartbeat", json=told)
        assert (again.content, again.headers["idempotent-replay"]) == (first.content, "true")
        wrong = client.post("/v1/heartbeat", json={"count": 5}).json()
        assert (wrong["received"], wrong["agrees"], wrong["since"]) == (0, False, body["at"])
    with service.client("operator") as client:
        (item,) = client.get("/v1/work-items?code=feed-count&status=open").json()["items"]
        assert (item["id"], item["release_id"]) == (wrong["work_item"], None)
    with service.client(None) as client:
        page = client.get("/metrics").text.splitlines()
    assert 'lens_feed_count_mismatches_total{caller="the system_of_record"} 1.0' in page
    assert any(line.startswith('lens_feed_silence_seconds{caller="the system_of_record"}') for line in page)


@pytest.mark.parametrize(
    ("body", "status", "pointers"),
    [
        (b"", 400, [""]),
        (b'{"count": NaN}', 400, [""]),
        (b'{"count": 1, "count": 2}', 400, [""]),
        (b"7", 422, [""]),
        (b"{}", 422, ["/count"]),
        (b'{"count": "7"}', 422, ["/count"]),
        (b'{"count": true}', 422, ["/count"]),
        (b'{"count": 1.5}', 422, ["/count"]),
        (b'{"count": -1}', 422, ["/count"]),
        (b'{"count": 1' + b"0" * 400 + b"}", 422, ["/count"]),
        (b'{"count": null, "sent_at": "noon", "releases": 3}', 422, ["", "/count", "/sent_at"]),
        (b'{"count": 1, "sent_at": "2026-11-23T11:00:00"}', 422, ["/sent_at"]),
        (b'{"count": 1, "sent_at": 3}', 422, ["/sent_at"]),
    ],
    ids=lambda part: str(part)[:30],
)
def test_a_body_that_does_not_fit(service: Service, body: bytes, status: int, pointers: list[str]) -> None:
    """Every fault at once, what is no JSON apart; nothing is taken, and an unknown field is told which there are."""
    with service.client("second sender") as client:
        told = problem_of(client.post("/v1/heartbeat", content=body))
    assert (told["status"], sorted(fault["pointer"] for fault in told["errors"])) == (status, pointers)
    unknown = [fault["allowed"] for fault in told["errors"] if fault["code"] == "unknown-field"]
    assert unknown in ([], [["count", "sent_at"]])
    with service.client(None) as client:
        assert 'caller="second"' not in client.get("/metrics").text


def test_a_silent_feed_is_shown_and_takes_nothing_away(tmp_path: Path, decider: Decider) -> None:
    """/readyz says so and stays 200 and ready; the metrics say so; whoever comes back is shown as heard."""
    with serving(tmp_path, decider) as service, service.client() as client:
        assert "feeds" not in client.get("/readyz").json()
        assert client.post("/v1/heartbeat", json={"count": 0}).json()["agrees"]
        until(lambda: client.get("/readyz").json().get("feeds") == {"bootstrap": "heard"})
        service.writer.do_and_wait(watch_feeds, Watch(2**52, 3600 * SECOND))
        until(lambda: client.get("/readyz").json()["feeds"]["bootstrap"].startswith("silent since 2"))
        health = client.get("/readyz")
        assert (health.status_code, health.json()["status"]) == (200, "ready")
        assert 'lens_feed_silent{caller="bootstrap"} 1.0' in client.get("/metrics").text
        client.post("/v1/heartbeat", json={"count": 0.0})
        until(lambda: client.get("/readyz").json()["feeds"] == {"bootstrap": "heard"})
        (item,) = client.get("/v1/work-items?code=feed-silent").json()["items"]
        assert "heard again" in item["detail"]
