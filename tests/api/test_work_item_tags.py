"""What a person reads of a work item before an act, and that the act is refused once somebody else has changed it."""

import httpx
import pytest

from tests.api.serving import Service, as_json, release
from tests.api.test_two_people import held, item_of

REASON = {"reason": "Counsel has cleared it"}
UNKNOWN_CHARGE = [{"charge_code": "9999", "status": "convicted", "convicted_on": "2011-05-17"}]


def reviewed(client: httpx.Client, release_id: str) -> int:
    """The work item of a release that one person may lift."""
    sent = release(release_id, convictions=UNKNOWN_CHARGE)
    answer = client.post("/v1/releases", content=as_json(sent)).json()
    return int(answer["work_items"][0]["id"])


def test_a_held_release_shows_its_person_and_why_it_is_held(service: Service) -> None:
    """The subject as sent, the rules with the lines of those that nearly decided otherwise, and word for word what would go out."""
    sent = release("W-1", convictions=UNKNOWN_CHARGE)
    with service.client() as client:
        answer = client.post("/v1/releases", content=as_json(sent)).json()
        assert answer["outcome"] == "hold_for_review", answer
        shown = item_of(client, answer["work_items"][0]["id"])
    assert shown["subject"] == sent["subject"]
    assert shown["preview"]
    decided = [{name: reason[name] for name in ("rule", "title", "authority")} for reason in shown["because"]]
    assert decided == answer["because"]
    failing = shown["because"][0]["nearest_misses"][0]["failing"][0]
    assert set(failing) == {"fact", "found", "wanted", "file", "line"}


def test_a_flagged_release_shows_its_person_too(service: Service) -> None:
    """Whatever holds it; once it is closed, the person is shown no longer."""
    with service.client() as client:
        item = held(client, "W-2", "witness")
        shown = item_of(client, item)
        assert (shown["subject"]["name"]["last"], shown["resolution"]) == (release("x")["subject"]["name"]["last"], None)
        assert shown["because"], "the rules that hold it"
        client.post(f"/v1/work-items/{item}/reject", json=REASON)
        closed = item_of(client, item)
    assert (closed["subject"], closed["because"], closed["preview"]) == (None, None, None)


def tag_of(client: httpx.Client, item: int) -> str:
    """The ETag of a work item as it stands."""
    return client.get(f"/v1/work-items/{item}").headers["ETag"]


@pytest.mark.parametrize("act", ["lift", "reject", "resolve", "assign"])
def test_an_act_on_what_somebody_has_changed_is_refused(service: Service, act: str) -> None:
    """412 with who and when, and nothing is done; with the tag as it now is, it is done."""
    body = {"to": "day shift"} if act == "assign" else REASON
    with service.client() as client, service.client("operator") as other:
        item = reviewed(client, f"W-{act}")
        read = tag_of(client, item)
        other.post(f"/v1/work-items/{item}/assign", json={"to": "me"}).raise_for_status()
        before = item_of(client, item)
        assert before["assigned_to"] == "the operator"
        late = client.post(f"/v1/work-items/{item}/{act}", json=body, headers={"If-Match": read})
        assert (late.status_code, late.json()["type"]) == (412, "/problems/changed-meanwhile")
        assert "the operator" in late.json()["detail"]
        assert before["changed_at"] in late.json()["detail"]
        assert item_of(client, item) == before
        again = client.post(f"/v1/work-items/{item}/{act}", json=body, headers={"If-Match": f'"other", {tag_of(client, item)}'})
        assert again.status_code == 200, again.text


@pytest.mark.parametrize("wrong", ['"0"', "0", "", 'W/"0"', '"', "*, *x", "\u00e9"])
def test_a_tag_of_another_state_matches_nothing(service: Service, wrong: str) -> None:
    """Also one that no work item ever had; a star stands for any state."""
    with service.client() as client:
        item = reviewed(client, f"W-wrong-{wrong.encode().hex()}")
        address = f"/v1/work-items/{item}/assign"
        refused = client.post(address, json={"to": None}, headers={b"If-Match": wrong.encode()})
        assert refused.status_code == 412, refused.text
        assert client.post(address, json={"to": None}, headers={"If-Match": "*"}).status_code == 200
        assert (
            client.post("/v1/work-items/999999/resolve", json=REASON, headers={b"If-Match": wrong.encode()}).status_code == 404
        )


def test_how_it_was_closed_is_kept(service: Service) -> None:
    """Lifted, rejected, resolved, or superseded by what came after; who and when with it."""
    with service.client() as client:
        items = {act: reviewed(client, f"W-how-{act}") for act in ("lift", "reject", "resolve", "supersede")}
        for act in ("lift", "reject", "resolve"):
            client.post(f"/v1/work-items/{items[act]}/{act}", json=REASON).raise_for_status()
        cancelled = client.post("/v1/releases/W-how-supersede/cancellation", json={"reason": "Sent by mistake"})
        assert cancelled.is_success, cancelled.text
        found = [item_of(client, item) for item in items.values()]
    assert [item["resolution"] for item in found] == ["lifted", "rejected", "resolved", "superseded"]
    assert all(item["changed_at"] == item["resolved_at"] for item in found)
