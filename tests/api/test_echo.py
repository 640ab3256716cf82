from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.api.serving import Service, as_json, release

CANARY = "CANARY"


def bodies() -> Iterator[Any]:
    """Releases that are refused, with the canary in a value or in a name, everywhere that it can stand."""
    for part in (None, "stay", "subject", "residence"):
        for more in ({CANARY: 1}, {CANARY + "\0": 1}, {CANARY: "\0"}, {"a " + CANARY: {CANARY: CANARY}}):
            document = release("E-1")
            yield document | more if part is None else document | {part: document[part] | more}
    for field in ("fbi_number", "height", "weight", "date_of_birth", "alien_number", "state_id"):
        yield release("E-1", subject=release("E-1")["subject"] | {field: f"not {CANARY}"})
    for field in ("released_at", "state", "ended", "facility"):
        yield release("E-1", stay=release("E-1")["stay"] | {field: [CANARY] if field == "facility" else CANARY})
    yield release(f"no id {CANARY}")
    yield release("E-1", convictions=[{"charge_code": CANARY, "status": CANARY}])
    yield release("E-1", holds=[{CANARY: CANARY}])
    yield [CANARY]
    yield CANARY


def raw_bodies() -> Iterator[bytes]:
    """The same as bytes, and what is not JSON."""
    yield from map(as_json, bodies())
    yield from (b"CANARY", b'{"CANARY": 1, "CANARY": 2}', b'{"a": CANARY}', b'{"release_id": "CANARY\xff"}', b'"CANARY\\ud800"')


def refusals(client: httpx.Client) -> Iterator[httpx.Response]:
    """An answer to each way of being wrong."""
    for body in raw_bodies():
        for path in ("/v1/releases", "/v1/releases:batch", "/v1/decisions", "/v1/releases/E-0/correction"):
            yield client.post(path, content=body)
        yield client.post("/v1/releases/E-0/cancellation", content=body)
        yield client.post("/v1/heartbeat", content=body)
    good = as_json(release("E-1"))
    for headers in ({"LENS-Mode": CANARY}, {"Content-Type": CANARY}, {"Content-Encoding": CANARY}):
        for path in ("/v1/releases", "/v1/releases:batch"):
            yield client.post(path, content=good, headers=headers)
    for query in (f"?{CANARY}=1", f"?{CANARY}=1&{CANARY}=2", f"?limit={CANARY}", f"?status={CANARY}", f"?state={CANARY}"):
        for path in ("/v1/messages", "/v1/work-items", "/v1/releases/E-0", "/v1/audit"):
            yield client.get(path + query)
        yield client.post("/v1/releases" + query, content=good)
        yield client.post("/v1/decisions" + query, content=good)
    for path in (
        f"/{CANARY}",
        f"/v1/releases/{CANARY}-0",
        f"/v1/messages/{CANARY}",
        f"/problems/{CANARY}",
        f"/v1/rulebooks/{CANARY}",
    ):
        yield client.get(path)
    yield client.post(f"/v1/pauses/{CANARY}", json={"reason": CANARY})
    yield client.post(f"/v1/messages/LN{CANARY}AB/requeue", json={"reason": CANARY})
    yield client.request(CANARY, "/v1/releases")
    yield client.get("/v1/reconciliation?state=TX", headers={"Accept": f"application/{CANARY}"})


def test_nothing_that_a_caller_sent_is_in_a_problem(service: Service) -> None:
    """No value, name of a field, query, header or part of an address; whatever is wrong with it."""
    with service.client() as client:
        client.post("/v1/releases", json=release("E-0"))
        answers = list(refusals(client))
    assert len(answers) > 200
    for answer in answers:
        if answer.headers["content-type"] == "application/x-ndjson":
            assert b'"status":4' in answer.content
        else:
            assert answer.status_code >= 400, (answer.request.url, answer.text)
        assert CANARY.lower() not in answer.text.lower(), (answer.request.method, answer.request.url.path, answer.text)


@pytest.mark.parametrize(
    ("document", "pointer", "message"),
    [
        (release("E-2", recidence=None), "", "field 7 of this object is not known; did you mean residence?"),
        (release("E-2") | {"stay": release("E-2")["stay"] | {"realeased_at": "x"}}, "/stay", "did you mean released_at?"),
        (release("E-2", quux=1), "", "field 7 of this object is not known; see /openapi.json"),
    ],
)
def test_an_unknown_field_is_told_by_its_place(service: Service, document: dict[str, Any], pointer: str, message: str) -> None:
    """Which object, which of its fields, and which was probably meant, in our own words alone."""
    with service.client("system_of_record") as client:
        (fault,) = client.post("/v1/releases", json=document).json()["errors"]
    assert (fault["pointer"], fault["code"]) == (pointer, "unknown-field")
    assert fault["message"].endswith(message)


def test_an_unknown_parameter_is_told_with_those_there_are(service: Service) -> None:
    """The misspelt name is the caller's own text; what may stand there helps more."""
    with service.client() as client:
        (fault,) = client.get("/v1/work-items?stat=open").json()["errors"]
    assert (fault["pointer"], fault["code"]) == ("", "unknown-parameter")
    assert {"status", "code", "limit", "cursor"} <= set(fault["allowed"])
