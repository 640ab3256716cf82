import asyncio
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from app.api.serving import open_files
from app.api.serving.connections import Limits
from app.api.serving.open_files import RESERVED, allow_open_files
from tests.api.serving import Service, running

QUICK = Limits(head=0.2, window=0.2, stalled=0.3, tick=0.05)
"""As short as a busy machine can bear; how long it takes is not measured."""
PART_OF_A_HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"
WHOLE_HEAD = PART_OF_A_HEAD + b"\r\n"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers as soon as the body has come; where the caller asks for more, without end, until it hangs up."""
    message = await receive()
    while message.get("more_body"):
        message = await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"] == "/endless":
        gone = asyncio.create_task(hung_up(receive))
        while not gone.done():
            await send({"type": "http.response.body", "body": bytes(65536), "more_body": True})
            await asyncio.sleep(0)
        return
    await send({"type": "http.response.body", "body": b"done"})


async def hung_up(receive: Receive) -> None:
    """Ends when the caller has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    """A connection that gives up waiting for an answer after a long time."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        yield connection


def heard(connection: socket.socket) -> bytes:
    """All that comes until the server ends the connection."""
    answer = b""
    with suppress(ConnectionResetError):
        while received := connection.recv(65536):
            answer += received
    return answer


def send_on(connection: socket.socket, piece: bytes) -> bytes:
    """Sends a piece again and again, with a pause, until the server says something; all of what it says."""
    connection.settimeout(0.02)
    while True:
        try:
            connection.sendall(piece)
            answer = connection.recv(65536)
        except TimeoutError:
            continue
        except (ConnectionResetError, BrokenPipeError):
            return b""
        connection.settimeout(20)
        return answer + heard(connection)


def test_a_head_that_does_not_come_is_given_up() -> None:
    """Half of it, then nothing: a problem, and the end. Nothing at all: the end. After one good request: the same."""
    with running(app, QUICK) as port:
        with connected(port) as connection:
            connection.sendall(PART_OF_A_HEAD)
            answer = heard(connection)
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert b"/problems/too-slow" in answer
        with connected(port) as connection:
            assert heard(connection) == b""
        with connected(port) as connection:
            connection.sendall(WHOLE_HEAD + PART_OF_A_HEAD)
            connection.sendall(b"X: y\r\n")
            assert b"HTTP/1.1 408 " in heard(connection)


def test_a_head_that_trickles_is_given_up() -> None:
    """Each byte on its way does not give it more time."""
    with running(app, QUICK) as port, connected(port) as connection:
        connection.sendall(PART_OF_A_HEAD + b"X: ")
        assert send_on(connection, b"y").startswith(b"HTTP/1.1 408 ")


def test_a_body_that_trickles_is_given_up() -> None:
    """Less than 1 KB a second, however long it goes on."""
    with running(app, QUICK) as port, connected(port) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
        assert send_on(connection, b"y").startswith(b"HTTP/1.1 408 ")


def test_a_steady_body_is_read_to_its_end() -> None:
    """However many windows it takes, at more than the rate."""
    with running(app, QUICK) as port, connected(port) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\nConnection: close\r\n\r\n")
        connection.settimeout(0.02)
        for _ in range(29):
            connection.sendall(bytes(10_000))
            with pytest.raises(TimeoutError):
                connection.recv(1)
        connection.settimeout(20)
        connection.sendall(bytes(10_000))
        assert heard(connection).endswith(b"done\r\n0\r\n\r\n")


def test_who_has_the_answer_cannot_keep_the_connection_with_the_body(service: Service) -> None:
    """Without a key the answer comes before the body, and what comes of that is not waited for."""
    head = b"POST /v1/releases HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 200000\r\n\r\n"
    with connected(service.port) as connection:
        connection.sendall(head)
        assert connection.recv(65536).startswith(b"HTTP/1.1 401 ")


def test_who_reads_nothing_is_let_go() -> None:
    """An answer that nobody takes does not stay for ever: the server ends the connection, which breaks what is sent on it."""
    with running(app, QUICK) as port, connected(port) as connection:
        connection.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            send_for_ever(connection, port)


def send_for_ever(connection: socket.socket, port: int) -> None:
    """Sends a byte, passes the time with another connection until that is given up, and so on."""
    while True:
        connection.sendall(b"x")
        with connected(port) as other:
            other.sendall(PART_OF_A_HEAD)
            heard(other)


def test_too_many_of_one_source_push_out_the_oldest_that_is_half_open() -> None:
    """A new caller is always let in; who has sent a whole head stays before who has not."""
    with running(app, Limits(per_source=10)) as port, ExitStack() as stack:
        idle = stack.enter_context(connected(port))
        idle.sendall(WHOLE_HEAD)
        assert idle.recv(65536).startswith(b"HTTP/1.1 200 ")
        half_open = [stack.enter_context(connected(port)) for _ in range(30)]
        for connection in half_open:
            with suppress(ConnectionResetError, BrokenPipeError):
                connection.sendall(PART_OF_A_HEAD)
        assert heard(half_open[0]) == b""
        idle.sendall(WHOLE_HEAD)
        assert idle.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert httpx.get(f"http://127.0.0.1:{port}/").text == "done"
        half_open[-1].sendall(b"\r\n")
        assert half_open[-1].recv(65536).startswith(b"HTTP/1.1 200 ")


def test_where_all_are_at_work_a_new_one_is_told_to_come_later() -> None:
    """Neither refused without a word nor at the cost of a request under way."""
    with running(app, Limits(in_all=3)) as port, ExitStack() as stack:
        busy = [stack.enter_context(connected(port)) for _ in range(3)]
        for connection in busy:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")
        with connected(port) as connection:
            answer = heard(connection)
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert b"/problems/unavailable" in answer
        for connection in busy:
            connection.sendall(b"abc")
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_a_thousand_half_open_connections_keep_nobody_out(service: Service) -> None:
    """Others are answered while they are held; from the same address even."""
    allow_open_files(4096)
    with ExitStack() as stack:
        for _ in range(1000):
            connection = stack.enter_context(connected(service.port))
            with suppress(ConnectionResetError, BrokenPipeError):
                connection.sendall(PART_OF_A_HEAD)
        with service.client("policy") as client:
            assert {client.get("/v1/rulebook").status_code for _ in range(50)} == {200}


@pytest.mark.parametrize(
    ("limits", "room", "raised"), [((256, 65536), 1000, 16384), ((256, 1024), 768, 1024), ((200, 200), 16, 200)]
)
def test_open_files_are_raised_as_far_as_may_be(
    monkeypatch: pytest.MonkeyPatch, limits: tuple[int, int], room: int, raised: int
) -> None:
    """Up to the hard limit; where that is too low, fewer connections are taken and the log says so."""
    now, told = [limits], []

    class Log:
        """Keeps what is warned of."""

        def warning(self, event: str, **more: object) -> None:
            """Takes a line."""
            told.append((event, more["connections"]))

    monkeypatch.setattr(open_files, "_log", Log())
    monkeypatch.setattr(resource, "getrlimit", lambda _: now[0])
    monkeypatch.setattr(resource, "setrlimit", lambda _, wanted: now.__setitem__(0, wanted))
    assert allow_open_files(1000) == room
    assert now[0] == (raised, limits[1])
    assert told == ([] if raised - RESERVED >= 1000 else [("open_files_limited", room)])
