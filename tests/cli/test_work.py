import socket
from pathlib import Path

import httpx

from tests.cli.programs import Program, until
from tests.dispatch.outbox_rows import AZ, TX, queue, store_in


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def page(port: int) -> str:
    """What is told there; nothing before it is."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/metrics").text
    except httpx.TransportError:
        return ""


def test_a_dispatcher_alone_sends_and_tells_its_metrics(tmp_path: Path) -> None:
    """At the address that is set for it."""
    store = store_in(tmp_path)
    queue(store, [AZ, TX, TX])
    store.close()
    port = free_port()
    with Program(tmp_path, ["work"], {"LENS_METRICS_ADDRESS": f"127.0.0.1:{port}"}):
        until(lambda: 'lens_attempts_total{fate="taken"} 3.0' in page(port))
        until(lambda: "lens_sent_seconds_count 3.0" in page(port))
        assert 'lens_ready{part="worker"} 1.0' in page(port)
