from concurrent.futures import ThreadPoolExecutor

from tests.api.serving import Service, as_json, release
from tests.api.test_releases import problem_of
from tests.cli.programs import until
from tests.store.test_writer import Gate

AWAY = {"street": "1 Mill Rd", "city": "Deming", "state": "NM", "zip": "88030"}


def test_a_release_is_corrected_and_cancelled_over_http(service: Service) -> None:
    """201 with the decision; the same again 200, marked as a replay; after the cancellation no correction; all of it shown."""
    with service.client("system_of_record") as client:
        client.post("/v1/releases", content=as_json(release("F-1")))
        corrected = as_json(release("F-1", residence=AWAY))
        first = client.post("/v1/releases/F-1/correction", content=corrected)
        assert first.status_code == 201, first.text
        assert [(m["type"], m["state"]) for m in first.json()["messages"]] == [("NEW", "AZ"), ("NEW", "NM")]
        again = client.post("/v1/releases/F-1/correction", content=corrected)
        assert (again.status_code, again.headers["idempotent-replay"], again.content) == (200, "true", first.content)
        why = {"reason": "entered for the wrong person"}
        ended = client.post("/v1/releases/F-1/cancellation", json=why)
        assert (ended.status_code, ended.json()["outcome"], ended.json()["messages"]) == (201, "do_not_notify", [])
        again = client.post("/v1/releases/F-1/cancellation", json=why)
        assert (again.status_code, again.headers["idempotent-replay"]) == (200, "true")
        assert client.post("/v1/releases/F-1/correction", content=corrected).status_code == 409
        found = client.get("/v1/releases/F-1").json()
    assert {message["status"] for message in found["messages"]} == {"cancelled"}
    assert [(each["kind"], each["by"], each["reason"]) for each in found["corrections"]] == [
        ("correction", "the system_of_record", None),
        ("cancellation", "the system_of_record", "entered for the wrong person"),
    ]


def test_a_correction_that_came_in_before_a_newer_one_does_not_undo_it(service: Service) -> None:
    """The writer is busy as a correction comes in, and behind it one to what stood at first: that asks for what is past (409)."""
    gate = Gate()

    def correct(**changes: object) -> int:
        with service.client("system_of_record") as client:
            return client.post("/v1/releases/F-4/correction", content=as_json(release("F-4", **changes))).status_code

    with ThreadPoolExecutor() as callers:
        with service.client("system_of_record") as client:
            client.post("/v1/releases", content=as_json(release("F-4")))
        assert correct(residence=AWAY) == 201
        held = callers.submit(service.writer.do_and_wait, gate, None)
        try:
            assert gate.entered.wait(10)
            newer = callers.submit(correct, residence=AWAY | {"street": "2 Mill Rd"})
            until(lambda: service.writer.waiting() == 1)
            past = callers.submit(correct)
            until(lambda: service.writer.waiting() == 2)
        finally:
            gate.opened.set()
        assert (newer.result(), past.result(), held.result()) == (201, 409, None)
        assert correct() == 201


def test_who_may_correct_and_what(service: Service) -> None:
    """The sender and an operator; to anyone else it is not there or forbidden. Another release's content is refused."""
    with service.client("system_of_record") as client:
        client.post("/v1/releases", content=as_json(release("F-2")))
        told = problem_of(client.post("/v1/releases/F-2/correction", content=as_json(release("F-3"))))
        assert (told["status"], told["errors"][0]["pointer"]) == (422, "/release_id")
        assert client.post("/v1/releases/F-9/correction", content=as_json(release("F-9"))).status_code == 404
        assert client.post("/v1/releases/F-2/cancellation", content=b"{}").status_code == 422
    for key, status in (("second sender", 409), ("auditor", 403), ("operator", 201)):
        with service.client(key) as client:
            assert client.post("/v1/releases/F-2/cancellation", json={"reason": "a test"}).status_code == status
