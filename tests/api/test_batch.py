import gzip
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


def test_a_batch_may_come_as_bytes(service: Service) -> None:
    """A generated client sends the lines as `application/octet-stream`; they are read as they are otherwise."""
    with service.client() as client:
        lines = as_json(release("BYTES-1")) + b"\n"
        answer = client.post("/v1/releases:batch", content=lines, headers={"Content-Type": "application/octet-stream"})
    assert (answer.status_code, answer.json()["line"]) == (200, 1)


def test_one_answer_a_line_in_order(service: Service) -> None:
    """Good, bad, blank, over-long and repeated lines each get their line, and the bad ones stop nobody."""
    good = [as_json(release(f"B-{number}")) for number in range(1, 4)]
    conflict = as_json(release("B-1", residence=None))
    lines = [good[0], b"{nonsense", b"", good[1], b"x" * (BODY_LIMIT + 1), good[0], conflict, good[2]]
    with service.client("system_of_record") as client:
        told = lines_of(client.post("/v1/releases:batch", content=b"\n".join(lines)))
    assert [each.get("status", each.get("release_id")) for each in told] == ["B-1", 400, 400, "B-2", 413, "B-1", 409, "B-3"]
    assert [each["line"] for each in told] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [each.get("replayed") for each in told] == [False, None, None, False, None, True, None, False]
    assert told[0] | {"line": 6, "replayed": True} == told[5]
    assert told[6]["release_id"] == "B-1"


def test_line_ends_of_windows_and_no_last_one(service: Service) -> None:
    """CR LF ends a line too, and the last line needs no end."""
    with service.client("system_of_record") as client:
        content = as_json(release("B-crlf-1")) + b"\r\n" + as_json(release("B-crlf-2"))
        told = lines_of(client.post("/v1/releases:batch", content=content))
        assert [each["release_id"] for each in told] == ["B-crlf-1", "B-crlf-2"]


def test_a_big_batch_from_a_caller_who_reads_late(service: Service) -> None:
    """Thousands of lines go through though the caller sends all of them before it reads the first answer."""
    body = b"".join(as_json(release(f"B-many-{number}")) + b"\n" for number in range(600))
    with service.client("system_of_record") as client:
        told = lines_of(client.post("/v1/releases:batch", content=body))
        assert [each["release_id"] for each in told] == [f"B-many-{number}" for number in range(600)]
        again = lines_of(client.post("/v1/releases:batch", content=body))
    assert again == [each | {"replayed": True} for each in told]


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


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n \n\t\n"])
def test_an_empty_batch_is_refused(service: Service, content: bytes) -> None:
    """Also one of blank lines alone: a sender whose file came out empty must hear of it."""
    with service.client("system_of_record") as client:
        answer = client.post("/v1/releases:batch", content=content)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "empty-batch")


def test_a_bad_line_is_named_where_it_says_its_id(service: Service) -> None:
    """A release_id that can be read is in the problem; one that is none, or that cannot be read for sure, is not."""
    lines = [
        as_json(release("B-named") | {"stay": None}),
        as_json(release("B-named") | {"release_id": "not an id, but a name"}),
        b'{"release_id": "B-broken"',
        b'{"release_id": 7}',
    ]
    with service.client("system_of_record") as client:
        told = lines_of(client.post("/v1/releases:batch", content=b"\n".join(lines)))
    assert [each.get("release_id") for each in told] == ["B-named", None, None, None]
    assert [each["line"] for each in told] == [1, 2, 3, 4]


def test_a_gzip_batch_is_read(service: Service) -> None:
    """In one member or several; identity says nothing."""
    whole = [as_json(release(f"B-zip-{number}")) + b"\n" for number in range(300)]
    several = gzip.compress(b"".join(whole[:100])) + gzip.compress(b"".join(whole[100:]))
    with service.client("system_of_record") as client:
        told = lines_of(client.post("/v1/releases:batch", content=several, headers={"Content-Encoding": "gzip"}))
        assert [each["release_id"] for each in told] == [f"B-zip-{number}" for number in range(300)]
        plain = client.post("/v1/releases:batch", content=whole[0], headers={"Content-Encoding": "identity"})
        assert [each["replayed"] for each in lines_of(plain)] == [True]


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "zstd", "gzip, br"])
def test_another_encoding_is_refused(service: Service, encoding: str) -> None:
    """415, and nothing is stored; what was sent is not repeated."""
    with service.client("system_of_record") as client:
        answer = client.post("/v1/releases:batch", content=as_json(release("B-enc")), headers={"Content-Encoding": encoding})
        assert (answer.status_code, answer.json()["type"]) == (415, "/problems/wrong-media-type")
        one = client.post("/v1/releases", content=as_json(release("B-enc")), headers={"Content-Encoding": encoding})
        assert one.status_code == 415
        assert client.get("/v1/releases/B-enc").status_code == 404


def test_gzip_that_is_none_or_breaks_off(service: Service) -> None:
    """Damaged from the start: one problem. Cut short: the lines before are stored, and a last answer says that no more was read."""
    headers = {"Content-Encoding": "gzip"}
    whole = gzip.compress(b"".join(as_json(release(f"B-cut-{number}")) + b"\n" for number in range(3)))
    with service.client("system_of_record") as client:
        answer = client.post("/v1/releases:batch", content=as_json(release("B-cut")), headers=headers)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "not-gzip")
        told = lines_of(client.post("/v1/releases:batch", content=whole[:-8], headers=headers))
    assert [each.get("release_id") for each in told] == ["B-cut-0", "B-cut-1", "B-cut-2", None]
    assert (told[3]["status"], told[3]["line"]) == (400, 4)


def test_a_bomb_is_not_unpacked(service: Service) -> None:
    """Neither one of blank lines nor one long line: reading ends with a problem, and the service goes on."""
    with service.client("system_of_record") as client:
        for bomb in (b" " * 300_000_000, b"\n" * 300_000_000):
            body = gzip.compress(as_json(release("B-bomb")) + b"\n" + bomb)
            told = lines_of(client.post("/v1/releases:batch", content=body, headers={"Content-Encoding": "gzip"}))
            assert told[-1]["status"] == 413
            assert len(told) < 200
