import pytest

from tests.api.serving import Service, as_json, release


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        ("state=AZ&state=TX", "/state", "repeated-parameter"),
        ("limit=1&limit=1", "/limit", "repeated-parameter"),
        ("from=2026-11-02&to=2026-11-01", "/to", "value-error"),
        ("from=2026-11-01T12:00:00Z&to=2026-11-01T13:00:00%2B02:00", "/to", "value-error"),
        ("state=NB", "/state", "unknown-state"),
        ("state=XX", "/state", "unknown-state"),
    ],
)
def test_a_list_that_could_only_mislead_is_refused(service: Service, query: str, pointer: str, code: str) -> None:
    """Whether or not another filter stands beside it, in every list that takes it; nobody without a key is told."""
    paths = ["/v1/messages?", "/v1/reconciliation?" + "state=TX&" * ("state" not in query)]
    paths += ["/v1/work-items?"] if "from" not in query else ["/v1/audit?", "/v1/inbound?", "/v1/reconciliation/totals?"]
    with service.client() as client:
        for path in paths:
            answer = client.get(path + query)
            assert answer.status_code == 422, path
            assert [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]] == [(pointer, code)]
            assert client.get(path + query, headers={"Authorization": ""}).status_code == 401


@pytest.mark.parametrize("query", ["state=WY", "from=2020-11-01&to=2020-11-01", "from=2020-11-01T12:00:00Z&to=2020-11-01"])
def test_a_list_that_is_empty_in_truth_is_answered(service: Service, query: str) -> None:
    """A state that nobody lives in, a single day."""
    with service.client("operator") as client:
        assert client.get(f"/v1/messages?{query}").json()["items"] == []


LISTS = ["/v1/messages", "/v1/work-items", "/v1/inquiries", "/v1/inbound", "/v1/audit"]


@pytest.mark.parametrize("path", LISTS)
def test_every_list_goes_either_way_and_no_other(service: Service, path: str) -> None:
    """`order=newest` turns it round, page by page; another word is refused, saying which there are, and not said again."""
    with service.client() as client:
        for number in range(3):
            sent = release(f"W-{path[4:]}-{number}", holds=[{"code": "protected"}] if number else [])
            client.post("/v1/releases", content=as_json(sent))
        there = client.get(path, params={"limit": 1000}).json()["items"]
        back = []
        cursor: dict[str, str] = {}
        while True:
            page = client.get(path, params={"order": "newest", "limit": 2, **cursor}).json()
            back += page["items"]
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}
        assert back == there[::-1]
        if cursor:
            assert client.get(path, params=cursor).json()["errors"][0]["pointer"] == "/cursor"
        refused = client.get(path, params={"order": "upwards"})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/order"
    assert refused.json()["errors"][0]["allowed"] == ["oldest", "newest"]
    assert "upwards" not in refused.text
