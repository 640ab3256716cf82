import pytest

from tests.api.serving import Service


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
            assert client.get(path + query, headers={"Authorization": "Bearer unknown"}).status_code == 401


@pytest.mark.parametrize("query", ["state=WY", "from=2020-11-01&to=2020-11-01", "from=2020-11-01T12:00:00Z&to=2020-11-01"])
def test_a_list_that_is_empty_in_truth_is_answered(service: Service, query: str) -> None:
    """A state that nobody lives in, a single day."""
    with service.client("operator") as client:
        assert client.get(f"/v1/messages?{query}").json()["items"] == []
