import socket

import pytest

from app.api.requests import bodies
from app.api.serving.server import Listener
from app.errors import BadSetting
from tests.api.serving import Service, as_json, release


def test_a_busy_port_is_named_with_a_way_out() -> None:
    """Another program on the port: the error has its number, and how to choose another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BadSetting, match=rf"Port {port} of 127\.0\.0\.1 is in use.*--port {port + 1}"):
            Listener("127.0.0.1", port)


def test_an_address_of_another_machine() -> None:
    """An address this machine does not have is told with the reason."""
    with pytest.raises(BadSetting, match=r"Cannot listen on port 0 of 192\.0\.2\.1: .*--host"):
        Listener("192.0.2.1", 0)


def test_where_a_client_finds_it() -> None:
    """The address shown is one that can be asked, also when it listens everywhere."""
    for host, shown in (("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1")):  # noqa: S104 - for a moment, nobody listens
        listener = Listener(host, 0)
        assert listener.url == f"http://{shown}:{listener.port}"
        listener.socket.close()


def say(service: Service, words: bytes) -> bytes:
    """What the service answers to bytes that are no proper request."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
        connection.sendall(words)
        answer = b""
        while received := connection.recv(65536):
            answer += received
    return answer


def test_what_is_no_http_is_told_so(service: Service) -> None:
    """Garbage gets a problem like any other fault, and the connection ends."""
    for words in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"GET  /  HTTP/9.9\r\n\r\n", b"hello there\r\n\r\n"):
        answer = say(service, words)
        assert answer.startswith(b"HTTP/1.1 400 "), answer
        assert b"application/problem+json" in answer
        assert b"/problems/not-http" in answer


def test_an_endless_head_is_cut_off(service: Service) -> None:
    """Headers without end, many or one, do not fill the memory."""
    for head in (b"GET /healthz HTTP/1.1\r\n" + b"X-More: y\r\n" * 100_000, b"GET /healthz HTTP/1.1\r\nX: " + b"y" * 1_000_000):
        with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
            try:
                connection.sendall(head)
                assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
            except (ConnectionResetError, BrokenPipeError):
                pass  # it did not even listen to the end


def test_a_big_head_in_bounds_and_big_bodies_pass(service: Service) -> None:
    """The limit is for heads alone."""
    with service.client("policy") as client:
        body = as_json(release("S-1")).ljust(200_000)
        for _ in range(3):
            assert client.post("/v1/decisions", content=body, headers={"X-Long": "y" * 30_000}).status_code == 200


def test_a_body_that_does_not_come_is_given_up(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that stops half way is 408 after a while, and the connection ends."""
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.1)
    key = service.keys["system_of_record"]
    head = f"POST /v1/releases HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nAuthorization: Bearer {key}\r\n\r\n"
    assert say(service, head.encode() + b"{").startswith(b"HTTP/1.1 408 ")
