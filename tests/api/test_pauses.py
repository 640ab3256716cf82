import pytest

from tests.api.serving import Service, as_json, release

REASON = as_json({"reason": "a drill"})


@pytest.fixture(scope="module")
def filled(service: Service) -> Service:
    """The service with a message to two states."""
    with service.client("system_of_record") as client:
        assert client.post("/v1/releases", content=as_json(release("P-1"))).status_code == 201
    return service


def test_a_lane_is_paused_listed_and_resumed(filled: Service) -> None:
    """The list says who, why and since when; what stands is seen in the metrics."""
    with filled.client("operator") as client:
        (set_now,) = client.post("/v1/pauses/TXSIR0000", content=REASON).json()["items"]
        assert (set_now["scope"], set_now["source"], set_now["why"]) == ("TXSIR0000", "operator", "the operator: a drill")
        assert (
            client.post("/v1/pauses/TXSIR0000", content=as_json({"reason": "still"})).json()["items"][0]["since"]
            == (set_now["since"])
        )
        assert client.post("/v1/pauses/all", content=REASON).status_code == 200
    with filled.client("auditor") as client:
        assert [each["scope"] for each in client.get("/v1/pauses").json()["items"]] == ["all", "TXSIR0000"]
        assert 'lens_pause_seconds{scope="all",source="operator"}' in client.get("/metrics").text
    with filled.client("operator") as client:
        assert len(client.post("/v1/pauses/all/resume", content=REASON).json()["items"]) == 1
        assert client.post("/v1/pauses/TXSIR0000/resume", content=REASON).json() == {"items": []}
        assert client.post("/v1/pauses/TXSIR0000/resume", content=REASON).status_code == 404
        assert client.post("/v1/pauses/all/resume?source=network", content=REASON).status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/pauses/TXSIR000O", REASON, 404),
        ("/v1/pauses/Texas", REASON, 422),
        ("/v1/pauses/all", b"{}", 422),
        ("/v1/pauses/all", b"", 400),
        ("/v1/pauses/all/resume?source=move", REASON, 422),
        ("/v1/pauses/all?source=network", REASON, 422),
    ],
)
def test_what_cannot_be_paused_is_told(filled: Service, path: str, body: bytes, status: int) -> None:
    """And nothing is changed."""
    with filled.client("operator") as client:
        assert client.post(path, content=body).status_code == status
        assert client.get("/v1/pauses").json() == {"items": []}


def test_only_operators_pause(filled: Service) -> None:
    """An auditor may look."""
    with filled.client("auditor") as client:
        assert client.post("/v1/pauses/all", content=REASON).status_code == 403
        assert client.get("/v1/pauses").status_code == 200
    with filled.client("system_of_record") as client:
        assert client.get("/v1/pauses").status_code == 403
