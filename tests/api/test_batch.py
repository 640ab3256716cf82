import socket

import httpx
import msgspec
import pytest

from app.domain.release import BODY_LIMIT
from tests.api.serving import Service, as_json, release


def lines_of(answer: httpx.Response) -> list[dict[str, object]]:
    """The answer lines of a batch."""
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.content.endswith(b"\n")
    return [msgspec.json.decode(line) for line in answer.content.splitlines()]


def test_one_answer_a_line_in_order(service: Service) -> None:
    """Good, bad, blank, over-long and repeated lines each get their line, and the bad ones stop nobody."""
    good = [as_json(release(f"B-{number}")) for number in range(1, 4)]
    conflict = as_json(release("B-1", residence=None))
    lines = [good[0], b"{nonsense", b"", good[1], b"x" * (BODY_LIMIT + 1), good[0], conflict, good[2]]
    with service.client("system_of_record") as client:
        told = lines_of(client.post("/v1/releases:batch", content=b"\n".join(lines)))
    assert [each.get("release_id", each.get("status")) for each in told] == ["B-1", 400, 400, "B-2", 413, "B-1", 409, "B-3"]
    assert [each["line"] for each in told if "line" in each] == [2, 3, 5, 7]
    assert told[0] == told[5]


def test_line_ends_of_windows_and_no_last_one(service: Service) -> None:
    """CR LF ends a line too, and the last line needs no end."""
    with service.client("system_of_record") as client:
        content = as_json(release("B-crlf-1")) + b"\r\n" + as_json(release("B-crlf-2"))
        told = lines_of(client.post("/v1/releases:batch", content=content))
        assert [each["release_id"] for each in told] == ["B-crlf-1", "B-crlf-2"]
        assert client.post("/v1/releases:batch", content=b"").content == b""


def test_a_big_batch_from_a_caller_who_reads_late(service: Service) -> None:
    """Thousands of lines go through though the caller sends all of them before it reads the first answer."""
    body = b"".join(as_json(release(f"B-many-{number}")) + b"\n" for number in range(600))
    with service.client("system_of_record") as client:
        told = lines_of(client.post("/v1/releases:batch", content=body))
        assert [each["release_id"] for each in told] == [f"B-many-{number}" for number in range(600)]
        again = lines_of(client.post("/v1/releases:batch", content=body))
    assert again == told


def test_answers_stream_while_the_batch_comes_in(service: Service) -> None:
    """A line is answered before the next one is sent, so a feed may stay open."""
    head = (
        "POST /v1/releases:batch HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Type: application/x-ndjson\r\n"
        f"Authorization: Bearer {service.keys['system_of_record']}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
        connection.sendall(head.encode())
        answer = b""
        for number in range(3):
            line = as_json(release(f"B-live-{number}")) + b"\n"
            connection.sendall(b"%x\r\n%b\r\n" % (len(line), line))
            while f"B-live-{number}".encode() not in answer:
                received = connection.recv(65536)
                assert received
                answer += received
        connection.sendall(b"0\r\n\r\n")
        while not answer.endswith(b"0\r\n\r\n"):
            answer += connection.recv(65536)


def test_a_batch_that_breaks_off_keeps_whole_lines_only(service: Service) -> None:
    """Lines that came whole before the caller hung up are accepted; half a line is not, though it may be whole JSON."""
    whole, half = as_json(release("B-whole")) + b"\n", as_json(release("B-half"))
    head = (
        f"POST /v1/releases:batch HTTP/1.1\r\nHost: x\r\nContent-Length: {len(whole) + len(half) + 100}\r\n"
        f"Authorization: Bearer {service.keys['system_of_record']}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
        connection.sendall(head.encode() + whole + half)
        answer = b""
        while b"B-whole" not in answer:
            answer += connection.recv(65536)
    with service.client("system_of_record") as client:
        assert client.get("/v1/releases/B-whole").status_code == 200
        assert client.get("/v1/releases/B-half").status_code == 404


def test_backfill_of_a_batch(service: Service) -> None:
    """LENS-Mode holds for every line of a batch."""
    with service.client("system_of_record") as client:
        answer = client.post(
            "/v1/releases:batch", content=as_json(release("B-fill")) + b"\n", headers={"LENS-Mode": "backfill"}
        )
        assert {message["status"] for message in lines_of(answer)[0]["messages"]} == {"suppressed"}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"LENS-Mode": "x"}, 400), ({"Content-Type": "text/csv"}, 415), ({"Authorization": "Bearer x"}, 401)],
)
def test_what_is_wrong_with_the_whole_batch(service: Service, headers: dict[str, str], status: int) -> None:
    """A wrong mode, type or key is told as one problem, before any line."""
    with service.client("system_of_record") as client:
        answer = client.post("/v1/releases:batch", content=as_json(release("B-none")) + b"\n", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
