import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.release import BODY_LIMIT
from tests.api.serving import EXAMPLE, Service, as_json, release


def problem_of(answer: httpx.Response) -> dict[str, Any]:
    """The problem an answer carries, with its members checked."""
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert told["status"] == answer.status_code
    assert told["type"].startswith("/problems/")
    assert told["instance"] == f"urn:uuid:{answer.headers['x-request-id']}"
    assert {"title", "detail"} <= set(told)
    return told


def test_a_release_is_accepted_once(service: Service) -> None:
    """201 with the decision; the same content again, however laid out, 200 with the very same bytes; other content 409."""
    with service.client("system_of_record") as client:
        first = client.post("/v1/releases", content=as_json(release("R-1")))
        assert first.status_code == 201, first.text
        assert "idempotent-replay" not in first.headers
        decision = first.json()
        assert decision["outcome"] == "notify"
        assert [(m["copy"], m["state"], m["status"]) for m in decision["messages"]] == [
            ("departing", "AZ", "queued"),
            ("receiving", "TX", "queued"),
        ]
        again = client.post("/v1/releases", content=json.dumps(release("R-1"), indent=3, sort_keys=True))
        assert (again.status_code, again.headers["idempotent-replay"]) == (200, "true")
        assert again.content == first.content
        other = client.post("/v1/releases", content=as_json(release("R-1", residence=None)))
        assert problem_of(other)["type"] == "/problems/conflict"
        assert other.status_code == 409


def test_racing_posts_of_one_release_make_one(service: Service) -> None:
    """However many send the same release at once, it is accepted once and all are told the same."""
    with service.client("system_of_record") as client, ThreadPoolExecutor(16) as pool:
        body = as_json(release("R-race"))
        answers = list(pool.map(lambda _: client.post("/v1/releases", content=body), range(16)))
    assert sorted(answer.status_code for answer in answers) == [200] * 15 + [201]
    assert len({answer.content for answer in answers}) == 1


def test_backfill_stores_and_sends_nothing(service: Service) -> None:
    """`LENS-Mode: backfill` gives the decision with its messages suppressed; any other mode is refused."""
    with service.client("system_of_record") as client:
        answer = client.post("/v1/releases", content=as_json(release("R-old")), headers={"LENS-Mode": "backfill"})
        assert answer.status_code == 201
        assert {message["status"] for message in answer.json()["messages"]} == {"suppressed"}
        wrong = client.post("/v1/releases", content=as_json(release("R-odd")), headers={"LENS-Mode": "quietly"})
        assert (wrong.status_code, problem_of(wrong)["errors"][0]["allowed"]) == (400, ["backfill"])
        assert client.get("/v1/releases/R-odd").status_code == 404


def test_every_fault_of_a_release_at_once(service: Service) -> None:
    """422 lists all faults with their pointers, and repeats no value."""
    body = release("R-bad", more=1, holds="none", convictions=[{"charge_code": "1", "status": "guilty"}])
    body["subject"] = {"name": {"first": "Zebulon"}, "date_of_birth": "19800230"}
    with service.client("system_of_record") as client:
        answer = client.post("/v1/releases", content=as_json(body))
    told = problem_of(answer)
    assert answer.status_code == 422
    pointers = {fault["pointer"] for fault in told["errors"]}
    assert pointers == {
        "",
        "/holds",
        "/convictions/0/charge_code",
        "/convictions/0/status",
        "/subject/name/last",
        "/subject/date_of_birth",
    }
    assert "Zebulon" not in answer.text
    assert "19800230" not in answer.text


HOSTILE = {
    "empty": b"",
    "blank": b"  \n ",
    "half": b'{"release_id": "R',
    "not utf-8": b'{"release_id": "\xff"}',
    "utf-16": '{"release_id": "x"}'.encode("utf-16"),
    "bom": b"\xef\xbb\xbf{}",
    "nan": as_json(release("R-x")).replace(b'"holds":[]', b'"holds":[NaN]'),
    "infinity": b'{"weight": Infinity}',
    "duplicate key": as_json(release("R-x"))[:-1] + b',"holds":["x"]}',
    "lone surrogate": as_json(release("R-x")).replace(b'"Doe"', b'"\\ud800"'),
    "nul": as_json(release("R-x")).replace(b'"Doe"', b'"D\\u0000e"'),
    "raw control": as_json(release("R-x")).replace(b'"Doe"', b'"D\x00e"'),
    "deep": b"[" * 100_000,
    "deep object": b'{"a":' * 50_000,
    "huge number": as_json(release("R-x")).replace(b'"holds":[]', b'"holds":[' + b"9" * 5000 + b"]"),
    "two documents": as_json(release("R-x")) * 2,
    "a list": b"[]",
    "null": b"null",
    "a string": b'"release"',
    "trailing comma": b'{"a":1,}',
    "year zero": as_json(release("R-x")).replace(b"2026-11-23T", b"0000-11-23T"),
    "huge offset": as_json(release("R-x")).replace(b"-07:00", b"-99:99"),
    "leap day": as_json(release("R-x")).replace(b"1980-01-02", b"1981-02-29"),
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_bodies_are_refused(service: Service, body: bytes) -> None:
    """What is no release is 400 or 422 with a problem, everywhere a release is taken, and is never stored."""
    with service.client() as client:
        for path in ("/v1/releases", "/v1/decisions"):
            answer = client.post(path, content=body)
            assert answer.status_code in {400, 422}, answer.text
            assert problem_of(answer)["errors"]
        assert client.get("/v1/releases/R-x").status_code == 404


@given(
    body=st.one_of(
        st.binary(max_size=300),
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10)),
            lambda inner: st.one_of(
                st.lists(inner, max_size=4), st.dictionaries(st.sampled_from([*EXAMPLE, "x"]), inner, max_size=5)
            ),
            max_leaves=12,
        ).map(lambda document: json.dumps(document).encode()),
    )
)
def test_whatever_is_sent_is_never_a_500(service: Service, body: bytes) -> None:
    """Arbitrary bytes and arbitrary JSON are refused as what they are."""
    with service.client("system_of_record") as client:
        answer = client.post("/v1/releases", content=body)
    assert answer.status_code in {400, 422}
    problem_of(answer)


def test_a_body_of_the_limit_passes_and_one_byte_more_does_not(service: Service) -> None:
    """256 KiB is the limit, for a body with its length said and for one in chunks."""
    fits = as_json(release("R-long")).ljust(BODY_LIMIT)
    with service.client("system_of_record") as client:
        assert client.post("/v1/releases", content=fits).status_code == 201
        declared = client.post("/v1/releases", content=fits + b" ")
        assert (declared.status_code, problem_of(declared)["type"]) == (413, "/problems/too-large")

        def chunks() -> Iterator[bytes]:
            yield from [fits[:1000], fits[1000:], b" "]

        chunked = client.post("/v1/releases", content=chunks())
        assert (chunked.status_code, problem_of(chunked)["type"]) == (413, "/problems/too-large")


def test_a_length_that_lies_is_answered_before_the_body(service: Service) -> None:
    """A body announced as too large is refused without waiting for it."""
    request = (
        "POST /v1/releases HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n"
        f"Authorization: Bearer {service.keys['system_of_record']}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
        connection.sendall(request.encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_only_json_by_its_content_type(service: Service) -> None:
    """A type that says something else is 415; none, or curl's default, says nothing."""
    body = as_json(release("R-type"))
    with service.client("system_of_record") as client:
        wrong = client.post("/v1/releases", content=body, headers={"Content-Type": "text/xml"})
        assert (wrong.status_code, problem_of(wrong)["type"]) == (415, "/problems/wrong-media-type")
        for right in ("application/json", "Application/JSON; charset=utf-8", "application/x-www-form-urlencoded"):
            assert client.post("/v1/releases", content=body, headers={"Content-Type": right}).status_code in {200, 201}


def test_a_query_is_not_ignored(service: Service) -> None:
    """A parameter that this endpoint does not know is refused, so that nobody believes it was obeyed."""
    with service.client("system_of_record") as client:
        answer = client.post("/v1/releases?as_of=2020-01-01", content=as_json(release("R-query")))
    assert (answer.status_code, problem_of(answer)["errors"][0]["pointer"]) == (422, "")


def test_a_sender_sees_its_own_releases_only(service: Service) -> None:
    """Another sender's release is as if it were not there; an operator and an auditor see all."""
    with service.client("system_of_record") as client:
        client.post("/v1/releases", content=as_json(release("R-mine")))
        mine = client.get("/v1/releases/R-mine").json()
    assert [event["status"] for event in mine["messages"][0]["history"]] == ["queued"]
    assert (mine["mode"], mine["corrections"]) == ("normal", [])
    for role, status in (("second sender", 404), ("operator", 200), ("auditor", 200), ("policy", 403)):
        with service.client(role) as client:
            assert client.get("/v1/releases/R-mine").status_code == status


def test_a_release_id_that_cannot_be(service: Service) -> None:
    """An id that breaks the contract's pattern is told so; it is no 500 and no search."""
    with service.client() as client:
        for bad in ("%00", "a%20b", "-x", "x" * 65, "%ED%A0%80"):
            answer = client.get(f"/v1/releases/{bad}")
            assert (answer.status_code, problem_of(answer)["errors"][0]["pointer"]) == (422, "/release_id")


def test_a_dry_run_decides_the_same_and_leaves_no_trace(service: Service) -> None:
    """`/v1/decisions` answers as a POST would, with no message number, stores nothing and uses up no number."""
    with service.client() as client:
        before = client.post("/v1/releases", content=as_json(release("R-before"))).json()["messages"][0]["message_id"]
        dry = client.post("/v1/decisions", content=as_json(release("R-dry"))).json()
        assert {message["message_id"] for message in dry["messages"]} == {"LN--------"}
        assert client.get("/v1/releases/R-dry").status_code == 404
        wet = client.post("/v1/releases", content=as_json(release("R-dry"))).json()
        assert int(wet["messages"][0]["message_id"][2:], 36) == int(before[2:], 36) + 2
    for dry_message, message in zip(dry["messages"], wet["messages"], strict=True):
        assert message["text"] == dry_message["text"].replace("LN--------", message["message_id"])
    assert {k: v for k, v in dry.items() if k != "messages"} == {k: v for k, v in wet.items() if k != "messages"}


def test_a_dry_run_as_of_another_day(service: Service) -> None:
    """`as_of` decides by the rules of that day; what is no day is refused by name."""
    with service.client("policy") as client:
        early = client.post("/v1/decisions?as_of=2010-01-01", content=as_json(EXAMPLE)).json()
        assert (early["as_of"], early["outcome"]) == ("2010-01-01", "do_not_notify")
        for bad in ("2010-1-1", "0", "2010-02-30", "today"):
            answer = client.post("/v1/decisions", params={"as_of": bad}, content=as_json(EXAMPLE))
            assert (answer.status_code, problem_of(answer)["errors"][0]["pointer"]) == (422, "/as_of")
        unknown = client.post("/v1/decisions?asof=2010-01-01&verbose=1", content=as_json(EXAMPLE))
        assert {fault["pointer"] for fault in problem_of(unknown)["errors"]} == {""}


def test_a_dry_run_explained(service: Service) -> None:
    """`explain=full` adds why and why not to the same decision."""
    with service.client("policy") as client:
        plain = client.post("/v1/decisions", content=as_json(EXAMPLE)).json()
        explained = client.post("/v1/decisions?explain=full", content=as_json(EXAMPLE)).json()
        trace = explained.pop("trace")
        assert explained == plain
        fired = {rule["rule"] for step in trace["steps"] for rule in step["rules"] if rule["fate"] == "fired"}
        assert {reason["rule"] for reason in plain["because"]} <= fired
        assert client.post("/v1/decisions?explain=some", content=as_json(EXAMPLE)).status_code == 422
