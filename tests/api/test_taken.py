import httpx
import msgspec
import pytest

from tests.api.serving import Service, as_json, release

PROBLEM = "/problems/release-id-taken"


def items_about(service: Service, release_id: str) -> list[dict[str, object]]:
    """The work items `release-id-taken` of a release."""
    with service.client("operator") as client:
        found = client.get("/v1/work-items", params={"code": "release-id-taken", "release_id": release_id})
    items: list[dict[str, object]] = found.json()["items"]
    return items


def test_an_id_that_another_caller_stored_is_refused_and_a_person_is_told(service: Service) -> None:
    """Whether the content is other or the same, once or often: 409 without a word of the other, and one work item with both names."""
    with service.client("second sender") as first:
        assert first.post("/v1/releases", json=release("T-1")).status_code == 201
    with service.client("system_of_record") as client:
        answers = [client.post("/v1/releases", json=release("T-1", **more)) for more in ({}, {"residence": None}, {})]
    for answer in answers:
        assert (answer.status_code, answer.json()["type"]) == (409, PROBLEM)
        assert "second" not in answer.text
        assert "T-1" not in answer.text
    (item,) = items_about(service, "T-1")
    assert (item["status"], item["release_id"]) == ("open", "T-1")
    assert item["detail"] == "stored by second; the system_of_record sent a release under the same release_id"
    assert item["due_at"] is not None


def test_a_backfill_does_not_take_an_id_unseen(service: Service) -> None:
    """A feed that stored it first without sending keeps no state from its notice without a person being told."""
    with service.client("system_of_record") as first:
        stored = first.post("/v1/releases", json=release("T-2"), headers={"LENS-Mode": "backfill"})
    assert stored.status_code == 201
    with service.client("second sender") as client:
        assert client.post("/v1/releases", json=release("T-2")).json()["type"] == PROBLEM
    assert len(items_about(service, "T-2")) == 1


def test_a_correction_and_a_cancellation_of_anothers_release_are_refused_and_told(service: Service) -> None:
    """409 and one work item for both; the release stands. Looking at it says that there is none, as ever, and tells nobody."""
    with service.client("second sender") as first:
        first.post("/v1/releases", json=release("T-3"))
    with service.client("system_of_record") as client:
        assert client.get("/v1/releases/T-3").status_code == 404
        assert items_about(service, "T-3") == []
        corrected = client.post("/v1/releases/T-3/correction", json=release("T-3", residence=None))
        cancelled = client.post("/v1/releases/T-3/cancellation", json={"reason": "wrong person"})
    for answer in (corrected, cancelled):
        assert (answer.status_code, answer.json()["type"]) == (409, PROBLEM)
        assert "second" not in answer.text
    assert len(items_about(service, "T-3")) == 1
    with service.client("second sender") as first:
        assert first.get("/v1/releases/T-3").json()["corrections"] == []


def test_who_stored_it_is_told_nothing_of_the_other_and_cannot_close_the_work_item(service: Service) -> None:
    """Its view of the release lacks the work item, and its own correction leaves it open for the people at LENS."""
    with service.client("second sender") as first, service.client("system_of_record") as other:
        first.post("/v1/releases", json=release("T-4"))
        other.post("/v1/releases", json=release("T-4"))
        first.post("/v1/releases/T-4/correction", json=release("T-4", residence=None))
        assert "system_of_record" not in first.get("/v1/releases/T-4").text
    (item,) = items_about(service, "T-4")
    assert item["status"] == "open"
    with service.client("operator") as client:
        shown = client.get("/v1/releases/T-4").json()["work_items"]
    assert "release-id-taken" in [each["code"] for each in shown]


def test_each_pair_of_callers_and_each_release_has_a_work_item_of_its_own(service: Service) -> None:
    """One for each further caller; a resolved one is not opened again by a retry."""
    with service.client("second sender") as first, service.client("system_of_record") as other, service.client() as third:
        for number in (5, 6):
            first.post("/v1/releases", json=release(f"T-{number}"))
            for _ in range(2):
                other.post("/v1/releases", json=release(f"T-{number}"))
                third.post("/v1/releases", json=release(f"T-{number}"))
        assert [len(items_about(service, f"T-{number}")) for number in (5, 6)] == [2, 2]
        done = items_about(service, "T-5")[0]["id"]
        assert third.post(f"/v1/work-items/{done}/resolve", json={"reason": "an id of the test feed"}).status_code == 200
        other.post("/v1/releases", json=release("T-5"))
    assert len(items_about(service, "T-5")) == 2


def test_a_line_of_a_batch_with_anothers_id(service: Service) -> None:
    """It is a problem of its own, and the others go on; two lines of one transaction open one work item."""
    with service.client("second sender") as first:
        first.post("/v1/releases", json=release("T-7"))
    with service.client("system_of_record") as client:
        lines = b"\n".join(as_json(release(name)) for name in ("T-7", "T-8", "T-7"))
        told = [msgspec.json.decode(line) for line in client.post("/v1/releases:batch", content=lines).content.splitlines()]
    assert [each.get("type", each.get("outcome")) for each in told] == [PROBLEM, "notify", PROBLEM]
    assert len(items_about(service, "T-7")) == 1


@pytest.mark.parametrize("path", ["/v1/releases", "/v1/releases:batch"])
def test_a_backfill_needs_a_key_made_for_it(service: Service, path: str) -> None:
    """Any other key is told so, and nothing is stored; the bootstrap key may."""
    name = f"T-{path[-1]}"

    def post(client: httpx.Client) -> httpx.Response:
        return client.post(path, content=as_json(release(name)), headers={"LENS-Mode": "backfill"})

    with service.client("second sender") as client:
        refused = post(client)
        assert (refused.status_code, refused.json()["type"]) == (403, "/problems/backfill-not-allowed")
        assert client.get(f"/v1/releases/{name}").status_code == 404
    with service.client() as client:
        assert post(client).status_code in {200, 201}
        assert client.get(f"/v1/releases/{name}").json()["mode"] == "backfill"
