import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from platform import python_version

import pytest

from app.decide.decide import Decider
from app.errors import what_broke
from app.store.reads.used_numbers import USED_BEFORE
from tests.api.serving import Service, as_json, release, serving
from tests.cli.programs import until


def test_alive_and_ready_without_a_key(service: Service) -> None:
    """Anyone may ask, and hears of every part."""
    with service.client(None) as client:
        assert client.get("/healthz").text == "alive\n"
        health = client.get("/readyz").json()
    assert health == {
        "status": "ready",
        "parts": {"database": "ok", "rulebook": "ok", "channel": "ok", "worker": "ok"},
    }


def test_metrics_count_without_telling_whom(service: Service) -> None:
    """Releases, messages, requests and refusals are counted, and nothing of a release is among the words."""
    with service.client() as client:
        client.post("/v1/releases", content=as_json(release("H-1")))
        client.post("/v1/releases", content=as_json(release("H-1")))
        client.get("/v1/releases/H-1")
    with service.client(None) as client:
        client.get("/v1/messages")
        client.get("/never/heard/of/Doe")
        until(lambda: "lens_release_replays_total 1.0" in client.get("/metrics").text)
        page = client.get("/metrics").text
    for line in (
        'lens_releases_accepted_total{mode="normal",outcome="notify"} 1.0',
        "lens_release_replays_total 1.0",
        'lens_messages{state="AZ",status="queued"} 1.0',
        'lens_queue_messages{at_least="0s"} 2.0',
        'lens_http_requests_total{method="POST",route="/v1/releases",status="201"} 1.0',
        'lens_http_requests_total{method="GET",route="/v1/releases/{release_id}",status="200"} 1.0',
        'lens_http_requests_total{method="GET",route="(none)",status="404"} 1.0',
        'lens_sign_in_refused_total{why="no_key"} 1.0',
        "lens_store_readable 1.0",
    ):
        assert line in page.splitlines(), line
    assert "Doe" not in page
    assert "H-1" not in page


def test_a_wrong_method_names_the_right_ones(service: Service) -> None:
    """405 says which methods there are, all of them."""
    with service.client() as client:
        for path, methods in (("/v1/releases", "POST"), ("/v1/rulebooks", "GET, HEAD, POST"), ("/v1/messages", "GET, HEAD")):
            answer = client.put(path, content=b"")
            assert (answer.status_code, answer.headers["allow"]) == (405, methods)
            assert answer.json()["type"] == "/problems/no-such-method"


def test_the_head_of_what_can_be_read(service: Service) -> None:
    """HEAD answers as GET does, without a body: `curl -I` and some load balancers ask so."""
    with service.client() as client:
        for path, status in (("/healthz", 200), ("/v1/messages", 200), ("/v1/none", 404), ("/v1/releases", 405)):
            answer = client.head(path)
            assert (answer.status_code, answer.content) == (status, b"")
            assert answer.headers["content-type"] == client.get(path).headers["content-type"]
        counted = 'lens_http_requests_total{method="HEAD",route="/healthz",status="200"} 1.0'
        until(lambda: counted in client.get("/metrics").text)


def test_every_answer_has_its_security_headers(service: Service) -> None:
    """Good answers and problems alike are not cached, not sniffed, not framed, and carry their id."""
    with service.client() as client:
        for path in ("/v1/messages", "/v1/none", "/healthz", "/docs"):
            headers = client.get(path).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert headers["cache-control"] == "no-store"
            assert headers["x-request-id"]
            assert "server" not in headers


def test_a_lost_database_is_told_and_not_hidden(tmp_path: Path, decider: Decider) -> None:
    """Without its tables the service is not ready, accepts nothing, and counts what it can."""
    with serving(tmp_path, decider) as service, service.client() as client:
        assert client.post("/v1/releases", content=as_json(release("L-1"))).status_code == 201
        with service.store.write.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE message RENAME TO lost")
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
        health = client.get("/readyz")
        assert (health.status_code, health.json()["status"]) == (503, "not_ready")
        assert "lens db upgrade" in health.json()["parts"]["database"]
        assert client.post("/v1/releases", content=as_json(release("L-2"))).status_code in {500, 503}
        assert "lens_store_readable 0.0" in client.get("/metrics").text
        assert client.get("/v1/messages").status_code == 503
        assert client.post("/v1/decisions", content=as_json(release("L-2"))).status_code == 200


def test_a_process_left_behind_by_an_upgrade_goes_on(tmp_path: Path, decider: Decider) -> None:
    """A later version beside it has upgraded the tables: it says so, and is still ready, so that hosts can be upgraded in turn."""
    with serving(tmp_path, decider) as service, service.client() as client:
        with service.store.write.begin() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        health = client.get("/readyz")
        assert (health.status_code, health.json()["status"]) == (200, "degraded")
        assert "a later version" in health.json()["parts"]["database"]
        assert client.post("/v1/releases", content=as_json(release("L-3"))).status_code == 201


def test_what_broke_names_places_and_no_text() -> None:
    """An unexpected error is logged by its class and place; its words may be somebody's name."""
    with pytest.raises(ValueError, match="Doe") as caught:
        int("Doe")
    told = what_broke(caught.value)
    assert told["error"] == "ValueError"
    assert "Doe" not in str(told)
    assert "test_health.py" in str(told["places"])


def test_who_asks_about_accepting_hears_nothing_of_sending(tmp_path: Path, decider: Decider) -> None:
    """A link that is down sends nothing and accepts all the same; a lost database accepts nothing. Another purpose is refused."""
    with serving(tmp_path, decider, link="the switch does not answer") as service, service.client(None) as client:
        whole = client.get("/readyz")
        assert (whole.status_code, whole.json()["parts"]["channel"]) == (503, "the switch does not answer")
        accepting = client.get("/readyz?for=accepting")
        assert (accepting.status_code, accepting.json()) == (
            200,
            {"status": "ready", "parts": {"database": "ok", "rulebook": "ok"}},
        )
        refused = client.get("/readyz?for=everything")
        assert (refused.status_code, refused.json()["errors"][0]["allowed"]) == (422, ["accepting"])
        with service.store.write.begin() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
        until(lambda: client.get("/readyz?for=accepting").status_code == 503)


def test_many_callers_cost_one(service: Service) -> None:
    """Of 64 that ask at once for readiness or figures, nearly all get what another had made."""
    with service.client(None) as client, ThreadPoolExecutor(64) as pool:
        for path in ("/readyz", "/metrics"):
            begun = time.monotonic()
            answers = list(pool.map(lambda _, path=path: client.get(path).content, range(256)))
            seconds = time.monotonic() - begun
            assert len(set(answers)) <= seconds + 2


def test_figures_say_what_the_service_is_and_until_when_its_certificates_last(tmp_path: Path, decider: Decider) -> None:
    """Version, Python, database and rules engine; a certificate that cannot be read ends at once; memory and open files."""
    (tmp_path / "cert.pem").write_text("no certificate")
    with serving(tmp_path, decider, switch_tls_cert=tmp_path / "cert.pem") as service, service.client(None) as client:
        page = client.get("/metrics").text
    (build,) = re.findall(r"^lens_build_info{(.*)} 1.0$", page, re.MULTILINE)
    labels = dict(re.findall(r'(\w+)="([^"]*)"', build))
    assert (labels["version"], labels["python"]) == (version("lens"), python_version())
    assert labels["database"].startswith("SQLite 3.")
    assert labels["rules_engine"] == f"durable_rules {version('durable-rules')}"
    assert 'lens_certificate_not_after_timestamp_seconds{setting="LENS_SWITCH_TLS_CERT"} 0.0' in page
    assert f'process_open_fds{{pid="{os.getpid()}"}}' in page


def test_a_number_that_was_used_before_makes_it_degraded(tmp_path: Path, decider: Decider) -> None:
    """Its lane stands still, so a state is not told; who asks about accepting alone hears nothing of it."""
    with serving(tmp_path, decider, channel="spool", spool_dir=tmp_path / "spool") as service, service.client() as client:
        client.post("/v1/releases", content=as_json(release("USED-1"))).raise_for_status()
        with service.store.write.begin() as connection:
            connection.exec_driver_sql("UPDATE lane SET fails = 1 WHERE ori = 'AZSIR0000'")
            connection.exec_driver_sql(
                "INSERT INTO message_event (number, status, at, cause) SELECT min(number), 'queued', 1, ? FROM message",
                (f"out/LN00000001.am has other words: {USED_BEFORE}",),
            )
        told = client.get("/readyz").json()
        assert told["status"] == "degraded"
        assert told["parts"]["channel"].endswith(USED_BEFORE)
        assert "lens_numbers_used_before 1.0" in client.get("/metrics").text.splitlines()
        assert client.get("/readyz?for=accepting").json()["status"] == "ready"


def test_a_message_that_would_never_be_sent_makes_it_degraded(tmp_path: Path, decider: Decider) -> None:
    """Somebody changed it by SQL; who asks about accepting alone hears nothing of it."""
    with serving(tmp_path, decider) as service, service.client() as client:
        client.post("/v1/releases", content=as_json(release("STRAND-1"))).raise_for_status()
        with service.store.write.begin() as connection:
            connection.exec_driver_sql("UPDATE message SET status = 'queued', ready = false WHERE number = 1")
        told = client.get("/readyz").json()
        assert told["status"] == "degraded"
        assert told["parts"]["worker"].startswith("degraded: message LN00000001 is to be sent, but not marked as ready")
        assert "lens_messages_stranded 1.0" in client.get("/metrics").text.splitlines()
        assert client.get("/readyz?for=accepting").json()["status"] == "ready"
