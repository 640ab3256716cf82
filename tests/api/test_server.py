import socket

import pytest

from app.api.server import Listener
from app.errors import BadSetting


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
