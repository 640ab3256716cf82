from collections.abc import Callable
from typing import Any

import pytest

from app.store.outbox.outbox import Claim, Turn, claim, turn
from app.store.outbox.tries import AttemptResult
from tests.api.serving import Service, as_json, release


@pytest.fixture(scope="module")
def filled(service: Service) -> Service:
    """The service with some releases: three that notify, one that a person must look at."""
    with service.client("system_of_record") as client:
        for number in range(3):
            assert client.post("/v1/releases", content=as_json(release(f"M-{number}"))).status_code == 201
        held = client.post("/v1/releases", content=as_json(release("M-held", holds=["juvenile"])))
        assert held.json()["outcome"] == "hold_for_review"
    return service


def pages(filled: Service, path: str, **query: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - query parameters
    """Every item of a list, page by page."""
    items: list[dict[str, Any]] = []
    with filled.client("auditor") as client:
        cursor = None
        while True:
            page = client.get(path, params=query | ({"cursor": cursor} if cursor else {})).json()
            items += page["items"]
            cursor = page["next"]
            if cursor is None:
                return items


def test_messages_page_by_page_are_those_of_one_page(filled: Service) -> None:
    """Whatever the size of a page, all messages come once and in order."""
    whole = pages(filled, "/v1/messages", limit=1000)
    assert len(whole) == 6
    assert pages(filled, "/v1/messages", limit=1) == pages(filled, "/v1/messages", limit=4) == whole


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"state": "TX"}, 3),
        ({"status": "queued"}, 6),
        ({"status": "sent"}, 0),
        ({"release_id": "M-1"}, 2),
        ({"release_id": "none"}, 0),
        ({"from": "2020-01-01"}, 6),
        ({"to": "2020-01-01"}, 0),
        ({"from": "2020-01-01T00:00:00+02:00", "to": "2999-12-31", "state": "AZ"}, 3),
    ],
)
def test_messages_filtered(filled: Service, query: dict[str, str], count: int) -> None:
    """Each filter narrows the list, and all of them hold at once."""
    assert len(pages(filled, "/v1/messages", **query)) == count


def test_bad_parameters_all_at_once(filled: Service) -> None:
    """Every parameter that does not fit is named, with what is allowed; that there is an unknown one is told too, and nothing sent is repeated."""
    with filled.client("operator") as client:
        answer = client.get("/v1/messages?status=lost&state=Texas&from=yesterday&limit=0&stat=x")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    faults = {fault["pointer"]: fault for fault in answer.json()["errors"]}
    assert set(faults) == {"/status", "/state", "/from", "/limit", ""}
    assert "dead" in faults["/status"]["allowed"]
    assert faults[""]["code"] == "unknown-parameter"
    assert "yesterday" not in answer.text


def test_a_cursor_of_another_list(filled: Service) -> None:
    """A cursor is good for the list that gave it, and nothing else is a cursor."""
    with filled.client("auditor") as client:
        cursor = client.get("/v1/messages?limit=1").json()["next"]
        for path, bad in (("/v1/work-items", cursor), ("/v1/messages", "!!"), ("/v1/messages", "AAAA")):
            answer = client.get(path, params={"cursor": bad})
            assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/cursor")


def test_one_message(filled: Service) -> None:
    """A message with its history; an unknown number is 404, what is no number 422."""
    first = pages(filled, "/v1/messages", limit=1)[0]
    with filled.client("operator") as client:
        message = client.get(f"/v1/messages/{first['message_id']}").json()
        assert message["history"][0] == {"status": "queued", "at": first["created_at"], "cause": "accepted"}
        assert client.get("/v1/messages/LNZZZZZZZZ").status_code == 404
        for bad in ("LN1", "ln00000001", "LN00000000%00", "1"):
            assert client.get(f"/v1/messages/{bad}").status_code == 422


def refuse_first(service: Service) -> str:
    """Lets the first queued message die, as the dispatcher would after its last try; its id."""
    claimed = service.writer.do_and_wait(
        claim, Claim(worker="tests", room=1, window=1, lease=10_000_000, horizon=1_000_000_000)
    )
    batch = claimed.batches[0]
    taken = batch.messages[0]
    verdict = AttemptResult(taken.number, "dead", "its tries are used up", failed=True)
    service.writer.do_and_wait(
        turn,
        Turn(worker="tests", ori=batch.ori, token=batch.token, lease=10_000_000, window=0, verdicts=(verdict,), delay=None),
    )
    return str(pages(service, "/v1/messages", status="dead")[0]["message_id"])


def test_requeue_with_a_reason(filled: Service) -> None:
    """A dead message is queued again by an operator who says why; its work item is closed; a second time is a conflict."""
    dead = refuse_first(filled)
    with filled.client("operator") as client:
        path = f"/v1/messages/{dead}/requeue"
        for body in (b"{}", b'{"reason": ""}', b'{"reason": 3}', b'{"reason": "x", "more": 1}', b"[]", b'{"reason": "a\\nb"}'):
            assert client.post(path, content=body).status_code == 422
        answer = client.post(path, json={"reason": "The state is back."})
        assert (answer.status_code, answer.json()["status"]) == (200, "queued")
        assert "The state is back." in answer.json()["history"][-1]["cause"]
        assert client.post(path, json={"reason": "Again."}).status_code == 409
        assert client.post("/v1/messages/LNZZZZZZZZ/requeue", json={"reason": "a test"}).status_code == 404
    assert not [item for item in pages(filled, "/v1/work-items", status="open") if item["message_id"] == dead]


def test_work_items_are_resolved_with_a_reason(filled: Service) -> None:
    """A hold opens a work item that names its rule; resolving it needs a reason and happens once."""
    (item,) = pages(filled, "/v1/work-items", code="review")
    assert (item["release_id"], item["status"], item["reason"]) == ("M-held", "open", None)
    assert item["rule"]
    with filled.client("operator") as client:
        path = f"/v1/work-items/{item['id']}/resolve"
        assert client.post(path, content=b"").status_code == 400
        done = client.post(path, json={"reason": "Looked at the file."}).json()
        assert (done["status"], done["resolved_by"], done["reason"]) == ("resolved", "the operator", "Looked at the file.")
        assert client.post(path, json={"reason": "Twice."}).status_code == 409
        for bad, status in (("999999", 404), ("0", 422), ("x", 422), (str(2**63), 422), ("9" * 400, 422)):
            assert client.post(f"/v1/work-items/{bad}/resolve", json={"reason": "a test"}).status_code == status
    assert pages(filled, "/v1/work-items", code="review", status="open") == []


def test_a_hold_is_lifted_once(filled: Service) -> None:
    """Lifting sends what the hold kept back, to both states, and is done once however often it is asked for."""
    with filled.client("system_of_record") as client:
        client.post("/v1/releases", content=as_json(release("M-lift", holds=["juvenile"])))
    with filled.client("operator") as client:
        items = client.get("/v1/releases/M-lift").json()["work_items"]
        path = f"/v1/work-items/{items[0]['id']}/lift"
        assert client.post(path, content=b"{}").status_code == 422
        lifted = client.post(path, json={"reason": "He is of age."})
        assert lifted.status_code == 200, lifted.text
        assert [message["status"] for message in lifted.json()["messages"]] == ["queued", "queued"]
        assert client.post(path, json={"reason": "Again."}).status_code == 409
        assert len(client.get("/v1/releases/M-lift").json()["messages"]) == 2


def test_work_items_are_assigned_found_and_rejected(filled: Service) -> None:
    """Who has one in hand is a name, or null; every filter narrows the list; a rejected hold sends nothing."""
    with filled.client("system_of_record") as client:
        client.post("/v1/releases", content=as_json(release("M-reject", holds=["juvenile"])))
    with filled.client("operator") as client:
        (item,) = client.get("/v1/work-items", params={"release_id": "M-reject"}).json()["items"]
        path = f"/v1/work-items/{item['id']}"
        bad: list[bytes] = [
            b"{}",
            b'{"to": ""}',
            b'{"to": 3}',
            b'{"to": "a\\nb"}',
            b'{"to": null, "x": 1}',
            as_json({"to": "x" * 81}),
        ]
        assert [client.post(f"{path}/assign", content=each).status_code for each in bad] == [422] * len(bad)
        assert client.post(f"{path}/assign", json={"to": "night shift"}).json()["assigned_to"] == "night shift"
        for query in ({"assigned_to": "night shift"}, {"assigned": "true"}, {"assigned": "true", "overdue": "false"}):
            assert [each["id"] for each in client.get("/v1/work-items", params=query).json()["items"]] == [item["id"]]
        for empty in ({"overdue": "true"}, {"state": "WY"}, {"release_id": "none"}):
            assert client.get("/v1/work-items", params=empty).json()["items"] == []
        assert client.get("/v1/work-items?assigned_to=%00").status_code == 422
        assert client.post(f"{path}/assign", json={"to": None}).json()["assigned_to"] is None
        rejected = client.post(f"{path}/reject", json={"reason": "Not to be told."})
        assert (rejected.status_code, rejected.json()["messages"]) == (200, [])
        assert client.get(path).json()["reason"] == "Not to be told."
        assert client.post(f"{path}/reject", json={"reason": "Again."}).status_code == 409
        assert client.post(f"{path}/lift", json={"reason": "After all."}).status_code == 409
        assert client.post(f"{path}/assign", json={"to": "late"}).status_code == 409


def test_the_audit_trail_tells_who_did_what(filled: Service) -> None:
    """Accepting and resolving stand in the trail under the name of the key, without personal data."""
    entries = pages(filled, "/v1/audit", limit=3)
    done = {(entry["actor"], entry["action"]) for entry in entries}
    assert {("the system_of_record", "accept_release"), ("the operator", "resolve_work_item"), ("tests", "create_key")} <= done
    assert {entry["action"] for entry in pages(filled, "/v1/audit", action="create_key")} == {"create_key"}
    assert "Doe" not in str(entries)


def test_the_live_rulebook(filled: Service) -> None:
    """The version is the one decisions name, and every rule they can name is listed."""
    with filled.client("policy") as client:
        book = client.get("/v1/rulebook").json()
    with filled.client("system_of_record") as client:
        decision = client.post("/v1/releases", content=as_json(release("M-book"))).json()
    assert book["version"] == decision["rulebook"]
    assert {reason["rule"] for reason in decision["because"]} <= {rule["id"] for rule in book["rules"]}
    assert "rules/eligibility.yaml" in {file["name"] for file in book["files"]}


ENDPOINTS: dict[tuple[str, str], tuple[set[str], Callable[[], bytes | None]]] = {
    ("POST", "/v1/releases"): ({"system_of_record"}, lambda: b"{}"),
    ("POST", "/v1/releases:batch"): ({"system_of_record"}, lambda: b""),
    ("GET", "/v1/releases/x"): ({"system_of_record", "operator", "auditor"}, lambda: None),
    ("POST", "/v1/releases/x/correction"): ({"system_of_record", "operator"}, lambda: b"{}"),
    ("POST", "/v1/releases/x/cancellation"): ({"system_of_record", "operator"}, lambda: b"{}"),
    ("POST", "/v1/heartbeat"): ({"system_of_record"}, lambda: b"{}"),
    ("POST", "/v1/decisions"): ({"policy"}, lambda: b"{}"),
    ("GET", "/v1/messages"): ({"operator", "auditor"}, lambda: None),
    ("GET", "/v1/messages/LNZZZZZZZZ"): ({"operator", "auditor"}, lambda: None),
    ("POST", "/v1/messages/LNZZZZZZZZ/requeue"): ({"operator"}, lambda: b"{}"),
    ("GET", "/v1/reconciliation"): ({"operator", "auditor"}, lambda: None),
    ("GET", "/v1/reconciliation/totals"): ({"operator", "auditor"}, lambda: None),
    ("GET", "/v1/work-items"): ({"operator", "auditor"}, lambda: None),
    ("POST", "/v1/work-items/999/resolve"): ({"operator"}, lambda: b"{}"),
    ("POST", "/v1/work-items/999/lift"): ({"operator"}, lambda: b"{}"),
    ("POST", "/v1/work-items/999/reject"): ({"operator"}, lambda: b"{}"),
    ("POST", "/v1/work-items/999/assign"): ({"operator"}, lambda: b"{}"),
    ("GET", "/v1/work-items/999"): ({"operator", "auditor"}, lambda: None),
    ("GET", "/v1/inquiries"): ({"operator", "auditor"}, lambda: None),
    ("GET", "/v1/inquiries/999"): ({"operator", "auditor"}, lambda: None),
    ("POST", "/v1/inquiries/999/close"): ({"operator"}, lambda: b"{}"),
    ("GET", "/v1/inbound"): ({"operator", "auditor"}, lambda: None),
    ("GET", "/v1/inbound/999"): ({"operator", "auditor"}, lambda: None),
    ("GET", "/v1/pauses"): ({"operator", "auditor"}, lambda: None),
    ("POST", "/v1/pauses/XXSIR0000"): ({"operator"}, lambda: b"{}"),
    ("POST", "/v1/pauses/XXSIR0000/resume"): ({"operator"}, lambda: b"{}"),
    ("GET", "/v1/rulebook"): ({"policy", "approver", "auditor"}, lambda: None),
    ("GET", "/v1/rulebooks"): ({"policy", "approver", "auditor"}, lambda: None),
    ("GET", "/v1/rulebooks/000000000000"): ({"policy", "approver", "auditor"}, lambda: None),
    ("GET", "/v1/rulebooks/00000000000a/diff/00000000000b"): ({"policy", "approver", "auditor"}, lambda: None),
    ("POST", "/v1/rulebooks"): ({"policy"}, lambda: b""),
    ("POST", "/v1/rulebooks/000000000000/approve"): ({"approver"}, lambda: b"{}"),
    ("POST", "/v1/rulebooks/000000000000/reject"): ({"approver"}, lambda: b"{}"),
    ("POST", "/v1/rulebooks/000000000000/publish"): ({"approver"}, lambda: None),
    ("POST", "/v1/rulebooks/000000000000/rollback"): ({"approver"}, lambda: None),
    ("GET", "/v1/audit"): ({"auditor"}, lambda: None),
}
"""Every endpoint that needs a key, the roles it takes, and a body to send."""


@pytest.mark.parametrize(("method", "path"), ENDPOINTS, ids=lambda part: part)
def test_who_may_do_what(filled: Service, method: str, path: str) -> None:
    """Each role gets in where it should and nowhere else; without a key nobody does; and neither answer says more."""
    roles, body = ENDPOINTS[method, path]
    for role in filled.keys:
        with filled.client(role) as client:
            answer = client.request(method, path, content=body())
        let_in = role == "bootstrap" or {"second sender": "system_of_record"}.get(role, role) in roles
        assert (answer.status_code != 403) == let_in, (role, answer.text)
    with filled.client("admin") as client:
        denied = client.request(method, path, content=body()).json()
    assert (denied["type"], denied["detail"]) == ("/problems/not-allowed", "This key may not do that.")
    with filled.client(None) as client:
        source = {"X-Forwarded-For": f"203.0.113.{list(ENDPOINTS).index((method, path))}"}  # one that has not failed before
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}):
            answer = client.request(method, f"{path}?bad=1", content=body(), headers=headers | source)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
            assert answer.json()["detail"] == "Sign in with a valid key."


def test_every_endpoint_stands_in_that_table(filled: Service) -> None:
    """An endpoint added later is checked for its roles too."""
    with filled.client(None) as client:
        described = client.get("/openapi.json").json()["paths"]
    paths = {
        (method.upper(), path) for path, operations in described.items() for method in operations if path.startswith("/v1/")
    }
    like = {
        "x": "{release_id}",
        "LNZZZZZZZZ": "{message_id}",
        "999": "{id}",
        "000000000000": "{version}",
        "XXSIR0000": "{scope}",
    }
    like |= {"00000000000a": "{a}", "00000000000b": "{b}"}
    mine = {(method, "/".join(like.get(part, part) for part in path.split("/"))) for method, path in ENDPOINTS}
    assert mine == paths
