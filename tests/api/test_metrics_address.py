import os
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from prometheus_client.core import Metric

from app.api.metrics.about_metrics import About
from app.api.metrics.metrics_address import Sparing, metrics_address
from app.dispatch.counts import DispatchCounts
from app.errors import BadSetting

ABOUT = About("SQLite 3.51.3", {"LENS_SWITCH_TLS_CERT": 1_800_000_000.0})


def test_a_dispatcher_alone_tells_its_figures() -> None:
    """Found anew for each scrape."""
    counts = DispatchCounts()
    with metrics_address("127.0.0.1:0", lambda: {"channel": None, "worker": "it broke"}, lambda: counts, ABOUT) as port:
        counts.tries["taken"] += 3
        page = httpx.get(f"http://127.0.0.1:{port}/metrics").text.splitlines()
        assert 'lens_attempts_total{fate="taken"} 3.0' in page
        assert 'lens_ready{part="channel"} 1.0' in page
        assert 'lens_ready{part="worker"} 0.0' in page
        assert 'lens_sent_seconds_bucket{le="10.0"} 0.0' in page
        assert 'lens_certificate_not_after_timestamp_seconds{setting="LENS_SWITCH_TLS_CERT"} 1.8e+09' in page
        assert any(line.startswith("lens_build_info{") and 'database="SQLite 3.51.3"' in line for line in page)
        assert any(line.startswith(f'process_resident_memory_bytes{{pid="{os.getpid()}"}} ') for line in page)


def test_figures_are_made_once_a_second_however_many_ask() -> None:
    """As those of a service are: many who ask cost one."""
    made: list[float] = []
    now = [10.0]

    def make() -> list[Metric]:
        made.append(now[0])
        return []

    figures = Sparing(make, lambda: now[0])
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: figures.look(), range(64)))
        assert made == [10.0]
        now[0] = 11.0
        list(threads.map(lambda _: figures.look(), range(64)))
    assert made == [10.0, 11.0]


def test_an_address_in_use_is_a_bad_setting() -> None:
    """It stops the start, and names the setting."""
    with (
        metrics_address("127.0.0.1:0", dict, DispatchCounts, ABOUT) as port,
        pytest.raises(BadSetting, match="LENS_METRICS_ADDRESS"),
    ):
        metrics_address(f"127.0.0.1:{port}", dict, DispatchCounts, ABOUT).__enter__()
