"""A hold that the rulebook marks `lift: two_people` is lifted by two people, and a reason is made of words."""

from typing import Any

import httpx
import pytest

from app.store.callers.keys import NewKey, create
from tests.api.serving import Service, as_json, release

REASON = {"reason": "Counsel has cleared it"}


def held(client: httpx.Client, release_id: str, flag: str) -> int:
    """The work item of a release with this flag."""
    answer = client.post("/v1/releases", content=as_json(release(release_id, holds=[flag])))
    assert answer.json()["outcome"] == "hold_for_review", answer.text
    return int(answer.json()["work_items"][0]["id"])


def item_of(client: httpx.Client, item: int) -> dict[str, Any]:
    """A work item as it stands."""
    found: dict[str, Any] = client.get(f"/v1/work-items/{item}").json()
    return found


@pytest.mark.parametrize("flag", ["section_1367", "asylum", "section1367"])  # the last is misspelt
def test_two_people_lift_a_confidentiality_hold(service: Service, flag: str) -> None:
    """The first gets 202 and nothing is sent; the same person again is refused; another sends it."""
    with service.client() as first, service.client("operator") as second:
        item = held(first, f"T-{flag}", flag)
        shown = item_of(first, item)
        assert (shown["lift"], shown["first_lift"], shown["flags"]) == ("two_people", None, [flag])
        answer = first.post(f"/v1/work-items/{item}/lift", json=REASON)
        assert (answer.status_code, answer.json()["status"]) == (202, "open")
        waiting = item_of(first, item)["first_lift"]
        assert (waiting["by"], waiting["reason"]) == ("bootstrap", REASON["reason"])
        again = first.post(f"/v1/work-items/{item}/lift", json=REASON)
        assert (again.status_code, "another person" in again.json()["detail"]) == (409, True)
        assert first.get(f"/v1/releases/T-{flag}").json()["messages"] == []
        sent = second.post(f"/v1/work-items/{item}/lift", json=REASON)
        assert (sent.status_code, len(sent.json()["messages"])) == (200, 2)
        texts = [message["text"].replace(message["message_id"], "LN--------") for message in sent.json()["messages"]]
        assert texts == [message["text"] for message in shown["preview"]], "word for word"
        assert (item_of(first, item)["status"], item_of(first, item)["resolved_by"]) == ("resolved", "the operator")


def test_a_persons_next_key_is_the_same_person(service: Service) -> None:
    """Under a name with a number after it; one key of exactly the same name is anyway."""
    named = {
        name: service.writer.do_and_wait(create, NewKey(name=name, role="operator", by="tests", at=1, expires_at=None))
        for name in ("Ann", "ann 2")
    }
    with service.client() as client:
        item = held(client, "T-alike", "asylum")
    answers = []
    for key in named.values():
        with httpx.Client(base_url=service.url, headers={"Authorization": f"Bearer {key}"}, verify=False) as ann:  # noqa: S501
            answers.append(ann.post(f"/v1/work-items/{item}/lift", json=REASON).status_code)
    assert answers == [202, 409]


def corrected(client: httpx.Client, release_id: str, flags: list[str]) -> httpx.Response:
    """Corrects a release to have these flags."""
    body = as_json(release(release_id, holds=flags))
    return client.post(f"/v1/releases/{release_id}/correction", content=body)


def test_nobody_but_the_sender_takes_a_flag_for_two_away_by_a_correction(service: Service) -> None:
    """Not while the hold is open, nor once lifted by one, nor after it was rejected; nothing is sent, nothing lost."""
    with service.client("system_of_record") as feed, service.client("operator") as other, service.client() as bootstrap:
        item = held(feed, "T-flag", "asylum")
        for officer in (other, bootstrap):
            answer = corrected(officer, "T-flag", [])
            assert (answer.status_code, "two people" in answer.json()["detail"]) == (409, True)
            assert corrected(officer, "T-flag", ["juvenile"]).status_code == 409
        assert item_of(bootstrap, item)["status"] == "open"
        kept = corrected(other, "T-flag", ["asylum", "juvenile"])
        assert (kept.status_code, kept.json()["outcome"]) == (201, "hold_for_review")
        again = kept.json()["work_items"][0]["id"]
        assert item_of(bootstrap, again)["lift"] == "two_people"
        assert bootstrap.post(f"/v1/work-items/{again}/lift", json=REASON).status_code == 202
        assert corrected(bootstrap, "T-flag", []).status_code == 409
        assert bootstrap.post(f"/v1/work-items/{again}/reject", json=REASON).status_code == 200
        assert corrected(bootstrap, "T-flag", []).status_code == 409
        assert bootstrap.get("/v1/releases/T-flag").json()["messages"] == []
        sent = corrected(feed, "T-flag", [])
        assert (sent.status_code, len(sent.json()["messages"])) == (201, 2)


def test_one_person_lifts_any_other_hold(service: Service) -> None:
    """As the rulebook says of each flag."""
    with service.client() as client:
        item = held(client, "T-one", "juvenile")
        assert item_of(client, item)["lift"] == "one_person"
        assert client.post(f"/v1/work-items/{item}/lift", json=REASON).status_code == 200


@pytest.mark.parametrize("reason", [".", "xx", "...", "1234567890", "aaaa", "a b c d", "- - - -", "n/a", "ok"])
def test_a_reason_is_made_of_words(service: Service, reason: str) -> None:
    """Whatever asks for one; the answer says what is allowed."""
    with service.client() as client:
        item = held(client, f"T-{abs(hash(reason))}", "juvenile")
        for act in ("lift", "reject", "resolve"):
            answer = client.post(f"/v1/work-items/{item}/{act}", json={"reason": reason})
            assert answer.status_code == 422
            assert answer.json()["errors"][0]["code"] == "no-words"
        assert item_of(client, item)["status"] == "open"


@pytest.mark.parametrize("reason", ["wrong person", "Duplicate", "looked into", "prüft José", "error"])
def test_what_people_write_is_a_reason(service: Service, reason: str) -> None:
    """Short ones too, in any letters."""
    with service.client() as client:
        item = held(client, f"T-{abs(hash(reason))}", "juvenile")
        assert client.post(f"/v1/work-items/{item}/reject", json={"reason": reason}).status_code == 200
