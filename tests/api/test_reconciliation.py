import csv
import io
from collections import Counter
from typing import Any

import pytest

from app.api.endpoints.reconciliation import as_csv, chosen
from app.api.requests.problems import NotAcceptable
from app.store.accepted.releases import accept_many
from app.store.outbox.outbox import Claim, Turn, claim, turn
from app.store.outbox.tries import AttemptResult
from tests.api.serving import Service, as_json, release
from tests.store.invented import SECRET, acceptance

PATH = "/v1/reconciliation"


@pytest.fixture(scope="module")
def filled(service: Service) -> Service:
    """The service with releases to Texas: one of them corrected, one a backfill, one with a hostile id, and one lane sent."""
    with service.client("system_of_record") as client:
        for number in range(3):
            assert client.post("/v1/releases", content=as_json(release(f"N-{number}"))).status_code == 201
        quiet = {"LENS-Mode": "backfill"}
        assert client.post("/v1/releases", content=as_json(release("N-old")), headers=quiet).status_code == 201
        assert client.post("/v1/releases/N-2/cancellation", json={"reason": "An error."}).status_code == 201
    service.writer.do_and_wait(accept_many, acceptance("=HYPERLINK(1)"))
    for batch in service.writer.do_and_wait(
        claim, Claim(worker="tests", room=99, window=16, lease=10_000_000, horizon=1_000_000_000)
    ).batches:
        verdicts = tuple(AttemptResult(taken.number, "sent", "taken") for taken in batch.messages)
        service.writer.do_and_wait(
            turn,
            Turn(worker="tests", ori=batch.ori, token=batch.token, lease=10_000_000, window=0, verdicts=verdicts, delay=None),
        )
    return service


def pages(service: Service, **query: str) -> list[dict[str, Any]]:
    """Every page of a reconciliation."""
    found: list[dict[str, Any]] = []
    with service.client("auditor") as client:
        while not found or found[-1]["next"]:
            more = {"cursor": found[-1]["next"]} if found else {}
            answer = client.get(PATH, params=query | more)
            assert answer.status_code == 200, answer.text
            found.append(answer.json())
    return found


def test_totals_add_up_to_what_was_accepted(filled: Service) -> None:
    """Each state's list, its totals and its statuses agree with each other, and all states with all messages."""
    with filled.client("operator") as client:
        messages = client.get("/v1/messages?limit=1000").json()["items"]
    counted = 0
    for state in {message["state"] for message in messages}:
        (page,) = pages(filled, state=state, limit="1000")
        assert [item["message_id"] for item in page["items"]] == [m["message_id"] for m in messages if m["state"] == state]
        assert page["totals"]["by_status"] == Counter(item["status"] for item in page["items"])
        assert page["totals"]["accepted"] == sum(page["totals"]["by_status"].values()) == len(page["items"])
        counted += page["totals"]["accepted"]
    assert counted == len(messages) > 8


def test_all_that_was_accepted_adds_up(filled: Service) -> None:
    """Each release is counted once, by mode and outcome; each message once, in the totals of its state, which are those of its list."""
    with filled.client("operator") as client:
        whole = client.get(f"{PATH}/totals").json()
        messages = client.get("/v1/messages?limit=1000").json()["items"]
        none = client.get(f"{PATH}/totals?to=2020-01-01").json()
        assert client.get(f"{PATH}/totals?state=TX").status_code == 422
    with filled.store.read.connect() as connection:
        assert whole["accepted"] == connection.exec_driver_sql("SELECT count(*) FROM release").scalar()
    assert whole["accepted"] == sum(sum(outcomes.values()) for outcomes in whole["releases"].values())
    assert whole["releases"]["backfill"] == {"notify": 1}
    assert sum(totals["accepted"] for totals in whole["messages"].values()) == len(messages)
    for state, totals in whole["messages"].items():
        assert totals == pages(filled, state=state)[0]["totals"]
    assert none == {"accepted": 0, "releases": {}, "messages": {}}


def test_what_a_backfill_did_not_send_can_be_reported(filled: Service) -> None:
    """The list of a state narrowed to `suppressed`, as JSON and CSV; the totals are still of all, so that they add up.

    Nothing of it can be sent.
    """
    (whole,) = pages(filled, state="TX", limit="1000")
    (page,) = pages(filled, state="TX", limit="1000", status="suppressed")
    assert page["items"] == [item for item in whole["items"] if item["status"] == "suppressed"]
    assert {item["release_id"] for item in page["items"]} == {"N-old"}
    assert page["totals"] == whole["totals"]
    with filled.client("auditor") as client:
        query = {"state": "TX", "status": "suppressed"}
        answer = client.get(PATH, params=query, headers={"Accept": "text/csv"})
        assert client.get(PATH, params=query | {"status": "lost"}).status_code == 422
    with filled.client("operator") as client:
        for item in page["items"]:
            requeued = client.post(f"/v1/messages/{item['message_id']}/requeue", json={"reason": "after all"})
            assert requeued.status_code == 409
    lines = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [line["message_id"] for line in lines] == [item["message_id"] for item in page["items"]]
    assert answer.headers["lens-accepted"] == str(len(lines))


def test_a_line_says_when_it_was_sent_and_nothing_of_a_person(filled: Service) -> None:
    """What the network took has a time, what was never sent has none; neither text nor name is there."""
    (page,) = pages(filled, state="TX")
    assert set(page["items"][0]) == {
        "message_id", "type", "copy", "ori", "status", "accepted_at", "sent_at", "attempts", "maybe_duplicate", "refers_to",
        "release_id",
    }  # fmt: skip
    for item in page["items"]:
        assert (item["sent_at"] is None) == (item["status"] != "sent")
    assert {"sent", "suppressed"} <= {item["status"] for item in page["items"]}
    assert "Doe" not in str(page)
    assert SECRET not in str(page)


def test_page_by_page_as_in_one_page(filled: Service) -> None:
    """Whatever the size of a page, each message comes once, and every page has the totals of all."""
    (whole,) = pages(filled, state="TX", limit="1000")
    found = pages(filled, state="TX", limit="2")
    assert len(found) > 1
    assert [item for page in found for item in page["items"]] == whole["items"]
    assert all(page["totals"] == whole["totals"] for page in found)


def test_csv_is_the_same_list(filled: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """The CSV has a heading, a line for each message, as many as its header says, however small the pages it is read in."""
    monkeypatch.setattr("app.api.endpoints.reconciliation.LONGEST_PAGE", 2)
    (page,) = pages(filled, state="TX", limit="1000")
    with filled.client("operator") as client:
        answer = client.get(PATH, params={"state": "TX"}, headers={"Accept": "text/csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    lines = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [line["message_id"] for line in lines] == [item["message_id"] for item in page["items"]]
    assert [line["sent_at"] for line in lines] == [item["sent_at"] or "" for item in page["items"]]
    assert int(answer.headers["lens-accepted"]) == len(lines) == page["totals"]["accepted"]
    assert "'=HYPERLINK(1)" in {line["release_id"] for line in lines}
    assert "=HYPERLINK(1)" not in {line["release_id"] for line in lines}


def test_only_the_period_asked_for(filled: Service) -> None:
    """Times are those of acceptance, days in UTC to their end; the totals are of the period too."""
    (page,) = pages(filled, **{"state": "TX", "from": "2026-11-23", "to": "2026-11-23"})
    assert "=HYPERLINK(1)" in {item["release_id"] for item in page["items"]}
    (none,) = pages(filled, state="TX", to="2020-01-01")
    assert (none["items"], none["totals"]["accepted"]) == ([], 0)
    with filled.client("auditor") as client:
        for bad in ("", "?state=Texas", "?state=TX&sate=AZ", "?state=TX&cursor=AAAA", "?state=TX&from=x"):
            assert client.get(PATH + bad).status_code == 422, bad


def test_who_may_ask_and_in_what_form(filled: Service) -> None:
    """Operators and auditors only; another form than JSON and CSV is 406."""
    for role in ("system_of_record", "policy", "approver", "admin"):
        with filled.client(role) as client:
            assert client.get(PATH, params={"state": "TX"}).status_code == 403
    with filled.client("auditor") as client:
        answer = client.get(PATH, params={"state": "TX"}, headers={"Accept": "application/xml"})
    assert (answer.status_code, answer.json()["type"]) == (406, "/problems/not-acceptable")


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("text/*", "text/csv"),
        ("Text/CSV; header=present", "text/csv"),
        ("text/csv;q=0.4, application/json;q=0.3", "text/csv"),
        ("application/json;q=0, */*", "text/csv"),
        ("text/html, */*;q=0.1", "application/json"),
    ],
)
def test_the_form_that_accept_likes_best(accept: str | None, expected: str) -> None:
    """The closest range gives the weight, the highest weight wins, JSON goes before CSV."""
    assert chosen(accept) == expected


def test_a_form_that_is_not_offered() -> None:
    """Nothing that fits, a weight of 0 or one that is no number: NotAcceptable."""
    for accept in ("text/html", "text/csv;q=0", "text/csv;q=x", "application/*;q=0"):
        with pytest.raises(NotAcceptable):
            chosen(accept)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_no_cell_is_a_formula(text: str) -> None:
    """A text that a spreadsheet would calculate comes as text; commas and quotes stay within their cell."""
    ((cell, other),) = csv.reader(io.StringIO(as_csv([[text, 'a,"b']]).decode(), newline=""))
    assert (cell, other) == ("'" + text, 'a,"b')
