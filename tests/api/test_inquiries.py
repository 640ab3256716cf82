import pytest

from app.dispatch.channel import Arrival
from app.dispatch.inbound import read
from app.store.desk.inbound import take_in
from app.store.desk.subjects import Learn, learn
from tests.api.serving import EXAMPLE, Service, as_json, release
from tests.api.test_description import schema

FBI_NUMBER = EXAMPLE["subject"]["fbi_number"]


@pytest.fixture(scope="module")
def asked(service: Service) -> Service:
    """The service with a release, an inquiry about its subject, and a text that nobody understands."""
    with service.client("system_of_record") as client:
        assert client.post("/v1/releases", content=as_json(release("INQ-1"))).status_code == 201
    while service.writer.do_and_wait(learn, Learn(100)):
        pass
    for source, text in (("t:1", f"AM.TXSIR0000\nTXT\nRE FBI/{FBI_NUMBER} PLEASE ADVISE"), ("t:2", "GARBAGE \x1b[2J")):
        service.writer.do_and_wait(take_in, read(Arrival(source, text), 0))
    return service


def test_an_inquiry_is_listed_read_and_closed(asked: Service) -> None:
    """By an operator, with a reason, once; its work item with it. The trail says who read it."""
    with asked.client("operator") as client:
        page = client.get("/v1/inquiries", params={"status": "open", "release_id": "INQ-1"}).json()
        (inquiry,) = page["items"]
        assert "text" not in inquiry
        whole = client.get(f"/v1/inquiries/{inquiry['id']}").json()
        assert f"FBI/{FBI_NUMBER}" in whole["text"]
        assert (whole["from_ori"], whole["release_id"], whole["found_by"]) == ("TXSIR0000", "INQ-1", "FBI number")
        (about,) = whole["about"]
        assert [(each["state"], each["status"]) for each in about["messages"]] == [("AZ", "queued"), ("TX", "queued")]
        path = f"/v1/inquiries/{inquiry['id']}/close"
        assert client.post(path, content=b"{}").status_code == 422
        assert client.post(path, json={"reason": "Answered by telephone."}).json()["status"] == "resolved"
        assert client.post(path, json={"reason": "Again."}).status_code == 409
        assert client.post(f"/v1/work-items/{inquiry['id']}/resolve", json={"reason": "Again."}).status_code == 409
        assert client.get("/v1/inquiries", params={"status": "open"}).json() == {"items": [], "next": None}
    with asked.client("auditor") as client:
        entry = client.get("/v1/audit", params={"action": "read_inquiry"}).json()["items"][-1]
        assert (entry["actor"], entry["object"]) == ("the operator", f"inquiry {inquiry['id']}")
        assert FBI_NUMBER not in client.get("/v1/audit", params={"limit": 1000}).text


def test_answers_are_as_described(asked: Service) -> None:
    """Each kind of answer fits its schema, of inquiries open and closed."""
    with asked.client() as client:
        described = client.get("/openapi.json").json()
        keys = [each["id"] for each in client.get("/v1/inquiries").json()["items"]]
        found = client.get("/v1/inbound", params={"limit": 1}).json()["items"][0]["id"]
        for name, path in (
            ("InquiryPage", "/v1/inquiries"),
            *(("InquiryWithText", f"/v1/inquiries/{key}") for key in keys),
            ("InboundPage", "/v1/inbound"),
            ("ArrivalWithText", f"/v1/inbound/{found}"),
            ("StoredWorkItem", f"/v1/work-items/{keys[0]}"),
        ):
            schema(described, name).validate(client.get(path).json())


def test_a_text_that_matched_nothing_can_be_read(asked: Service) -> None:
    """The work item names it."""
    with asked.client("operator") as client:
        (item,) = client.get("/v1/work-items", params={"code": "unmatched-inbound"}).json()["items"]
        text = client.get(f"/v1/inbound/{item['inbound_id']}").json()
        assert (text["kind"], text["text"], text["matched_by"]) == ("other", "GARBAGE \x1b[2J", None)
        listed = client.get("/v1/inbound", params={"matched": "false", "limit": 1}).json()
        assert [each["id"] for each in listed["items"]] == [item["inbound_id"]]
        assert "GARBAGE" not in str(listed)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/inquiries/999999", 404),
        ("/v1/inquiries/0", 422),
        (f"/v1/inquiries/{2**63}", 422),
        ("/v1/inquiries?status=done", 422),
        ("/v1/inquiries?release_id=%20", 422),
        ("/v1/inquiries?cursor=AAAA", 422),
        ("/v1/inbound/999999", 404),
        ("/v1/inbound/x", 422),
        ("/v1/inbound?kind=AML", 422),
        ("/v1/inbound?matched=maybe", 422),
        ("/v1/inbound?from=yesterday", 422),
    ],
)
def test_what_does_not_fit_is_told(asked: Service, path: str, status: int) -> None:
    """As everywhere."""
    with asked.client("auditor") as client:
        assert client.get(path).status_code == status
